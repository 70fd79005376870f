package conformance

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"kvorum/resp"
	"kvorum/test/peer"
)

// The bytes of requests, right and mangled: both servers must answer the same
// bytes and agree whether the connection is closed.
//
// How much a server has answered is known without waiting: after the bytes, other
// connections of it (one on each loop) make several round trips; a loop that has
// served them has served the bytes before.

// probeTrips is the number of those round trips. One event loop may find the
// probe ready before the bytes once, not twice.
const probeTrips = 3

// inputMax keeps an input within what Redis reads at once: its limit of an
// inline request depends on that (inline-limit in COMPAT.md).
const inputMax = 16 << 10

// wire is a server as a source of raw answers.
type wire struct {
	srv    *peer.Server
	admin  *peer.Conn
	probes []*peer.Conn
}

func newWire(srv *peer.Server, loops int) (*wire, error) {
	w := &wire{srv: srv}
	var err error
	if w.admin, err = srv.Dial(); err != nil {
		return nil, err
	}
	for range loops {
		c, err := srv.Dial()
		if err != nil {
			return nil, err
		}
		if _, err := c.Must("PING"); err != nil {
			return nil, err
		}
		w.probes = append(w.probes, c)
	}
	return w, nil
}

// answer is what a server makes of some bytes.
type answer struct {
	data   []byte
	closed bool
}

func (a answer) String() string {
	const shown = 400
	text := fmt.Sprintf("closed %v, %d bytes: %.*q", a.closed, len(a.data), shown, a.data)
	if len(a.data) > 2*shown {
		text += fmt.Sprintf(" ... %q", a.data[len(a.data)-shown:])
	}
	return text
}

// ask sends bytes on a fresh connection of an empty server.
func (w *wire) ask(in []byte, login bool, trips int) (answer, error) {
	var a answer
	if _, err := w.admin.Must("FLUSHALL"); err != nil {
		return a, err
	}
	c, err := w.srv.Dial()
	if err != nil {
		return a, err
	}
	defer c.Close()
	if login {
		if _, err := c.Must("PING"); err != nil {
			return a, err
		}
	}
	if err := c.Send(in); err != nil {
		return a, err
	}
	for range trips {
		for _, p := range w.probes {
			if _, err := p.Do("ECHO", "x"); err != nil {
				return a, err
			}
		}
	}
	if a.data, a.closed, err = c.Drain(); err != nil {
		return a, err
	}
	for _, r := range own {
		a.data = r.is.ReplaceAll(a.data, []byte(r.as))
	}
	return a, nil
}

// own are parts of answers that are each server's own, or its version's.
var own = []struct {
	is *regexp.Regexp
	as string
}{
	{regexp.MustCompile(`version\r\n\$\d+\r\n[0-9.]+\r\n`), "version\r\n"},
	{regexp.MustCompile(`id\r\n:\d+\r\n`), "id\r\n"},
	// 7.2 names the version of the protocol in the advice.
	{regexp.MustCompile(`the HELLO <proto> AUTH`), "the HELLO AUTH"},
}

// protocolDifferences are answers known to differ, with the reason.
var protocolDifferences = []struct {
	reason string
	has    func(in []byte, ours, theirs answer) bool
}{
	{
		"redis-server closes a connection that has not logged in when its replies exceed 1024 bytes: a change of 7.2.8 that Debian's 7.0.15 has too",
		func(in []byte, ours, theirs answer) bool {
			return theirs.closed && len(theirs.data) == 0 && !ours.closed && len(ours.data) > 1024
		},
	},
	{
		"after a line of HTTP Redis drops also the replies that it had not sent yet (http-replies in COMPAT.md)",
		func(in []byte, ours, theirs answer) bool {
			return httpLine.Match(in) && theirs.closed && ours.closed && len(theirs.data) == 0
		},
	},
}

var httpLine = regexp.MustCompile(`(?i)\b(host:|post)`)

// sameAnswer compares what is left of answers when own parts are taken out.
func sameAnswer(a, b answer) bool { return a.closed == b.closed && bytes.Equal(a.data, b.data) }

type wirePair struct {
	ours, theirs *wire
	login        bool // connections need no password
}

