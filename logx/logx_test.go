package logx

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var moment = time.Date(2026, time.November, 5, 7, 8, 9, 45_999_999, time.UTC)

func newTest(opt Options) (*Logger, *bytes.Buffer) {
	var out bytes.Buffer
	opt.Stdout, opt.PID = &out, 4711
	if opt.Now == nil {
		opt.Now = func() time.Time { return moment }
	}
	return New(opt), &out
}

// A tool that parses Redis's log must find each field where it expects it.
func TestLineHasRedisFormat(t *testing.T) {
	l, out := newTest(Options{})
	l.Debugf("a %d", 1)
	l.Verbosef("b")
	l.SetRole(RoleReplica)
	l.Noticef("c")
	l.SetRole(RoleSentinel)
	l.Warningf("d %s", "e")
	l.Raw(LevelWarning, "raw\n")
	want := "4711:M 05 Nov 2026 07:08:09.045 . a 1\n" +
		"4711:M 05 Nov 2026 07:08:09.045 - b\n" +
		"4711:S 05 Nov 2026 07:08:09.045 * c\n" +
		"4711:X 05 Nov 2026 07:08:09.045 # d e\n" +
		"raw\n"
	if out.String() != want {
		t.Errorf("got:\n%swant:\n%s", out, want)
	}
}

func TestLevelsBelowTheLimitAreNotWritten(t *testing.T) {
	for limit := LevelDebug; limit <= LevelNothing; limit++ {
		l, out := newTest(Options{Level: LevelNothing})
		l.SetLevel(limit)
		for level := LevelDebug; level <= LevelNothing; level++ {
			l.Logf(level, "x")
		}
		if got, want := strings.Count(out.String(), "\n"), int(LevelNothing-limit); got != want {
			t.Errorf("limit %v: %d lines, want %d", limit, got, want)
		}
		if l.Level() != limit {
			t.Errorf("level is %v, want %v", l.Level(), limit)
		}
	}
}

func TestLevelNamesRoundTrip(t *testing.T) {
	for level := LevelDebug; level <= LevelNothing; level++ {
		if got, ok := ParseLevel(level.String()); !ok || got != level {
			t.Errorf("%v: parsed as %v, %v", level, got, ok)
		}
	}
	if _, ok := ParseLevel("Notice"); ok {
		t.Error("ParseLevel accepts upper case")
	}
	if Level(9).String() != "9" {
		t.Error("unknown level has no text")
	}
}

func TestLongMessageIsCut(t *testing.T) {
	l, out := newTest(Options{})
	l.Noticef("%s", strings.Repeat("x", 5000))
	if got := strings.Count(out.String(), "x"); got != MessageBytesMax {
		t.Errorf("%d bytes of the message, want %d", got, MessageBytesMax)
	}
	l.Log(LevelNotice, strings.Repeat("y", 5000))
	if got := strings.Count(out.String(), "y"); got != 5000 {
		t.Errorf("Log wrote %d bytes, want all 5000", got)
	}
}

// Rotation moves the file away; the next line must begin a new one, and lines
// must never be lost because the directory was missing for a while.
func TestFileIsReopenedAfterRotation(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	path := filepath.Join(dir, "redis.log")
	l, out := newTest(Options{Path: path})
	if err := l.Probe(); err == nil || err.Error() != "no such file or directory" {
		t.Errorf("Probe without the directory: %v", err)
	}
	l.Noticef("lost")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := l.Probe(); err != nil {
		t.Fatal(err)
	}
	l.Noticef("one")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	l.Noticef("two")
	l.SetPath("")
	if err := l.Probe(); err != nil {
		t.Error(err)
	}
	l.Noticef("three")
	for name, want := range map[string]string{path + ".1": "one", path: "two"} {
		b, err := os.ReadFile(name)
		if err != nil || !strings.HasSuffix(string(b), "* "+want+"\n") || bytes.Count(b, []byte("\n")) != 1 {
			t.Errorf("%s: %q, %v; want one line with %q", name, b, err, want)
		}
	}
	if !strings.HasSuffix(out.String(), "* three\n") {
		t.Errorf("standard output: %q", out)
	}
}

func TestCopyGetsWhatIsWritten(t *testing.T) {
	var got []string
	l, _ := newTest(Options{Level: LevelNotice})
	l.SetCopy(func(level Level, message string) { got = append(got, fmt.Sprint(level, " ", message)) })
	l.Debugf("no")
	l.Warningf("yes")
	if len(got) != 1 || got[0] != "warning yes" {
		t.Errorf("copies: %q", got)
	}
}

// Lines of many goroutines must arrive whole; the race detector watches the
// setters.
func TestConcurrentLinesDoNotMix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l, _ := newTest(Options{Path: path})
	const goroutines, lines = 8, 50
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range lines {
				l.SetRole(RoleReplica)
				l.SetLevel(Level(i % 2))
				l.Noticef("<%d %d>", g, i)
			}
		})
	}
	wg.Wait()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	if len(all) != goroutines*lines {
		t.Fatalf("%d lines, want %d", len(all), goroutines*lines)
	}
	for _, line := range all {
		if !strings.HasPrefix(line, "4711:") || !strings.HasSuffix(line, ">") || strings.Count(line, "<") != 1 {
			t.Fatalf("broken line %q", line)
		}
	}
}

// A level that is off must cost nothing on paths that run often.
func TestDisabledLineAllocatesNothing(t *testing.T) {
	l, _ := newTest(Options{Level: LevelNotice})
	if n := testing.AllocsPerRun(100, func() { l.Debugf("nothing") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
