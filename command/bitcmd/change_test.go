package bitcmd_test

import (
	"slices"
	"testing"

	"kvorum/command/all"
	"kvorum/engine/enginetest"
	"kvorum/keyspace"
)

// TestFailedFieldsThatLengthenAreFed: Redis keeps the longer string to itself,
// so that a replica's copy differs.
func TestFailedFieldsThatLengthenAreFed(t *testing.T) {
	s := enginetest.New(t, all.Families()...)
	const request = "BITFIELD k OVERFLOW FAIL INCRBY u2 14 4"
	for i, want := range [][]string{{"0 " + request}, nil} {
		before := s.Dirty()
		if got := s.Do("BITFIELD", "k", "OVERFLOW", "FAIL", "INCRBY", "u2", "14", "4"); got != "*1\r\n$-1\r\n" {
			t.Fatalf("reply %q", got)
		}
		if got := s.Effects(); !slices.Equal(got, want) {
			t.Errorf("call %d feeds %q, want %q", i, got, want)
		}
		if got := s.Dirty() - before; got != uint64(len(want)) {
			t.Errorf("call %d counts %d changes", i, got)
		}
	}
}

// TestWatchersLearnOfChangesOnly: a bit that is what it was modifies nothing,
// even if the string is stored in another way afterwards.
func TestWatchersLearnOfChangesOnly(t *testing.T) {
	s := enginetest.New(t, all.Families()...)
	ks := s.Engine.KS
	for _, c := range []struct {
		request []string
		dirty   bool
	}{
		{[]string{"SETBIT", "k", "0", "0"}, false},
		{[]string{"GETBIT", "k", "1"}, false},
		{[]string{"BITFIELD", "k", "SET", "u8", "0", "49"}, false},
		{[]string{"BITFIELD", "k", "GET", "u8", "100"}, false},
		{[]string{"BITFIELD", "k", "OVERFLOW", "FAIL", "INCRBY", "u8", "0", "1000"}, false},
		{[]string{"BITOP", "AND", "other", "k"}, false},
		{[]string{"SETBIT", "k", "0", "1"}, true},
		{[]string{"SETBIT", "k", "100", "0"}, true},
		{[]string{"SETBIT", "k", "10000", "0"}, true},
		{[]string{"BITFIELD", "k", "SET", "u8", "0", "50"}, true},
		{[]string{"BITFIELD", "k", "SET", "u8", "100", "0"}, true},
		{[]string{"BITFIELD", "k", "OVERFLOW", "FAIL", "INCRBY", "u8", "100", "1000"}, true},
		{[]string{"BITOP", "AND", "k", "k"}, true},
		{[]string{"BITOP", "AND", "k", "absent"}, true},
	} {
		s.Do("SET", "k", "12345")
		k := ks.Key([]byte("k"))
		shard := keyspace.ShardOf(k.Hash)
		var w keyspace.Watcher
		ks.Lock(shard)
		ks.DB(0).Watch(k, &w, 0)
		ks.Unlock(shard)
		s.Do(c.request...)
		if w.Dirty() != c.dirty {
			t.Errorf("%q: watchers were told %v, want %v", c.request, w.Dirty(), c.dirty)
		}
		ks.Unwatch(&w)
	}
}
