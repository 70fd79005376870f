package keycmd_test

import (
	"bytes"
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"

	"kvorum/clock"
	"kvorum/command"
	"kvorum/command/all"
	"kvorum/engine"
	"kvorum/engine/enginetest"
	"kvorum/keyspace"
	"kvorum/resp"
)

// fill stores n keys "prefix:0" ... of a server.
func fill(s *enginetest.Server, prefix string, n int, options ...string) {
	var in []byte
	for i := range n {
		words := append([]string{"SET", prefix + ":" + strconv.Itoa(i), "v"}, options...)
		in = resp.AppendCommandStrings(in, words...)
	}
	s.Serve(s.Session("fill", 2), in)
}

// read decodes one reply.
func read(tb testing.TB, reply string) resp.Value {
	tb.Helper()
	v, err := resp.NewReplyReader(strings.NewReader(reply)).Read()
	if err != nil {
		tb.Fatalf("%v in %q", err, reply)
	}
	return v
}

// scanner walks with SCAN through exec.
type scanner struct {
	tb    testing.TB
	exec  func(words ...string) string
	calls int
	most  int // keys of the largest reply
}

// all returns how often each key came.
func (s *scanner) all(options ...string) map[string]int {
	s.tb.Helper()
	seen := make(map[string]int)
	for cursor := "0"; ; {
		v := read(s.tb, s.exec(append([]string{"SCAN", cursor}, options...)...))
		if len(v.Elems) != 2 {
			s.tb.Fatalf("SCAN replied %+v", v)
		}
		for _, key := range v.Elems[1].Elems {
			seen[string(key.Str)]++
		}
		s.calls++
		s.most = max(s.most, len(v.Elems[1].Elems))
		if cursor = string(v.Elems[0].Str); cursor == "0" {
			return seen
		}
	}
}

// TestScanFindsEverything: sizes around the number of shards and the limit from
// which a walk leaves the loop; on a quiet database every key comes once.
func TestScanFindsEverything(t *testing.T) {
	for _, n := range []int{0, 1, 9, 300, 3999, 4000, 20_000} {
		s := enginetest.New(t, all.Families()...)
		fill(s, "key", n)
		for _, count := range []string{"1", "10", "1000", "100000"} {
			walk := scanner{tb: t, exec: s.Do}
			seen := walk.all("COUNT", count)
			if len(seen) != n {
				t.Errorf("%d keys, COUNT %s: %d found", n, count, len(seen))
			}
			for key, times := range seen {
				if times != 1 {
					t.Fatalf("%d keys, COUNT %s: %s came %d times", n, count, key, times)
				}
			}
			if n < 10 && count == "10" && walk.calls != 1 {
				t.Errorf("%d keys took %d calls", n, walk.calls)
			}
			// A step is a bucket with what hangs on it: it may exceed COUNT.
			if c, _ := strconv.Atoi(count); walk.most > c+40 {
				t.Errorf("%d keys, COUNT %s: a call gave %d", n, count, walk.most)
			}
		}
		match := scanner{tb: t, exec: s.Do}
		want := 0
		for i := range n {
			if strings.Contains(strconv.Itoa(i), "7") {
				want++
			}
		}
		if got := len(match.all("MATCH", "key:*7*", "COUNT", "50", "TYPE", "string")); got != want {
			t.Errorf("%d keys: %d match, want %d", n, got, want)
		}
		if got := len(match.all("TYPE", "list", "COUNT", "5000")); got != 0 {
			t.Errorf("%d keys: %d are lists", n, got)
		}
	}
}

