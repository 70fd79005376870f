package interop

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"

	"kvorum/resp"
	"kvorum/test/peer"
)

// patience bounds every wait for a condition.
const patience = 20 * time.Second

// site is a server that programs visit, one after the other.
type site struct {
	srv  *peer.Server
	port int
}

func (s *site) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// line is one line of a transcript.
type line struct{ scenario, text string }

// recorder keeps the transcript of one program on one server. A scenario notes
// from one goroutine.
type recorder struct {
	testing.TB
	*site
	scenario string
	lines    []line
	library  string // what CLIENT INFO tells about the library: its name and version
}

// note adds a call and its outcome.
func (r *recorder) note(call string, result any, err error) {
	r.add(call + " => " + outcome(result, err))
}

// check adds a condition on something that cannot be compared itself. seen is
// reported when it does not hold.
func (r *recorder) check(what string, ok bool, seen any) {
	r.Helper()
	if !ok {
		r.Errorf("%s: %s: %s: not so, but %v", r.srv, r.scenario, what, seen)
	}
	r.add(what)
}

// ok stops the scenario on an error that is none of its subject.
func (r *recorder) ok(err error) {
	r.Helper()
	if err != nil {
		r.Fatalf("%s: %s: %v", r.srv, r.scenario, err)
	}
}

// until waits for a condition.
func (r *recorder) until(what string, cond func() bool) {
	r.Helper()
	for end := time.Now().Add(patience); !cond(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			r.Fatalf("%s: %s: %s: not within %v", r.srv, r.scenario, what, patience)
		}
	}
	r.add(what)
}

// tracksKeys asks for what rueidis needs for client side caching.
func (r *recorder) tracksKeys() bool {
	c, err := r.srv.Dial()
	r.ok(err)
	defer c.Close()
	if _, err := c.Must("HELLO", "3"); err != nil {
		r.Fatal(err)
	}
	v, err := c.Do("CLIENT", "TRACKING", "ON", "OPTIN")
	r.ok(err)
	return !v.IsError()
}

// publishes asks for channels.
func (r *recorder) publishes() bool {
	c, err := r.srv.Dial()
	r.ok(err)
	defer c.Close()
	v, err := c.Do("PUBLISH", "channel", "message")
	r.ok(err)
	return !v.IsError()
}

// must sends a command outside of the library.
func (r *recorder) must(words ...string) resp.Value {
	c, err := r.srv.Dial()
	r.ok(err)
	defer c.Close()
	v, err := c.Must(words...)
	r.ok(err)
	return v
}

func (r *recorder) add(text string) {
	text = regexp.MustCompile(fmt.Sprintf(`\b%d\b`, r.port)).ReplaceAllString(text, "PORT")
	text = strings.ReplaceAll(text, r.srv.Sock(), "SOCKET")
	r.lines = append(r.lines, line{r.scenario, text})
}

// outcome shows a result or an error.
func outcome(result any, err error) string {
	if err != nil {
		return failure(err)
	}
	return show(result)
}

// failure names an error by what a program does about it.
func failure(err error) string {
	var redisError redis.Error
	var timeout net.Error
	switch {
	case errors.Is(err, redis.Nil) || rueidis.IsRedisNil(err):
		return "nil"
	case errors.As(err, &redisError):
		return "error " + redisError.Error() + marks(err)
	case errors.Is(err, rueidis.ErrNoCache):
		return "no client side caching: " + strings.SplitN(err.Error(), "\n", 2)[0]
	}
	if e, ok := rueidis.IsRedisErr(err); ok {
		return "error " + e.Error()
	}
	switch {
	case errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	case errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNREFUSED):
		return "connection lost"
	}
	return fmt.Sprintf("%T %v", err, err)
}

// marks tells what go-redis recognizes in an error.
func marks(err error) string {
	var out []string
	for _, kind := range []struct {
		name string
		is   func(error) bool
	}{
		{"auth", redis.IsAuthError}, {"permission", redis.IsPermissionError}, {"loading", redis.IsLoadingError},
		{"oom", redis.IsOOMError}, {"noreplicas", redis.IsNoReplicasError}, {"maxclients", redis.IsMaxClientsError},
		{"execabort", redis.IsExecAbortError},
	} {
		if kind.is(err) {
			out = append(out, kind.name)
		}
	}
	if out == nil {
		return ""
	}
	return " (" + strings.Join(out, " ") + ")"
}

// longest is the size of a text that transcripts have in full.
const longest = 200

// shorten makes a long text its beginning, size and digest.
func shorten(text string) string {
	if len(text) <= longest {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	return fmt.Sprintf("%s… %d bytes %x", text[:40], len(text), sum[:6])
}

// show writes a value with its type's marks, a long one shortened.
func show(v any) string {
	text := ""
	switch v := v.(type) {
	case nil:
		return "nil"
	case string:
		text = strconv.Quote(shorten(v))
	case []byte:
		text = "bytes " + strconv.Quote(shorten(string(v)))
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = show(v[i])
		}
		text = "[" + strings.Join(parts, " ") + "]"
	case []string:
		text = fmt.Sprintf("%q", v)
	case *big.Int:
		return "bignum " + v.String()
	case map[string]any:
		parts := make([]string, 0, len(v))
		for k := range v {
			parts = append(parts, strconv.Quote(k)+":"+show(v[k]))
		}
		slices.Sort(parts)
		text = "{" + strings.Join(parts, " ") + "}"
	default:
		text = fmt.Sprintf("%v", v) // maps in the order of their keys
	}
	return shorten(text)
}

// brief shows the words of a call.
func brief[T any](words []T) string {
	parts := make([]string, 0, len(words))
	for i, w := range words {
		if i == 12 {
			return strings.Join(parts, " ") + fmt.Sprintf(" … %d words", len(words))
		}
		var s string
		switch w := any(w).(type) {
		case []byte:
			s = string(w)
		case string:
			s = w
		default:
			s = fmt.Sprint(w)
		}
		if len(s) > 40 {
			s = fmt.Sprintf("%s…%d", s[:20], len(s))
		}
		if strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' }) || s == "" {
			s = strconv.Quote(s)
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, " ")
}

// replyTypes are arguments of DEBUG PROTOCOL.
var replyTypes = []string{"string", "integer", "double", "null", "array", "set", "map", "verbatim", "true", "false", "bignum"}

// libraryIn finds the library's name and version in an entry of CLIENT LIST.
func libraryIn(entry string) string {
	var name, version string
	for field := range strings.FieldsSeq(entry) {
		if v, ok := strings.CutPrefix(field, "lib-name="); ok {
			name = v
		}
		if v, ok := strings.CutPrefix(field, "lib-ver="); ok {
			version = v
		}
	}
	return name + " " + version
}

// infoField returns a field of INFO as a program finds it.
func infoField(info, name string) string {
	for l := range strings.SplitSeq(info, "\r\n") {
		if v, ok := strings.CutPrefix(l, name+":"); ok {
			return v
		}
	}
	return ""
}
