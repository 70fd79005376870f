package keyspace

import (
	"sync"
	"sync/atomic"
)

// Pinned keys. A long command reads its keys in slices and lets others have their
// shards in between. Until it is over its keys are pinned: their values stay as they
// are and where they are, while they can be read, and all other keys changed.
//
//	long command  ── TryPin ──► reads ─ gives way ─ reads ─ ... ──► Unpin
//	a command that writes to the key ── Wanted ──► Ticket, waits ──► tries again
//	expiry, eviction, compaction     ── Pinned ──► leave the key alone meanwhile
//	FLUSHALL, SWAPDB                 ── Drain  ──► Ticket of all pins
//
// A name is pinned in all databases at once: which one a command changes is not known
// before it runs (SELECT in a transaction, MOVE, COPY).
//
// P1: pins of a shard are guarded by its lock. P2: who has a Ticket is not overtaken:
// nobody pins the key for reading while there are tickets. P3: all keys of a command
// are pinned at once or none, and who waits to pin holds no pin: nobody waits in a
// circle.

// pin is what is known of a key that is pinned or waited for.
type pin struct {
	key     Key // its own bytes
	shard   int
	readers int   // commands that read it
	writer  bool  // a command that will change it
	tickets int   // commands that wait to change it
	parked  []any // those of them that are to be woken
	next    *pin
}

// Ticket is the place of a command that waits until keys are not pinned. It keeps
// others from pinning them before it has had its turn, until GiveBack.
type Ticket struct{ p *pin } // nil: all keys

// pins is what the keyspace knows of pins. Lock order: shard < pins.
type pins struct {
	count atomic.Int64 // pinned keys
	total atomic.Int64 // the same with those that are only waited for

	mu       sync.Mutex // guards what follows
	changed  *sync.Cond // a key may be pinned that could not be before
	seq      uint64     // changes
	draining int        // tickets of all keys
	parked   []any      // those of them that are to be woken
}

// AnyPinned reports whether any key is pinned. Safe from any goroutine.
func (ks *Keyspace) AnyPinned() bool { return ks.pins.count.Load() > 0 }

func (s *Shard) pinOf(k Key) *pin {
	for p := s.pins; p != nil; p = p.next {
		if p.key.Hash == k.Hash && string(p.key.Bytes) == string(k.Bytes) {
			return p
		}
	}
	return nil
}

func (p *pin) held() bool { return p.readers > 0 || p.writer }

// Pinned reports whether a key may not be changed now. The caller holds the lock of
// its shard.
func (ks *Keyspace) Pinned(k Key) bool {
	if !ks.AnyPinned() {
		return false
	}
	p := ks.shards[ShardOf(k.Hash)].pinOf(k)
	return p != nil && p.held()
}

// AnyPinnedOf reports whether any of keys is pinned. The caller holds the locks of
// their shards.
func (ks *Keyspace) AnyPinnedOf(keys []Key) bool {
	for _, k := range keys {
		if ks.Pinned(k) {
			return true
		}
	}
	return false
}

// pinOrNew returns the pin of a key, one of nobody if there was none.
func (ks *Keyspace) pinOrNew(k Key) *pin {
	shard := ShardOf(k.Hash)
	s := &ks.shards[shard]
	if p := s.pinOf(k); p != nil {
		return p
	}
	p := &pin{key: Key{append([]byte(nil), k.Bytes...), k.Hash}, shard: shard, next: s.pins}
	s.pins = p
	ks.pins.total.Add(1)
	ks.greedy.Add(1)
	return p
}

// dropPin forgets a pin that is nobody's any more.
func (ks *Keyspace) dropPin(p *pin) {
	if p.held() || p.tickets > 0 {
		return
	}
	at := &ks.shards[p.shard].pins
	for *at != p {
		at = &(*at).next
	}
	*at = p.next
	ks.pins.total.Add(-1)
	ks.greedy.Add(-1)
}