// TestScanKeepsItsPromise scans while other workers let the tables grow and
// shrink: a key that is there all the time must come.
func TestScanKeepsItsPromise(t *testing.T) {
	const stable, churn, rounds = 3000, 10_000, 2
	table, err := command.NewTable(all.Families()...) // a recording server is for one worker
	if err != nil {
		t.Fatal(err)
	}
	e := engine.New(keyspace.New(1), table, clock.New(), engine.Hooks{})
	worker, session := e.NewWorker(), e.NewSession(nil)
	defer worker.Close()
	for i := range stable {
		worker.Do(session, []byte("SET"), fmt.Appendf(nil, "stable:%d", i), []byte("v"))
	}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	defer wg.Wait()
	defer close(stop)
	for id := range 2 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			w := e.NewWorker()
			defer w.Close()
			session := e.NewSession(nil)
			for {
				for _, op := range []string{"SET", "DEL"} {
					for i := range churn {
						select {
						case <-stop:
							return
						default:
						}
						key := fmt.Appendf(nil, "churn:%d:%d", id, i)
						if op == "SET" {
							w.Do(session, []byte("SETNX"), key, []byte("v"))
						} else {
							w.Do(session, []byte("DEL"), key)
						}
					}
				}
			}
		}()
	}
	exec := func(words ...string) string { return string(worker.Do(session, bytesOf(words)...)) }
	for range rounds {
		for _, count := range []string{"7", "100", "10000"} {
			walk := scanner{tb: t, exec: exec}
			seen := walk.all("COUNT", count)
			for i := range stable {
				if seen["stable:"+strconv.Itoa(i)] == 0 {
					t.Fatalf("COUNT %s: stable:%d did not come", count, i)
				}
			}
		}
		keys := map[string]bool{}
		for _, key := range read(t, exec("KEYS", "stable:*")).Elems {
			if keys[string(key.Str)] {
				t.Fatalf("KEYS gave %s twice", key.Str)
			}
			keys[string(key.Str)] = true
		}
		if len(keys) != stable {
			t.Fatalf("KEYS gave %d of %d keys", len(keys), stable)
		}
	}
}

func bytesOf(words []string) [][]byte {
	var args [][]byte
	for _, word := range words {
		args = append(args, []byte(word))
	}
	return args
}

// TestKeysOffTheLoop: in a large database KEYS is a task, whose pattern must
// outlive the request.
func TestKeysOffTheLoop(t *testing.T) {
	s := enginetest.New(t, all.Families()...)
	fill(s, "key", 5000)
	fill(s, "other", 10)
	for pattern, want := range map[string]int{"*": 5010, "other:*": 10, "key:1?": 10, "": 0, "none": 0} {
		v := read(t, s.Do("KEYS", pattern))
		if len(v.Elems) != want {
			t.Errorf("KEYS %q gave %d keys, want %d", pattern, len(v.Elems), want)
		}
	}
	var task bool
	session := s.Engine.NewSession(nil)
	in := resp.AppendCommandStrings(nil, "KEYS", "*")
	_, _, out := s.Worker.Serve(session, append(in, in...), nil)
	if task = session.Task != nil; !task || len(out) > 0 {
		t.Fatalf("KEYS of a large database ran on the loop: %d bytes", len(out))
	}
	w := resp.Writer{Proto: 2}
	session.Task(&w)
	if got := len(read(t, string(w.B)).Elems); got != 5010 {
		t.Errorf("the task replied %d keys", got)
	}
}

// TestWalksLeaveOutExpired: KEYS and SCAN off the loop, which remove nothing.
func TestWalksLeaveOutExpired(t *testing.T) {
	hand := clock.NewManual(1_000_000)
	s := enginetest.NewAt(t, hand.Clock(), all.Families()...)
	fill(s, "live", 100)
	fill(s, "due", 5000, "PX", "10")
	hand.Advance(11)
	walk := scanner{tb: t, exec: s.Do}
	if seen := walk.all("COUNT", "100000"); len(seen) != 100 {
		t.Errorf("SCAN gave %d keys", len(seen))
	}
	if v := read(t, s.Do("KEYS", "*")); len(v.Elems) != 100 {
		t.Errorf("KEYS gave %d keys", len(v.Elems))
	}
	if got := s.Totals().ExpiredKeys; got != 0 {
		t.Errorf("a task removed %d keys", got)
	}
	s.Effects()
	if seen := walk.all("COUNT", "100"); len(seen) != 100 {
		t.Errorf("SCAN gave %d keys", len(seen))
	}
	if got := s.Totals().ExpiredKeys; got != 5000 {
		t.Errorf("SCAN removed %d expired keys, want 5000", got)
	}
	if effects := s.Effects(); len(effects) != 5000 || !strings.HasPrefix(effects[0], "0 DEL due:") {
		t.Errorf("%d effects, first %v", len(effects), effects[:1])
	}
}