func (p *wirePair) differ(in []byte) (ours, theirs answer, differ bool, err error) {
	for try := range 3 {
		// Long answers leave in parts, each in a round of the event loop.
		trips := probeTrips << (2 * try)
		if theirs, err = p.theirs.ask(in, p.login, trips); err != nil {
			return ours, theirs, false, fmt.Errorf("%s: %w", p.theirs.srv, err)
		}
		if ours, err = p.ours.ask(in, p.login, trips); err != nil {
			return ours, theirs, false, fmt.Errorf("%s: %w\n%s", p.ours.srv, err, p.ours.srv.Log())
		}
		if sameAnswer(ours, theirs) {
			return ours, theirs, false, nil
		}
	}
	for _, d := range protocolDifferences {
		if d.has(in, ours, theirs) {
			return ours, theirs, false, nil
		}
	}
	return ours, theirs, true, nil
}

// shrink cuts bytes out of an input as long as the answers differ.
func (p *wirePair) shrink(in []byte) ([]byte, error) {
	end := time.Now().Add(shrinkTime / 3)
	for size := len(in) / 2; size > 0; size /= 2 {
		for at := 0; at+size <= len(in) && time.Now().Before(end); {
			small := slices.Delete(slices.Clone(in), at, at+size)
			_, _, differ, err := p.differ(small)
			if err != nil {
				return in, err
			}
			if differ {
				in = small
			} else {
				at += size
			}
		}
	}
	return in, nil
}

var wireNumbers = []string{"-1", "0", "1", "2", "3", "-2", "10", "99", "16384", "16385", "1048576", "1048577", "536870912", "536870913", "2147483647", "2147483648",
	"4294967296", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "18446744073709551616", "", "+1", " 1", "1 ", "1a", "00", "01", "-0", "-", "0x1", "1.0",
	strings.Repeat("1", 40)}

var wireWords = []string{"PING", "ping", "GET", "SET", "ECHO", "DEL", "INCR", "MGET", "EXISTS", "k", "key", "v", "", "\"quoted \\x41\\n\"", "'single \\' '", "\"open", "'open", "a\"b", "\"a\"b",
	"nosuch", "\x00", "\r", "hello world", "HELLO", "3", "2", "QUIT", "RESET", "SELECT", "1", "STRLEN", "APPEND"}

// wireInput makes bytes: requests, mangled or not.
func wireInput(r *rand.Rand) []byte {
	var in []byte
	for range 1 + r.IntN(5) {
		args := make([]string, 1+r.IntN(4))
		for i := range args {
			args[i] = wireWords[r.IntN(len(wireWords))]
		}
		switch r.IntN(6) {
		case 0:
			in = append(in, strings.Join(args, " ")...)
			in = append(in, []string{"\r\n", "\n", "\r", "", "\n\n", "\r\n\r\n"}[r.IntN(6)]...)
		case 1:
			in = append(in, []string{"*0\r\n", "*-1\r\n", "*1\r\n$4\r\nPING\r\n", "\r\n", "*3\r\n", "$3\r\nabc\r\n", "*1\r\n*1\r\n$4\r\nPING\r\n", "*-5\r\n"}[r.IntN(8)]...)
		case 2:
			in = append(in, strings.Repeat("x", r.IntN(3000))...)
			in = append(in, "\r\n"...)
		default:
			in = resp.AppendCommandStrings(in, args...)
		}
	}
	for range r.IntN(4) {
		in = mangle(r, in)
	}
	return in[:min(len(in), inputMax)]
}

// mangle changes something somewhere.
func mangle(r *rand.Rand, in []byte) []byte {
	if len(in) == 0 {
		return in
	}
	at := r.IntN(len(in))
	switch r.IntN(8) {
	case 0:
		in[at] = byte(r.Uint32())
	case 1:
		return slices.Delete(in, at, min(len(in), at+1+r.IntN(4)))
	case 2:
		return slices.Insert(in, at, []byte("\r\n*$ \"'\x00:+-0")[r.IntN(12)])
	case 3:
		return in[:at]
	case 4, 5:
		return renumber(r, in)
	case 6:
		piece := slices.Clone(in[at:min(len(in), at+1+r.IntN(20))])
		return slices.Insert(in, r.IntN(len(in)), piece...)
	case 7:
		if i := bytes.Index(in[at:], []byte("\r\n")); i >= 0 {
			return slices.Replace(in, at+i, at+i+2, []byte([]string{"\n", "\r", "\r\r", "\n\r", "\rx", " \r\n"}[r.IntN(6)])...)
		}
	}
	return in
}

// renumber replaces the number behind a '*' or '$'.
func renumber(r *rand.Rand, in []byte) []byte {
	var heads []int
	for i, c := range in {
		if c == '*' || c == '$' {
			heads = append(heads, i)
		}
	}
	if len(heads) == 0 {
		return in
	}
	from := heads[r.IntN(len(heads))] + 1
	end := from
	for end < len(in) && in[end] != '\r' {
		end++
	}
	return slices.Replace(in, from, end, []byte(wireNumbers[r.IntN(len(wireNumbers))])...)
}

