package conformance

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"kvorum/internal/datadriven"
	"kvorum/test/peer"
)

var (
	flagSeed     = flag.Uint64("seed", 0, "the first stream's seed; 0: always the same in a run of usual length, else from the clock")
	flagSeconds  = flag.Float64("seconds", 0, "how long to send streams in all; 0: CONFORMANCE_SECONDS, or a short run")
	flagFailures = flag.Int("failures", 1, "mismatches of different commands after which to stop")
	flagSize     = flag.Int("size", 400, "requests in a stream")
)

const (
	runTime      = 18 * time.Second // of all tests of this package, unless told otherwise
	shortRunTime = 5 * time.Second

	// usualSeed begins a run of usual length, so that one and the same tree always
	// passes or always fails; a run whose time is given looks for what is new.
	usualSeed = 20261120
)

func TestMain(m *testing.M) { peer.Main(m) }

// givenTime returns the time that the flag or the environment give all tests, 0 if
// neither does.
func givenTime(t *testing.T) time.Duration {
	n := *flagSeconds
	if text := os.Getenv("CONFORMANCE_SECONDS"); n <= 0 && text != "" {
		var err error
		if n, err = strconv.ParseFloat(text, 64); err != nil {
			t.Fatalf("CONFORMANCE_SECONDS: %v", err)
		}
	}
	return time.Duration(n * float64(time.Second))
}

// share returns the part of the time that a test may take.
func share(t *testing.T, part float64) time.Duration {
	total := runTime
	if testing.Short() {
		total = shortRunTime
	}
	if given := givenTime(t); given > 0 {
		total = given
	}
	return time.Duration(float64(total) * part)
}

// firstSeed is the seed to begin with. Seeds count up from it.
func firstSeed(t *testing.T) uint64 {
	switch {
	case *flagSeed != 0:
		return *flagSeed
	case givenTime(t) == 0:
		return usualSeed
	}
	return uint64(rand.Uint32())
}

// TestStreamsOnOneLoop: with one loop commands are executed as by Redis's one
// thread; a difference is in a command.
func TestStreamsOnOneLoop(t *testing.T) { testStreams(t, share(t, 0.4), "--io-threads", "1") }

// TestStreamsOnLoops: with several loops connections are on different ones; a
// difference that one loop does not have is in what they share.
func TestStreamsOnLoops(t *testing.T) { testStreams(t, share(t, 0.4), "--io-threads", "3") }

func testStreams(t *testing.T, limit time.Duration, args ...string) {
	theirs, err := newSide(peer.StartOracle(t))
	if err != nil {
		t.Fatal(err)
	}
	srv := peer.StartKvorum(t, args...)
	ours, err := newSide(srv)
	if err != nil {
		t.Fatal(err)
	}
	p := &pair{ours, theirs}
	g, err := newGenerator(theirs.srv)
	if err != nil {
		t.Fatal(err)
	}
	seed, streams, sent := firstSeed(t), 0, 0
	reported := map[string]bool{}
	for end := time.Now().Add(limit); streams == 0 || time.Now().Before(end); streams++ {
		ops := g.stream(seed, *flagSize)
		m, err := p.run(ops)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		sent += len(ops)
		if m != nil {
			report(t, p, seed, ops, m, reported)
			if len(reported) >= *flagFailures || !srv.Alive() {
				break
			}
		}
		seed++
	}
	if v, err := ours.admin.Do("DEBUG", "MEMCHECK"); srv.Alive() && (err != nil || v.IsError()) {
		t.Errorf("DEBUG MEMCHECK: %s %v", v.Str, err)
	}
	if ours.events.count == 0 {
		t.Error("there were no keyspace events")
	}
	t.Logf("%s and %s: %d streams, %d requests of %d commands, %d events, last seed %d",
		srv, theirs.srv, streams, sent, len(g.rows), theirs.events.count, seed-1)
}

