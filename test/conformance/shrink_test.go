package conformance

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"kvorum/resp"
)

// shrinkTime bounds the search for a smaller stream that fails too.
const shrinkTime = 15 * time.Second

// shrinker makes a failing stream small. Any mismatch counts: a smaller stream
// that shows another one is as good.
type shrinker struct {
	p        *pair
	deadline time.Time
	best     []op
	failure  *mismatch
	err      error
}

// shrink returns the smallest failing stream found and its mismatch. A failure
// that does not happen again comes back as it was, with again false.
func (p *pair) shrink(ops []op, m *mismatch) (small []op, failure *mismatch, again bool, err error) {
	s := &shrinker{p: p, deadline: time.Now().Add(shrinkTime), best: ops[:min(m.at+1, len(ops))], failure: m}
	for range 3 {
		if again = s.fails(s.best); again {
			break
		}
	}
	if !again {
		return ops, m, false, s.err
	}
	s.oneConnection()
	s.unbatch()
	for size := (len(s.best) + 1) / 2; size > 0 && s.time(); {
		if !s.cut(size) {
			size /= 2
		}
	}
	s.words()
	return s.best, s.failure, true, s.err
}

func (s *shrinker) time() bool { return s.err == nil && time.Now().Before(s.deadline) }

// fails runs a stream and keeps it if it fails.
func (s *shrinker) fails(ops []op) bool {
	if !s.time() {
		return false
	}
	m, err := s.p.run(ops)
	if err != nil {
		s.err = err
		return false
	}
	if m == nil {
		return false
	}
	s.best, s.failure = slices.Clone(ops[:min(m.at+1, len(ops))]), m
	return true
}

// oneConnection tries without the others.
func (s *shrinker) oneConnection() {
	ops := slices.Clone(s.best)
	for i := range ops {
		ops[i].conn = 0
	}
	s.fails(ops)
}

// unbatch tries with a write per request.
func (s *shrinker) unbatch() {
	ops := slices.Clone(s.best)
	for i := range ops {
		ops[i].batch = i
	}
	s.fails(ops)
}

// cut leaves out pieces of size requests and reports whether any could go.
func (s *shrinker) cut(size int) bool {
	any := false
	for at := len(s.best) - size; at >= 0 && s.time(); at -= size {
		if at+size > len(s.best) {
			continue
		}
		if s.fails(slices.Delete(slices.Clone(s.best), at, at+size)) {
			any = true
		}
	}
	return any
}

// words makes requests shorter.
func (s *shrinker) words() {
	for i := 0; i < len(s.best) && s.time(); i++ {
		for k := len(s.best[i].args) - 1; k > 0 && i < len(s.best) && k < len(s.best[i].args); k-- {
			if s.try(i, slices.Delete(slices.Clone(s.best[i].args), k, k+1)) {
				continue
			}
			for i < len(s.best) && k < len(s.best[i].args) && len(s.best[i].args[k]) > 3 && s.time() {
				args := slices.Clone(s.best[i].args)
				args[k] = args[k][:len(args[k])/2]
				if !s.try(i, args) {
					break
				}
			}
		}
	}
}

func (s *shrinker) try(i int, args []string) bool {
	// What is left must not depend on time where the whole did not.
	for k := range args {
		if hazardOf(args, k, true) != harmless {
			return false
		}
	}
	if unsent[fullName(args)] != "" {
		return false
	}
	ops := slices.Clone(s.best)
	ops[i].args = args
	return s.fails(ops)
}

// script prints a stream as a script of internal/datadriven: what the other
// server replied is what is expected.
func script(writer string, ops []op, replies [][]byte) string {
	var out strings.Builder
	fmt.Fprintf(&out, "# written by %s\n", writer)
	for i := 0; i < len(ops); {
		end := i + 1
		for end < len(ops) && ops[end].conn == ops[i].conn {
			end++
		}
		fmt.Fprintf(&out, "\nrun conn=c%d\n", ops[i].conn)
		for _, o := range ops[i:end] {
			out.WriteString(commandLine(o.args) + "\n")
		}
		out.WriteString("----\n")
		for k := i; k < end && k < len(replies); k++ {
			for _, line := range replyLines(replies[k]) {
				out.WriteString(line + "\n")
			}
		}
		i = end
	}
	return out.String()
}

// commandLine quotes a request where it must be.
func commandLine(args []string) string {
	quoted := make([]string, len(args))
	for i, arg := range args {
		quoted[i] = arg
		plain := strings.IndexFunc(arg, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\'' || r == '\\' || r == '#' }) < 0
		if !plain || arg == "" {
			quoted[i] = string(resp.AppendQuoted(nil, []byte(arg)))
		}
	}
	return strings.Join(quoted, " ")
}

// replyLines renders a reply as scripts do.
func replyLines(raw []byte) []string {
	var lines []string
	for len(raw) > 0 {
		end := strings.Index(string(raw), "\r\n")
		head := raw[:end]
		raw = raw[end+2:]
		lines = append(lines, escapeLine(head))
		var size int
		switch head[0] {
		case '$', '=', '!':
			if n, err := fmt.Sscanf(string(head[1:]), "%d", &size); n != 1 || err != nil || size < 0 {
				continue
			}
			lines = append(lines, payloadLine(raw[:size]))
			raw = raw[size+2:]
		}
	}
	return lines
}

func payloadLine(b []byte) string {
	switch string(b) {
	case "":
		return `""`
	case `""`:
		return `\x22\x22`
	}
	return escapeLine(b)
}

func escapeLine(b []byte) string {
	var out []byte
	for i, c := range b {
		switch {
		case c == '\\':
			out = append(out, `\\`...)
		case c == '\r':
			out = append(out, `\r`...)
		case c == '\n':
			out = append(out, `\n`...)
		case c == '\t':
			out = append(out, `\t`...)
		case c < ' ' || c > '~' || c == ' ' && (i == 0 || i == len(b)-1):
			out = fmt.Appendf(out, `\x%02x`, c)
		default:
			out = append(out, c)
		}
	}
	return string(out)
}
