package linear

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kvorum/resp"
	"kvorum/test/peer"
)

// storm is clients at full speed that know invariants, each a goroutine with its
// own connection, until time is over or one fails.
type storm struct {
	t    *testing.T
	srv  *peer.Server
	seed uint64
	end  time.Time
	stop atomic.Bool
	wg   sync.WaitGroup
	ops  atomic.Int64
	next uint64

	mu   sync.Mutex
	errs []error
}

func newStorm(t *testing.T, limit time.Duration, args ...string) *storm {
	srv := peer.StartKvorum(t, append([]string{"--io-threads", loopArgs}, args...)...)
	return &storm{t: t, srv: srv, seed: firstSeed(), end: time.Now().Add(limit)}
}

// client starts a goroutine that calls round again and again.
func (s *storm) client(name string, round func(c *peer.Conn, r *rand.Rand, n int) error) {
	c := dial(s.t, s.srv, 1)[0]
	s.next++
	r := rand.New(rand.NewPCG(s.seed, s.next))
	s.wg.Go(func() {
		for n := 1; !s.stop.Load() && time.Now().Before(s.end); n++ {
			if err := round(c, r, n); err != nil {
				s.stop.Store(true)
				s.mu.Lock()
				s.errs = append(s.errs, fmt.Errorf("%s, round %d: %w", name, n, err))
				s.mu.Unlock()
				return
			}
			s.ops.Add(1)
		}
	})
}

// finish waits for the clients and checks memory and counts.
func (s *storm) finish() {
	s.t.Helper()
	s.wg.Wait()
	if err := errors.Join(s.errs...); err != nil {
		s.t.Fatalf("seed %d: %v\n%s", s.seed, err, s.srv.Log())
	}
	c := dial(s.t, s.srv, 1)[0]
	must := func(words ...string) resp.Value {
		s.t.Helper()
		v, err := c.Must(words...)
		if err != nil {
			s.t.Fatalf("seed %d: %v", s.seed, err)
		}
		return v
	}
	must("DEBUG", "MEMCHECK")
	for db := range 3 {
		must("SELECT", strconv.Itoa(db))
		// Keys that are due are counted until they are removed, so wait for that.
		for size, keys := int64(-1), 0; size != int64(keys); {
			size, keys = must("DBSIZE").Int, len(must("KEYS", "*").Elems)
			if time.Now().After(s.end.Add(checkTime)) {
				s.t.Fatalf("seed %d: db %d: DBSIZE is %d, KEYS gives %d", s.seed, db, size, keys)
			}
		}
	}
	must("FLUSHALL", "SYNC")
	must("DEBUG", "MEMCHECK")
	s.t.Logf("%d rounds, seed %d", s.ops.Load(), s.seed)
}

// pipeline sends requests in one write and returns their replies.
func pipeline(c *peer.Conn, requests ...[]string) ([]resp.Value, error) {
	var wire []byte
	for _, words := range requests {
		wire = resp.AppendCommandStrings(wire, words...)
	}
	if err := c.Send(wire); err != nil {
		return nil, err
	}
	out := make([]resp.Value, len(requests))
	for i := range out {
		raw, err := c.Reply()
		if err != nil {
			return nil, err
		}
		if out[i], err = peer.Parse(raw); err != nil {
			return nil, err
		}
		if out[i].IsError() {
			return nil, fmt.Errorf("%.200q: %s", requests[i], out[i].Str)
		}
	}
	return out, nil
}

// depth is the number of commands of a kind in a pipeline: enough for loops to be
// in the middle of a batch most of the time.
const depth = 32

// group is keys that are always written together, with equal values.
var group = []string{"g:a", "g:b", "g:c", "g:d", "g:e", "g:f"}

// writeGroup gives all keys of the group one value.
func writeGroup(value string) []string {
	words := []string{"MSET"}
	for _, k := range group {
		words = append(words, k, value)
	}
	return words
}

// checkGroup: all keys equal, or all missing.
func checkGroup(v resp.Value) error {
	for i := range v.Elems {
		a, b := v.Elems[0], v.Elems[i]
		if a.Null != b.Null || string(a.Str) != string(b.Str) {
			return fmt.Errorf("half of a command is seen: %s", text(v))
		}
	}
	return nil
}

// value is unique to a writer and a round; one in a while is long.
func value(r *rand.Rand, writer, n int) string {
	v := fmt.Sprintf("%d:%d", writer, n)
	if r.IntN(16) == 0 {
		v += strings.Repeat("v", r.IntN(5000))
	}
	return v
}