// report shrinks a failing stream and prints it, once per command.
func report(t *testing.T, p *pair, seed uint64, ops []op, m *mismatch, reported map[string]bool) {
	what := func(ops []op, m *mismatch) string {
		if m.at < len(ops) {
			return fullName(ops[m.at].args)
		}
		return "data after " + fullName(ops[len(ops)-1].args)
	}
	if name := what(ops, m); m.at < len(ops) && reported[name] {
		return
	}
	again := false
	if p.ours.srv.Alive() {
		var err error
		if ops, m, again, err = p.shrink(ops, m); err != nil {
			t.Errorf("seed %d: shrinking: %v", seed, err)
		}
	}
	name := what(ops, m)
	if reported[name] {
		return
	}
	reported[name] = true
	note := ""
	if !again {
		note = " (it did not happen again)"
	}
	// The whole of a stream that cannot be made smaller is in its seed.
	const shown = 40
	ops = ops[:min(m.at+1, len(ops))]
	if cut := len(ops) - shown; cut > 0 {
		ops, m.replies = ops[cut:], m.replies[min(cut, len(m.replies)):]
		note += fmt.Sprintf(" (%d requests before these are left out)", cut)
	}
	t.Errorf("seed %d: %s and %s differ in %s%s\n\n%s\nthe last reply should be\n%.2000q\nand is\n%.2000s\n(%.300q)",
		seed, p.ours.srv, p.theirs.srv, name, note,
		script(p.theirs.srv.Name+" "+p.theirs.srv.Own, ops, m.replies), m.theirs, m.ours, m.ours)
}

// TestScriptsOfStreamsCanBeRead: what a failure prints must be a script that
// passes against the server that wrote it.
func TestScriptsOfStreamsCanBeRead(t *testing.T) {
	theirs, err := newSide(peer.StartOracle(t))
	if err != nil {
		t.Fatal(err)
	}
	ops := []op{
		{conn: 0, args: []string{"SET", "a b", "\x00\"'\\ #"}},
		{conn: 0, args: []string{"GET", "a b"}},
		{conn: 1, args: []string{"SET", "", ""}},
		{conn: 0, args: []string{"MGET", "", "a b", "none"}},
		{conn: 0, args: []string{"NOSUCH\r\n", "#"}},
	}
	// The same server twice: the pair's replies are its own.
	again, err := newSide(theirs.srv)
	if err != nil {
		t.Fatal(err)
	}
	p := &pair{again, theirs}
	var replies [][]byte
	if err := p.reset(); err != nil {
		t.Fatal(err)
	}
	for _, o := range ops {
		if m, err := p.batch([]op{o}, &replies); err != nil || m != nil {
			t.Fatalf("%v %v", m, err)
		}
	}
	path := filepath.Join(t.TempDir(), "x.txt")
	if err := os.WriteFile(path, []byte(script(theirs.srv.Name+" "+theirs.srv.Own, ops, replies)), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range append(theirs.conns[:], again.conns[:]...) {
		c.Close()
	}
	theirs.admin.Close()
	again.admin.Close()
	datadriven.RunServer(t, path, theirs.srv.Sock())
}

// TestShrinkFindsTheTwoCommands: two different servers' data must be told apart,
// and of a long stream little may remain. One side here is the other's twin with
// a key in the way.
func TestShrinkFindsTheTwoCommands(t *testing.T) {
	theirs, err := newSide(peer.StartOracle(t))
	if err != nil {
		t.Fatal(err)
	}
	twin, err := newSide(peer.StartOracle(t, "--databases", "17"))
	if err != nil {
		t.Fatal(err)
	}
	p := &pair{twin, theirs}
	g, err := newGenerator(theirs.srv)
	if err != nil {
		t.Fatal(err)
	}
	ops := g.stream(1, 100)
	for i := range ops {
		if ops[i].args[0] == "SELECT" {
			ops[i].args = []string{"PING"}
		}
	}
	ops = append(ops[:50:50], append([]op{{conn: 2, batch: 1 << 20, args: []string{"SELECT", "16"}}}, ops[50:]...)...)
	m, err := p.run(ops)
	if err != nil {
		t.Fatal(err)
	}
	if m == nil {
		t.Fatal("a server with 17 databases passes for one with 16")
	}
	small, m, again, err := p.shrink(ops, m)
	if err != nil {
		t.Fatal(err)
	}
	if !again || len(small) != 1 || m.ours != "+OK\r\n" || m.theirs != "-ERR DB index is out of range\r\n" {
		t.Errorf("again %v, %d requests, %+v", again, len(small), m)
	}
}
