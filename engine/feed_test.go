package engine_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	"kvorum/clock"
	"kvorum/command"
	"kvorum/command/all"
	"kvorum/engine"
	"kvorum/feed"
	"kvorum/keyspace"
	"kvorum/resp"
)

// What could break: an effect that is missing, doubled, or in the stream at a
// place that is no serial order of the commands. Replaying the stream on an
// empty keyspace must give the same data.

func newEngine(tb testing.TB, c clock.Clock) *engine.Engine {
	tb.Helper()
	table, err := command.NewTable(all.Families()...)
	if err != nil {
		tb.Fatal(err)
	}
	e := engine.New(keyspace.New(16), table, c, engine.Hooks{})
	tb.Cleanup(e.KS.Close)
	return e
}

func do(w *engine.Worker, s *command.Session, line string) string {
	var args [][]byte
	for _, word := range strings.Fields(line) {
		args = append(args, []byte(word))
	}
	return string(w.Do(s, args...))
}

// stream returns all commands fed since cursor.
func stream(tb testing.TB, e *engine.Engine, c *feed.Cursor) []byte {
	tb.Helper()
	e.Feed.Merge()
	var all []byte
	for {
		b, err := c.Next()
		if err != nil {
			tb.Fatal(err)
		}
		if len(b) == 0 {
			return all
		}
		all = append(all, b...)
		c.Advance(len(b))
	}
}

func words(tb testing.TB, b []byte) [][]string {
	tb.Helper()
	var p resp.Parser
	var req resp.Request
	lim := resp.DefaultLimits()
	var out [][]string
	for len(b) > 0 {
		n, ok, _, err := p.Next(b, &req, &lim)
		if err != nil || !ok {
			tb.Fatalf("stream breaks off at %q: %v", b, err)
		}
		var line []string
		for _, a := range req.Args {
			line = append(line, string(a))
		}
		out = append(out, line)
		b = b[n:]
	}
	return out
}

func TestFeedHoldsDeterministicEffects(t *testing.T) {
	manual := clock.NewManual(1_000_000)
	e := newEngine(t, manual.Clock())
	w := e.NewWorker()
	s := e.NewSession(nil)
	e.Exclusive(e.Feed.Enable)
	c, err := e.Feed.NewCursor(e.Feed.Offset(), feed.CursorOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, line := range []string{
		"SET a 1 EX 10", "GET a", "INCR a", "SETEX b 100 x", "EXPIRE a 50", "PERSIST b", "SET nx 1 NX", "SET nx 2 NX",
		"DEL none", "SELECT 3", "SET c 3", "RENAME c d", "SELECT 0", "SET gone 1 PX 5",
	} {
		do(w, s, line)
	}
	manual.Advance(10)
	do(w, s, "GET gone")
	want := []string{
		"SELECT 0", "SET a 1 PXAT 1010000", "INCR a", "SET b x PXAT 1100000", "PEXPIREAT a 1050000", "PERSIST b", "SET nx 1 NX",
		"SELECT 3", "SET c 3", "RENAME c d", "SELECT 0", "SET gone 1 PXAT 1000005", "DEL gone",
	}
	var got []string
	for _, line := range words(t, stream(t, e, c)) {
		got = append(got, strings.Join(line, " "))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("stream:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestEffectsOfSelfLockersStandAlone: SCAN removes expired keys of many shards,
// one lock at a time. As one unit they would get their place in the stream when
// all locks are free again, behind what others did to the same keys meanwhile.
func TestEffectsOfSelfLockersStandAlone(t *testing.T) {
	manual := clock.NewManual(1_000_000)
	e := newEngine(t, manual.Clock())
	w := e.NewWorker()
	s := e.NewSession(nil)
	do(w, s, "SET a 1 PX 5")
	do(w, s, "SET b 1 PX 5")
	e.Exclusive(e.Feed.Enable)
	c, err := e.Feed.NewCursor(e.Feed.Offset(), feed.CursorOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	manual.Advance(10)
	do(w, s, "SCAN 0")
	do(w, s, "SET c 1")
	var got []string
	for _, line := range words(t, stream(t, e, c)) {
		got = append(got, strings.Join(line, " "))
	}
	text := strings.Join(got, ", ")
	if text != "SELECT 0, DEL a, DEL b, SET c 1" && text != "SELECT 0, DEL b, DEL a, SET c 1" {
		t.Errorf("stream: %s", text)
	}
}

// TestReplayGivesTheSameData lets workers fight over few keys and replays what
// they fed.
func TestReplayGivesTheSameData(t *testing.T) {
	e := newEngine(t, clock.New())
	e.Exclusive(func() { e.Feed.SetWindow(64 << 20); e.Feed.Enable() })
	c, err := e.Feed.NewCursor(e.Feed.Offset(), feed.CursorOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var wg sync.WaitGroup
	for id := range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			w := e.NewWorker()
			defer w.Close()
			s := e.NewSession(nil)
			for i := range 2000 {
				k := (i*7 + id) % 13
				do(w, s, fmt.Sprintf("APPEND k%d %d.%d;", k, id, i))
				do(w, s, fmt.Sprintf("MSET k%d %d:%d, x%d %d", (k+1)%13, id, i, k, i))
				if i%50 == 0 {
					do(w, s, fmt.Sprintf("RENAME k%d k%d", k, (k+5)%13))
				}
			}
		}()
	}
	wg.Wait()
	twin := newEngine(t, clock.New())
	tw, ts := twin.NewWorker(), twin.NewSession(nil)
	for _, line := range words(t, stream(t, e, c)) {
		var args [][]byte
		for _, word := range line {
			args = append(args, []byte(word))
		}
		if reply := tw.Do(ts, args...); bytes.HasPrefix(reply, []byte("-")) {
			t.Fatalf("replaying %q: %q", line, reply)
		}
	}
	w, s := e.NewWorker(), e.NewSession(nil)
	for k := range 13 {
		for _, name := range []string{"k", "x"} {
			line := fmt.Sprintf("GET %s%d", name, k)
			if a, b := do(w, s, line), do(tw, ts, line); a != b {
				t.Errorf("%s: %q after the run, %q after the replay", line, a, b)
			}
		}
	}
	if err := e.KS.MemCheck(); err != nil {
		t.Error(err)
	}
}
