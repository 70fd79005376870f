package keycmd_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"

	"kvorum/command/all"
	"kvorum/engine/enginetest"
)

// longElements is enough for a SORT to leave the loop.
const longElements = 4100

// longSource makes a list, a set and a sorted set of many elements, weights and
// fields for each.
func longSource(s *enginetest.Server) {
	r := rand.New(rand.NewPCG(1, 2))
	list, set, zset, ints := []string{"RPUSH", "list"}, []string{"SADD", "set"}, []string{"ZADD", "zset"}, []string{"SADD", "ints"}
	weights := []string{"MSET"}
	for i := range longElements {
		elem := strconv.Itoa(i)
		list, set, ints = append(list, elem), append(set, "m"+elem), append(ints, elem)
		zset = append(zset, strconv.Itoa(r.IntN(100)), elem)
		if i%7 != 0 {
			weights = append(weights, "w_"+elem, strconv.Itoa(r.IntN(1000)))
		}
		if i%100 == 0 {
			s.Do("HSET", "h_"+elem, "f", "v"+elem)
		}
	}
	for _, words := range [][]string{list, set, zset, ints, weights} {
		s.Do(words...)
	}
}

// TestLongSortEqualsShort: what goes on off the loop replies what the same request
// replies in a transaction, where it must not leave it.
func TestLongSortEqualsShort(t *testing.T) {
	s := enginetest.New(t, all.Families()...)
	longSource(s)
	for _, options := range []string{
		"list", "list DESC", "list ALPHA", "list BY nosort", "list BY nosort DESC", "list BY nosort DESC LIMIT 10 5000",
		"list BY w_* GET # GET h_*->f", "list BY w_* ALPHA DESC LIMIT 100 300 GET w_*", "list BY h_*->f ALPHA", "list BY h_*->f",
		"set", "set ALPHA", "set ALPHA DESC LIMIT 3 5", "ints DESC", "ints BY w_*", "ints BY nosort LIMIT 0 20",
		"zset", "zset BY nosort DESC", "zset BY nosort LIMIT 100 5000", "zset ALPHA", "zset BY w_* GET absent_*",
	} {
		words := append([]string{"SORT_RO"}, strings.Fields(options)...)
		long := s.Do(words...)
		s.Do("MULTI")
		s.Do(words...)
		if short := strings.TrimPrefix(s.Do("EXEC"), "*1\r\n"); long != short {
			t.Errorf("SORT_RO %s replies %d bytes off the loop, %d on it", options, len(long), len(short))
		}
	}
}

// meanwhile has another worker make changes over and over, n counting them, until stop
// is called. It returns once they were made for the first time.
func meanwhile(s *enginetest.Server, changes func(do func(line string), n int)) (stop func()) {
	end, begun := make(chan struct{}), make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		w := s.Engine.NewWorker()
		defer w.Close()
		session := s.Engine.NewSession(nil)
		do := func(line string) { w.Do(session, bytesOf(strings.Fields(line))...) }
		for n := 0; ; n++ {
			changes(do, n)
			if n == 0 {
				close(begun)
			}
			select {
			case <-end:
				return
			default:
			}
		}
	})
	<-begun
	return func() {
		close(end)
		done.Wait()
	}
}

// TestLongSortSeesOneMoment: the list turns round and round and the set exchanges
// members while they are sorted; a copy of different moments would have elements
// twice or lack some.
func TestLongSortSeesOneMoment(t *testing.T) {
	s := enginetest.New(t, all.Families()...)
	longSource(s)
	want := s.Do("SORT", "list")
	stop := meanwhile(s, func(do func(line string), n int) {
		do("LMOVE list list LEFT RIGHT")
		do("SMOVE ints other " + strconv.Itoa(n%longElements))
		do("SMOVE other ints " + strconv.Itoa(n%longElements))
	})
	for range 5 {
		if got := s.Do("SORT", "list"); got != want {
			t.Fatalf("SORT of a list that turns: %d bytes, want %d", len(got), len(want))
		}
		// The set has all its members or lacks just one.
		if n := len(read(t, s.Do("SORT", "ints")).Elems); n != longElements && n != longElements-1 {
			t.Fatalf("SORT of a set that lacks at most one member of %d: %d", longElements, n)
		}
	}
	stop()
}

// TestLongSortCountsLookUps: also those off the loop count as hits and misses.
func TestLongSortCountsLookUps(t *testing.T) {
	s := enginetest.New(t, all.Families()...)
	longSource(s)
	before := s.Totals()
	s.Do("SORT", "list", "BY", "w_*", "LIMIT", "0", "1")
	after := s.Totals()
	missing := uint64((longElements + 6) / 7)
	if hits, misses := after.Hits-before.Hits, after.Misses-before.Misses; hits != longElements-missing+1 || misses != missing {
		t.Errorf("%d hits and %d misses, want %d and %d", hits, misses, longElements-missing+1, missing)
	}
}

// TestSortFindsKeysAmidChanges: short sorts lock what their patterns mean, though
// others change the source, and see the weights of one moment: of two keys one is 1,
// the other 2.
func TestSortFindsKeysAmidChanges(t *testing.T) {
	s := enginetest.New(t, all.Families()...)
	s.Do("RPUSH", "l", "a", "b")
	s.Do("MSET", "w_a", "1", "w_b", "2")
	// A transaction with a SORT runs behind the gate; the ones after it do not.
	s.Do("MULTI")
	s.Do("SORT", "l", "BY", "w_*")
	s.Do("EXEC")
	stop := meanwhile(s, func(do func(line string), n int) {
		x := strconv.Itoa(n % 2)
		do("MSET w_a 1" + x + " w_b 2" + x)
		do("RPUSH l c" + x)
		do("RPOP l")
	})
	for i := range 500 {
		reply := read(t, s.Do("SORT", "l", "BY", "w_*", "LIMIT", "0", "2", "GET", "w_*", "STORE", "dst"))
		if reply.Int != 2 && reply.Int != 3 {
			t.Fatalf("SORT %d replied %+v", i, reply)
		}
		got := read(t, s.Do("LRANGE", "dst", "0", "-1"))
		var weights []string
		for _, e := range got.Elems {
			if len(e.Str) == 2 {
				weights = append(weights, string(e.Str))
			}
		}
		if len(weights) == 2 && weights[0][1] != weights[1][1] {
			t.Fatalf("SORT %d saw weights of two moments: %v", i, weights)
		}
	}
	stop()
}

// TestSortOfEqualWeightsFeedsTheResult: a set may have another order elsewhere.
func TestSortOfEqualWeightsFeedsTheResult(t *testing.T) {
	s := enginetest.New(t, all.Families()...)
	s.Do("SADD", "s", "c", "a", "b")
	s.Effects()
	s.Do("SORT", "s", "BY", "w_*", "ALPHA", "STORE", "dst")
	list := read(t, s.Do("LRANGE", "dst", "0", "-1"))
	want := fmt.Sprintf("[0 DEL dst 0 RPUSH dst %s %s %s]", list.Elems[0].Str, list.Elems[1].Str, list.Elems[2].Str)
	if got := fmt.Sprint(s.Effects()); got != want {
		t.Errorf("effects %s, want %s", got, want)
	}
}