// TryPin pins keys, all or none, for a command that will write or only reads, and
// reports whether it did. The caller holds the locks of their shards.
func (ks *Keyspace) TryPin(keys []Key, write bool) bool {
	ks.pins.mu.Lock()
	defer ks.pins.mu.Unlock()
	if ks.pins.draining > 0 {
		return false
	}
	for _, k := range keys {
		p := ks.shards[ShardOf(k.Hash)].pinOf(k)
		if p != nil && (p.writer || write && p.readers > 0 || !write && p.tickets > 0) {
			return false
		}
	}
	for _, k := range keys {
		p := ks.pinOrNew(k)
		if !p.held() {
			ks.pins.count.Add(1)
		}
		if write {
			p.writer = true // perhaps twice, for a key named twice
		} else {
			p.readers++
		}
	}
	return true
}

// Unpin ends what TryPin began, with the same arguments and under the same locks, and
// returns who is to be woken.
func (ks *Keyspace) Unpin(keys []Key, write bool) (wake []any) {
	for _, k := range keys {
		p := ks.shards[ShardOf(k.Hash)].pinOf(k)
		if p == nil || !p.held() {
			continue // named twice
		}
		if write {
			p.writer = false
		} else {
			p.readers--
		}
		if p.held() {
			continue
		}
		ks.pins.count.Add(-1)
		wake = append(wake, p.parked...)
		p.parked = nil
		ks.dropPin(p)
	}
	return append(wake, ks.pinsChanged()...)
}

// pinsChanged tells those who wait to pin, and returns who waits for there to be no
// pins if there are none.
func (ks *Keyspace) pinsChanged() (wake []any) {
	ks.pins.mu.Lock()
	defer ks.pins.mu.Unlock()
	ks.pins.changes()
	if !ks.AnyPinned() {
		wake, ks.pins.parked = ks.pins.parked, nil
	}
	return wake
}

// changes tells those who wait to pin. Under mu.
func (p *pins) changes() {
	p.seq++
	p.changed.Broadcast()
}

// Wanted lets who wait to change one of keys, whose shards are locked, if any is
// pinned, and returns its ticket; nil if none is. who is to be woken, nil: nobody.
func (ks *Keyspace) Wanted(keys []Key, who any) *Ticket {
	if !ks.AnyPinned() {
		return nil
	}
	for _, k := range keys {
		p := ks.shards[ShardOf(k.Hash)].pinOf(k)
		if p == nil || !p.held() {
			continue
		}
		p.tickets++
		if who != nil {
			p.parked = append(p.parked, who)
		}
		return &Ticket{p}
	}
	return nil
}

// Drain is Wanted for all keys. The world stands still.
func (ks *Keyspace) Drain(who any) *Ticket {
	if !ks.AnyPinned() {
		return nil
	}
	ks.pins.mu.Lock()
	defer ks.pins.mu.Unlock()
	ks.pins.draining++
	if who != nil {
		ks.pins.parked = append(ks.pins.parked, who)
	}
	return &Ticket{}
}

// GiveBack ends a Ticket. The caller is in a batch and holds no lock. Nobody is woken by
// it but those who wait to pin, if that was the last ticket in their way: who has taken
// another one before and waits (AwaitPins) is not.
func (ks *Keyspace) GiveBack(t *Ticket) {
	last := false
	if t.p != nil {
		ks.Lock(t.p.shard)
		t.p.tickets--
		last = t.p.tickets == 0
		ks.dropPin(t.p)
		ks.Unlock(t.p.shard)
	}
	ks.pins.mu.Lock()
	if t.p == nil {
		ks.pins.draining--
		last = ks.pins.draining == 0
	}
	if last {
		ks.pins.changes()
	}
	ks.pins.mu.Unlock()
}

// PinSeq returns the number of changes of pins so far, for AwaitPins.
func (ks *Keyspace) PinSeq() uint64 {
	ks.pins.mu.Lock()
	defer ks.pins.mu.Unlock()
	return ks.pins.seq
}

// AwaitPins waits for a change after seq. The caller is in no batch and holds no lock.
func (ks *Keyspace) AwaitPins(seq uint64) {
	ks.pins.mu.Lock()
	for ks.pins.seq == seq {
		ks.pins.changed.Wait()
	}
	ks.pins.mu.Unlock()
}
