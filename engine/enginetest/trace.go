package enginetest

import (
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"kvorum/command"
	"kvorum/num"
)

// Trace runs the commands of a file and compares what each leaves behind with
// what it left on a real server:
//
//	# written by valkey 7.2.7
//
//	SETEX k 100 v
//	> SET k v PXAT now+100000    the replication stream
//	* new k                      keyspace events, in order
//	* set k
//	* expire k
//	+ 1                          growth of rdb_changes_since_last_save
//
// Words have no quotes. Due times are shown relative to the present, rounded to
// seconds. SELECT, MULTI, EXEC and PING of the stream are left out. The flags
// of package datadriven work here as they do there:
//
//	go test ./command/strcmd -run Trace -oracle HOST:PORT -rewrite
func Trace(t *testing.T, path string, families ...[]*command.Spec) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var left func(words []string) []string
	var writer string
	oracleAddr := flagValue("oracle")
	if oracleAddr != "" {
		o := dialOracle(t, oracleAddr)
		left, writer = o.trace, o.version
	} else {
		left = New(t, families...).trace
	}
	got := retrace(string(text), left)
	if oracleAddr != "" && flagValue("rewrite") == "true" {
		if err := os.WriteFile(path, []byte(withWriter(got, writer)), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	compare(t, path, string(text), got)
}

// flagValue returns the value of a flag of package datadriven, "" without it.
func flagValue(name string) string {
	if f := flag.Lookup(name); f != nil {
		return f.Value.String()
	}
	return ""
}

// writtenBy begins the line that says who wrote a trace.
const writtenBy = "# written by "

func withWriter(text, writer string) string {
	if strings.HasPrefix(text, writtenBy) {
		_, text, _ = strings.Cut(text, "\n")
	}
	return writtenBy + writer + "\n" + text
}

// isTrace reports whether a line of a file tells what a command left.
func isTrace(line string) bool {
	return strings.HasPrefix(line, "> ") || strings.HasPrefix(line, "* ") || strings.HasPrefix(line, "+ ")
}

// retrace returns the text with the traces replaced by what left returns.
func retrace(text string, left func(words []string) []string) string {
	var out []string
	for _, line := range strings.Split(text, "\n") {
		if isTrace(line) {
			continue
		}
		out = append(out, line)
		if words := strings.Fields(line); len(words) > 0 && words[0] != "#" {
			out = append(out, left(words)...)
		}
	}
	return strings.Join(out, "\n")
}

// compare reports the first lines of each command that differ.
func compare(t *testing.T, path, want, got string) {
	t.Helper()
	if !strings.HasPrefix(want, writtenBy) {
		t.Fatalf("%s: no line %q: have a real server write the traces with -oracle HOST:PORT -rewrite", path, writtenBy)
	}
	wants, gots := split(want), split(got)
	for i, w := range wants {
		if w != gots[i] {
			t.Errorf("%s:\n have %s\n want %s", path, gots[i], w)
		}
	}
}

// split cuts a text into commands with their traces.
func split(text string) []string {
	var parts []string
	for _, line := range strings.Split(text, "\n") {
		if isTrace(line) && len(parts) > 0 {
			parts[len(parts)-1] += "\n      " + line
			continue
		}
		parts = append(parts, line)
	}
	return parts
}

// trace runs one command and returns what it left.
func (s *Server) trace(words []string) []string {
	if s.Engine.Settings().NotifyMask == 0 {
		settings := *s.Engine.Settings()
		settings.NotifyMask = math.MaxUint32
		s.Engine.Apply(settings)
	}
	before := s.Dirty()
	s.Do(words...)
	var lines []string
	now := systemClock()
	for _, effect := range s.Effects() {
		words := strings.Fields(effect)
		if words[0] == "0" { // the database is named unless it is the first
			words = words[1:]
		}
		lines = append(lines, "> "+relative(words, now.NowMs()))
	}
	for _, event := range s.Events() {
		lines = append(lines, "* "+event)
	}
	return appendDirty(lines, int64(s.Dirty()-before))
}

func appendDirty(lines []string, n int64) []string {
	if n != 0 {
		lines = append(lines, fmt.Sprintf("+ %d", n))
	}
	return lines
}

const (
	msPerSecond = 1000
	// nearMs is how near to the present a number must be to be a due time.
	nearMs = 10 * 24 * 3600 * msPerSecond
)

// relative joins words, with due times relative to now, rounded to seconds.
func relative(words []string, nowMs int64) string {
	out := make([]string, len(words))
	for i, word := range words {
		out[i] = word
		at, ok := num.ParseInt64([]byte(word))
		if !ok || at < nowMs-nearMs || at > nowMs+nearMs {
			continue
		}
		seconds := int64(math.Round(float64(at-nowMs) / msPerSecond))
		out[i] = fmt.Sprintf("now%+d", seconds*msPerSecond)
	}
	return strings.Join(out, " ")
}