// TestNobodySeesHalfOfACommand: MSET, DEL and UNLINK of a group against MGET and
// EXISTS of it, in pipelines so that loops are always in a batch.
func TestNobodySeesHalfOfACommand(t *testing.T) {
	s := newStorm(t, share(t, 0.15))
	for w := range 3 {
		s.client("writer", func(c *peer.Conn, r *rand.Rand, n int) error {
			var requests [][]string
			for i := range depth {
				requests = append(requests, writeGroup(value(r, w, n*depth+i)))
				if r.IntN(8) == 0 {
					requests = append(requests, append([]string{[]string{"DEL", "UNLINK"}[r.IntN(2)]}, group...))
				}
			}
			_, err := pipeline(c, requests...)
			return err
		})
	}
	for range 2 {
		s.client("reader", func(c *peer.Conn, r *rand.Rand, _ int) error {
			var requests [][]string
			for range depth {
				get, exists := append([]string{"MGET"}, group...), append([]string{"EXISTS"}, group...)
				// The order in which keys are named must not matter.
				r.Shuffle(len(group), func(i, j int) { get[i+1], get[j+1] = get[j+1], get[i+1] })
				requests = append(requests, get, exists)
			}
			vs, err := pipeline(c, requests...)
			for i := 0; err == nil && i < len(vs); i += 2 {
				if n := vs[i+1].Int; n != 0 && n != int64(len(group)) {
					return fmt.Errorf("%d of %d keys exist", n, len(group))
				}
				err = checkGroup(vs[i])
			}
			return err
		})
	}
	s.finish()
}

// TestGateStopsEverybody: FLUSHALL, FLUSHDB and SWAPDB take the whole keyspace at
// one moment, whatever else runs: the group stays whole, keys stay in one
// database, counters do not lose what was not flushed, and no block of memory is
// lost or freed twice.
func TestGateStopsEverybody(t *testing.T) {
	s := newStorm(t, share(t, 0.25), "--enable-debug-command", "yes")
	for w := range 3 {
		s.client("writer", func(c *peer.Conn, r *rand.Rand, n int) error {
			db := strconv.Itoa(r.IntN(2))
			noise := fmt.Sprintf("n:%d:%d", w, r.IntN(500))
			_, err := pipeline(c, []string{"SELECT", db}, writeGroup(value(r, w, n)),
				[]string{"SET", noise, value(r, w, n), "PX", strconv.Itoa(1 + r.IntN(200))},
				[]string{"APPEND", noise + "x", strings.Repeat("y", r.IntN(300))},
				[]string{"EXPIRE", noise + "x", "1000"}, []string{"COPY", noise, noise + "y", "REPLACE"},
				[]string{"MOVE", noise + "y", "2"}, []string{"DEL", noise + "x"}, writeGroup(value(r, w, -n)))
			return err
		})
	}
	for range 2 {
		s.client("reader", func(c *peer.Conn, r *rand.Rand, _ int) error {
			get := append([]string{"MGET"}, group...)
			vs, err := pipeline(c, []string{"SELECT", strconv.Itoa(r.IntN(2))}, get, get, []string{"DBSIZE"}, get)
			if err != nil {
				return err
			}
			return errors.Join(checkGroup(vs[1]), checkGroup(vs[2]), checkGroup(vs[4]))
		})
	}
	// The mark is in exactly one of two databases that only SWAPDB touches.
	s.client("swapper", func(c *peer.Conn, r *rand.Rand, _ int) error {
		vs, err := pipeline(c, []string{"SELECT", "4"}, []string{"SET", "mark", "4"}, []string{"SELECT", "5"}, []string{"DEL", "mark"},
			[]string{"SWAPDB", "4", "5"}, []string{"GET", "mark"}, []string{"SWAPDB", "5", "4"}, []string{"EXISTS", "mark"}, []string{"SWAPDB", "0", "1"})
		if err != nil {
			return err
		}
		// A FLUSHALL may come between any two of them; then both are missing.
		if got := text(vs[5]); got != `"4"` && got != nilText {
			return fmt.Errorf("after SWAPDB the mark is %s", got)
		}
		if vs[7].Int != 0 {
			return errors.New("after SWAPDB back the mark is in both databases")
		}
		return nil
	})
	s.client("flusher", func(c *peer.Conn, r *rand.Rand, n int) error {
		requests := [][]string{{"FLUSHALL"}, {"FLUSHALL", "ASYNC"}, {"FLUSHDB"}, {"FLUSHALL", "SYNC"}}
		vs, err := pipeline(c, []string{"PING"}, requests[r.IntN(len(requests))])
		if err != nil {
			return err
		}
		if text(vs[1]) != "+OK" {
			return fmt.Errorf("a flush replies %s", text(vs[1]))
		}
		if n%64 == 0 {
			_, err = c.Must("DEBUG", "MEMCHECK")
		}
		return err
	})
	s.finish()
}

// TestFlushIsSeenByAllAtOnce: what a client has seen flushed no client sees any
// more. Each generation writes a mark, flushes it, and then asks all loops.
func TestFlushIsSeenByAllAtOnce(t *testing.T) {
	srv := peer.StartKvorum(t, "--io-threads", loopArgs)
	conns := dial(t, srv, 8)
	for n := 0; n < 300; n++ {
		mark := fmt.Sprintf("mark:%d", n)
		for i, words := range [][]string{{"SET", mark, "1"}, {"FLUSHALL"}} {
			if _, err := conns[(n+i)%len(conns)].Must(words...); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range conns {
			if v, err := c.Must("EXISTS", mark); err != nil || v.Int != 0 {
				t.Fatalf("round %d: a flushed key is there: %d %v", n, v.Int, err)
			}
		}
	}
}