// TestProtocolOnOneLoop: any bytes, with a client that may do everything.
func TestProtocolOnOneLoop(t *testing.T) { testProtocol(t, share(t, 0.08), 1, "") }

// TestProtocolOnLoops: the same with connections on several loops.
func TestProtocolOnLoops(t *testing.T) { testProtocol(t, share(t, 0.06), 3, "") }

// TestProtocolBeforeLogin: limits are tighter for a client that has not
// authenticated.
func TestProtocolBeforeLogin(t *testing.T) { testProtocol(t, share(t, 0.06), 1, "secret") }

func testProtocol(t *testing.T, limit time.Duration, loops int, password string) {
	theirs, err := newWire(peer.StartOracle(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := newWire(peer.StartKvorum(t, "--io-threads", fmt.Sprint(loops)), loops)
	if err != nil {
		t.Fatal(err)
	}
	p := &wirePair{ours, theirs, password == ""}
	if password != "" {
		for _, w := range []*wire{ours, theirs} {
			if _, err := w.admin.Must("CONFIG", "SET", "requirepass", password); err != nil {
				t.Fatal(err)
			}
			for _, c := range append(w.probes, w.admin) {
				if _, err := c.Must("AUTH", password); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	failures, inputs, seed := 0, 0, firstSeed(t)
	for _, in := range fixedInputs() {
		failures += p.check(t, 0, in)
	}
	for end := time.Now().Add(limit); failures < *flagFailures && time.Now().Before(end); inputs++ {
		r := rand.New(rand.NewPCG(seed, 1))
		for range 50 {
			failures += p.check(t, seed, wireInput(r))
			if failures >= *flagFailures {
				break
			}
		}
		seed++
	}
	t.Logf("%s and %s: %d inputs", ours.srv, theirs.srv, inputs*50)
}

// check compares one input and returns 1 if the answers differ.
func (p *wirePair) check(t *testing.T, seed uint64, in []byte) int {
	_, _, differ, err := p.differ(in)
	if err != nil {
		t.Fatalf("seed %d: %.500q: %v", seed, in, err)
	}
	if !differ {
		return 0
	}
	small, err := p.shrink(in)
	if err != nil {
		t.Fatalf("seed %d: %.500q: %v", seed, in, err)
	}
	ours, theirs, _, err := p.differ(small)
	if err != nil {
		t.Fatalf("seed %d: %.500q: %v", seed, small, err)
	}
	t.Errorf("seed %d: %s and %s differ after the bytes\n%.1000q\n%s: %v\n%s: %v", seed, p.ours.srv, p.theirs.srv, small, p.theirs.srv.Name, theirs, p.ours.srv.Name, ours)
	return 1
}

// fixedInputs are the borders of the protocol.
func fixedInputs() [][]byte {
	var list [][]byte
	add := func(texts ...string) {
		for _, text := range texts {
			list = append(list, []byte(text))
		}
	}
	for _, n := range wireNumbers {
		add("*"+n+"\r\n$4\r\nPING\r\n", "*1\r\n$"+n+"\r\nPING\r\n", "PING\r\n*"+n+"\r\nPING\r\n", "*2\r\n$4\r\nECHO\r\n$"+n+"\r\nx\r\nPING\r\n")
	}
	add("*1\n$4\nPING\n", "*1\r\n$4\r\nPINGxxPING\r\n", "*1\r\n+PING\r\n", "*1\r\nPING\r\n", "*1\r\n\r\n", "PING\nPING\n", "\n\n\nPING\r\n", "  PING  \r\n",
		"PING \"a b\"\r\n", "PING 'a\r\n", "PING \"a\\\r\n", "\x00\r\n", "PING\x00x\r\n", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST / HTTP/1.1\r\nHost: x\r\n\r\n", "Host: x\r\n",
		"*"+strings.Repeat("1", inputMax-1), "$"+strings.Repeat("1", 10000), "*1\r\n$"+strings.Repeat("1", inputMax-10), strings.Repeat("a", inputMax-2)+"\r\n",
		strings.Repeat("\r\n", 3000)+"PING\r\n", strings.Repeat("*0\r\n", 3000)+"PING\r\n", strings.Repeat("PING\r\n", 1500), strings.Repeat("*1\r\n$4\r\nPING\r\n", 1000),
		"*11\r\n"+strings.Repeat("$1\r\na\r\n", 11), "*10\r\n"+strings.Repeat("$1\r\na\r\n", 10), "QUIT\r\nPING\r\n", "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nhel")
	return list
}