// TestRandomkeyIsFair draws often: the frequencies must be those of a uniform
// choice, whatever the distribution over shards.
func TestRandomkeyIsFair(t *testing.T) {
	for _, n := range []int{1, 3, 50, 1500} {
		s := enginetest.New(t, all.Families()...)
		fill(s, "key", n)
		draws := max(200, 25*n)
		seen := map[string]int{}
		for range draws {
			seen[string(read(t, s.Do("RANDOMKEY")).Str)]++
		}
		chi := 0.0
		expected := float64(draws) / float64(n)
		for i := range n {
			d := float64(seen["key:"+strconv.Itoa(i)]) - expected
			chi += d * d / expected
		}
		// Mean n-1, deviation sqrt(2(n-1)): six of them are one in a billion.
		if limit := float64(n-1) + 6*math.Sqrt(2*float64(n)) + 10; chi > limit || len(seen) > n {
			t.Errorf("%d keys: chi square %.0f over %.0f", n, chi, limit)
		}
	}
}

// TestRandomkeyFindsTheLivingKey: nearly all keys have expired. Draws remove
// what they meet, and then a task looks through the rest.
func TestRandomkeyFindsTheLivingKey(t *testing.T) {
	hand := clock.NewManual(1_000_000)
	s := enginetest.NewAt(t, hand.Clock(), all.Families()...)
	if reply := s.Do("RANDOMKEY"); reply != "$-1\r\n" {
		t.Fatalf("empty database: %q", reply)
	}
	fill(s, "due", 20_000, "PX", "10")
	s.Do("SET", "live", "1")
	hand.Advance(11)
	for range 3 {
		if reply := s.Do("RANDOMKEY"); reply != "$4\r\nlive\r\n" {
			t.Fatalf("RANDOMKEY replied %q", reply)
		}
	}
	if got := s.Totals().ExpiredKeys; got < 100 || got > 1000 {
		t.Errorf("the draws removed %d keys", got)
	}
	s.Do("DEL", "live")
	if reply := s.Do("RANDOMKEY"); reply != "$-1\r\n" {
		t.Errorf("only expired keys: %q", reply)
	}
}

// TestLongRequests: many keys in one command, spread over all shards.
func TestLongRequests(t *testing.T) {
	const n = 20_000
	s := enginetest.New(t, all.Families()...)
	fill(s, "key", n)
	words := []string{""}
	for i := range n {
		words = append(words, "key:"+strconv.Itoa(i))
	}
	for _, c := range []string{"EXISTS", "TOUCH", "DEL"} {
		words[0] = c
		if got, want := s.Do(words...), fmt.Sprintf(":%d\r\n", n); got != want {
			t.Errorf("%s of %d keys: %q", c, n, got)
		}
	}
	if got := s.Do("DBSIZE"); got != ":0\r\n" {
		t.Errorf("DBSIZE %q", got)
	}
}

// TestObjectHelp: the texts are ours, the frame is Redis's.
func TestObjectHelp(t *testing.T) {
	s := enginetest.New(t, all.Families()...)
	v := read(t, s.Do("OBJECT", "HELP"))
	var subs []string
	for _, line := range v.Elems {
		if word, _, _ := bytes.Cut(line.Str, []byte(" ")); len(word) > 0 {
			subs = append(subs, string(word))
		}
	}
	sort.Strings(subs)
	if got, want := strings.Join(subs, " "), "ENCODING FREQ HELP IDLETIME OBJECT REFCOUNT"; got != want {
		t.Errorf("HELP is about %q, want %q", got, want)
	}
}

// TestReplayKeepsExpiredKeys: what a log says of a key that has expired since
// it was written still means that key; a later PERSIST keeps it for good.
func TestReplayKeepsExpiredKeys(t *testing.T) {
	s := enginetest.NewAt(t, clock.NewManual(1_000_000).Clock(), all.Families()...)
	s.Session("main", 2).Flags |= command.Internal
	s.Do("SET", "k", "v")
	for _, due := range []string{"5000", "0", "-7"} {
		if got := s.Do("PEXPIREAT", "k", due); got != ":1\r\n" {
			t.Fatalf("PEXPIREAT %s: %q", due, got)
		}
	}
	s.Do("APPEND", "k", "w")
	s.Do("RENAME", "k", "l")
	if got := s.Do("PERSIST", "l"); got != ":1\r\n" {
		t.Errorf("PERSIST: %q", got)
	}
	if got := s.Do("GET", "l"); got != "$2\r\nvw\r\n" {
		t.Errorf("GET: %q", got)
	}
}
