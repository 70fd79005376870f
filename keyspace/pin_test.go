package keyspace

import "testing"

// pinned returns a keyspace with a key that is pinned for reading, and locked.
func pinned(t *testing.T) (ks *Keyspace, keys []Key) {
	ks = New(1)
	t.Cleanup(ks.Close)
	keys = []Key{ks.Key([]byte("k"))}
	ks.Lock(ShardOf(keys[0].Hash))
	if !ks.TryPin(keys, false) {
		t.Fatal("a key of nobody is not pinned")
	}
	return ks, keys
}

// Who gives a ticket back between the two steps of the last Unpin leaves it to that to
// wake those who wait for all keys.
func TestGiveBackWakesNobody(t *testing.T) {
	ks, keys := pinned(t)
	ticket := ks.Wanted(keys, nil)
	all := ks.Drain("all")
	ks.pins.count.Add(-1) // as Unpin does before it asks who is to be woken
	ks.Unlock(ShardOf(keys[0].Hash))
	ks.GiveBack(ticket)
	if wake := ks.pinsChanged(); len(wake) != 1 || wake[0] != "all" {
		t.Errorf("woken: %v", wake)
	}
	ks.pins.count.Add(1)
	ks.GiveBack(all)
	ks.Lock(ShardOf(keys[0].Hash))
	ks.Unpin(keys, false)
	ks.Unlock(ShardOf(keys[0].Hash))
}

// A ticket given back changes nothing for those who wait to pin as long as there is
// another: who has taken the next one before is not to be woken by it.
func TestGiveBackOfOneTicketOfTwo(t *testing.T) {
	ks, keys := pinned(t)
	first, second := ks.Wanted(keys, nil), ks.Wanted(keys, nil)
	ks.Unlock(ShardOf(keys[0].Hash))
	firstAll, secondAll := ks.Drain(nil), ks.Drain(nil)
	seq := ks.PinSeq()
	ks.GiveBack(first)
	ks.GiveBack(firstAll)
	if have := ks.PinSeq(); have != seq {
		t.Errorf("%d changes, want none", have-seq)
	}
	ks.GiveBack(second)
	ks.GiveBack(secondAll)
	if have := ks.PinSeq(); have != seq+2 {
		t.Errorf("%d changes, want 2", have-seq)
	}
	ks.Lock(ShardOf(keys[0].Hash))
	ks.Unpin(keys, false)
	ks.Unlock(ShardOf(keys[0].Hash))
}
