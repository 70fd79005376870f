package engine_test

import (
	"slices"
	"strings"
	"testing"

	"kvorum/clock"
	"kvorum/command"
	"kvorum/command/all"
	"kvorum/engine"
	"kvorum/keyspace"
)

// effects collects what is fed.
type effects struct{ list []string }

func (e *effects) Append(_ int, args ...[]byte) {
	words := make([]string, len(args))
	for i, arg := range args {
		words[i] = string(arg)
	}
	e.list = append(e.list, strings.Join(words, " "))
}

// AppendControl implements command.Effects.
func (e *effects) AppendControl(db int, args ...[]byte) { e.Append(db, args...) }

// A key that is due stays while a long command reads it, and counts as gone for others.
// Whoever carries out what a command made of that must not see it either.
func TestDueKeyThatStaysIsGoneInTheStream(t *testing.T) {
	table, err := command.NewTable(all.Families()...)
	if err != nil {
		t.Fatal(err)
	}
	hand := clock.NewManual(1_700_000_000_000)
	fed := &effects{}
	e := engine.New(keyspace.New(1), table, hand.Clock(), engine.Hooks{Feed: fed})
	w := e.NewWorker()
	defer w.Close()
	s := e.NewSession(nil)
	do(w, s, "SET due x")
	do(w, s, "RPUSH list ue")
	do(w, s, "PEXPIRE due 10")
	hand.Advance(11)
	k := e.KS.Key([]byte("due"))
	shard := keyspace.ShardOf(k.Hash)
	e.KS.Lock(shard)
	if !e.KS.TryPin([]keyspace.Key{k}, false) {
		t.Fatal("not pinned")
	}
	e.KS.Unlock(shard)
	fed.list = nil
	if got := do(w, s, "SORT list BY nosort GET d* STORE dst"); got != ":1\r\n" {
		t.Errorf("%q", got)
	}
	if want := []string{"DEL due", "SORT list BY nosort GET d* STORE dst"}; !slices.Equal(fed.list, want) {
		t.Errorf("fed %q, want %q", fed.list, want)
	}
	fed.list = nil
	do(w, s, "SORT_RO list BY nosort GET d*")
	if len(fed.list) != 0 {
		t.Errorf("a command that reads has fed %q", fed.list)
	}
	e.KS.Lock(shard)
	e.KS.Unpin([]keyspace.Key{k}, false)
	e.KS.Unlock(shard)
	do(w, s, "EXISTS due")
	if want := []string{"DEL due"}; !slices.Equal(fed.list, want) {
		t.Errorf("fed %q at the end, want %q", fed.list, want)
	}
}
