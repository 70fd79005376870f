package keyspace

import (
	"kvorum/ds/wheel"
	"kvorum/mem"
	"kvorum/object"
)

// TickMs is the length of a tick of the expiry wheels in milliseconds.
const TickMs = 64

// A ticket carries 40 bits of the hash, enough to find the bucket and the tag of
// its key: no ticket ever points to memory, so a key may move or go without
// anybody looking for its ticket.
const (
	ticketTag    = 8
	ticketShard  = 10
	ticketBucket = 22
)

// pinnedTicks is how much later a key that is pinned when it is due is looked at again.
const pinnedTicks = 2

// ticketHash packs the parts of a hash that a lookup needs into 40 bits.
func ticketHash(hash uint64) uint64 {
	return hash>>56<<(ticketShard+ticketBucket) |
		uint64(ShardOf(hash))<<ticketBucket |
		hash&(1<<ticketBucket-1)
}

// unpackHash is the inverse of ticketHash for all bits that a lookup uses.
func unpackHash(t uint64) uint64 {
	return t>>(ticketShard+ticketBucket)<<56 |
		t>>ticketBucket&shardMask<<shardShift |
		t&(1<<ticketBucket-1)
}

// tickOf returns the first tick at which a key with this due time has expired.
func tickOf(dueMs int64) uint64 { return uint64(dueMs)/TickMs + 1 }

// setDue gives the record h a TTL. The record has an expiry field. A ticket is
// added unless the one the record has is early enough: it will be renewed when
// it fires (refreshing a TTL costs no memory).
func (db *DB) setDue(k Key, h mem.Handle, due int64) {
	due = min(due, object.DueMax)
	g := &db.groups[ShardOf(k.Hash)&groupMask]
	if object.Load(h)&object.FlagVolatile == 0 {
		g.volatile.Add(1)
	}
	if last := object.LastDue(h); last != 0 && due >= last {
		object.SetDue(h, due, object.TicketTick(h), true)
		return
	}
	tick := tickOf(due)
	object.SetDue(h, due, uint8(tick), true)
	db.addTicket(g, tick, ticketHash(k.Hash))
}

func (db *DB) addTicket(g *dbGroup, tick, hash uint64) {
	g.mu.Lock()
	if g.wheel == nil {
		g.wheel = wheel.New(db.ks.tickets, db.ks.tick.Load())
	}
	g.wheel.Add(tick, hash)
	g.mu.Unlock()
}

// applyTTL makes the record h, just overwritten, obey ttl. A due time needs the
// expiry field to be there.
func (db *DB) applyTTL(k Key, h mem.Handle, ttl TTL) {
	switch {
	case ttl >= 0:
		db.setDue(k, h, int64(ttl))
	case ttl == NoTTL:
		db.dropTTL(k, h)
	}
}

// dropTTL takes the TTL of the record h. Its ticket stays and is remembered.
func (db *DB) dropTTL(k Key, h mem.Handle) {
	d := object.Load(h)
	if d&object.FlagVolatile == 0 {
		return
	}
	(d &^ object.FlagVolatile).Store(h)
	db.groups[ShardOf(k.Hash)&groupMask].volatile.Add(-1)
}

// SetExpire gives the key of e the due time, in Unix milliseconds (later ones
// than object.DueMax are cut), and returns its new entry.
func (db *DB) SetExpire(k Key, e Entry, due int64) Entry {
	db.Preserve(k, e)
	if object.Load(e.Rec)&object.FlagExpiry == 0 {
		a := db.ks.arenaOf(ShardOf(k.Hash))
		h := object.Clone(a, e.Rec, k.Bytes, true, true)
		e.slot.Replace(h)
		mem.Free(e.Rec, mem.KindRecord)
		e.Rec = h
	}
	db.setDue(k, e.Rec, due)
	db.modified(k)
	return e
}

// Persist takes the TTL of the key of e and reports whether it had one.
func (db *DB) Persist(k Key, e Entry) bool {
	if object.Load(e.Rec)&object.FlagVolatile == 0 {
		return false
	}
	db.Preserve(k, e)
	db.dropTTL(k, e.Rec)
	db.modified(k)
	return true
}

// AdvanceClock tells the keyspace the time that new wheels start from.
func (ks *Keyspace) AdvanceClock(nowMs int64) { ks.tick.Store(uint64(nowMs) / TickMs) }

// Due takes tickets of one group (0 .. GroupCount-1) of the database that are
// due at nowMs, at most len(dst), and returns their number and the age of the
// oldest that was waiting in milliseconds. Each must be handed to Fire.
func (db *DB) Due(i int, nowMs int64, dst []wheel.Ticket) (n int, lagMs int64) {
	g := &db.groups[i]
	g.mu.Lock()
	if g.wheel != nil {
		now := uint64(nowMs) / TickMs
		lagMs = int64(g.wheel.Backlog(now)) * TickMs
		n = g.wheel.Due(now, dst)
	}
	g.mu.Unlock()
	return n, lagMs
}

// TicketShard returns the shard whose lock Fire needs for a ticket.
func TicketShard(t wheel.Ticket) int { return ShardOf(unpackHash(t.Hash())) }

// TicketHash returns the parts of the hash that a ticket holds, good for Hint.
func TicketHash(t wheel.Ticket) uint64 { return unpackHash(t.Hash()) }

// Fire looks the key of a due ticket up and says what is due of it at nowMs. If it is
// the key, the caller deletes it; if it is fields of its hash, the caller removes some
// and calls RescheduleFields, unless that was the end of the hash. If it is nothing
// yet, the ticket is renewed when the key still counts on it, else dropped.
func (db *DB) Fire(t wheel.Ticket, nowMs int64) (e Entry, k Key, due Due) {
	hash := unpackHash(t.Hash())
	table := &db.tables[ShardOf(hash)]
	for p := table.Probe(hash); p.Next(); {
		h := p.Handle()
		ofKey, ofFields := countsOn(h, t)
		if !ofKey && !ofFields {
			continue
		}
		key := object.Key(h)
		full := db.ks.Hash(key)
		if ticketHash(full) != t.Hash() {
			continue
		}
		k = Key{key, full}
		if ofKey && db.fireKey(k, h, nowMs) {
			return Entry{h, p.Slot()}, k, KeyDue
		}
		if ofFields && db.fireFields(k, h, nowMs) {
			return Entry{h, p.Slot()}, k, FieldsDue
		}
		break
	}
	return Entry{}, Key{}, NothingDue
}

// Due says what Fire found to be due.
type Due uint8

// What can be due.
const (
	NothingDue Due = iota
	KeyDue
	FieldsDue
)

// countsOn reports whether the ticket is the valid one of the record for its key, or
// for the fields of its hash. A ticket of another key may look the same.
func countsOn(h mem.Handle, t wheel.Ticket) (ofKey, ofFields bool) {
	d := object.Load(h)
	ofKey = d&object.FlagExpiry != 0 && object.TicketTick(h) == uint8(t.Tick())
	if d.Timed() {
		due, tick := object.FieldTicket(h)
		ofFields = due != 0 && tick == uint8(t.Tick())
	}
	return ofKey, ofFields
}

// fireKey reports whether the key of the record h has expired; if not, its ticket,
// which is out of the wheel, is renewed or forgotten.
func (db *DB) fireKey(k Key, h mem.Handle, nowMs int64) bool {
	if object.Load(h)&object.FlagVolatile == 0 {
		object.SetDue(h, 0, 0, false) // the ticket is gone
		return false
	}
	due := object.Due(h)
	tick := tickOf(due)
	if nowMs > due {
		if !db.ks.Pinned(k) {
			return true
		}
		tick = tickOf(nowMs) + pinnedTicks
	}
	object.SetDue(h, due, uint8(tick), true)
	db.addTicket(&db.groups[ShardOf(k.Hash)&groupMask], tick, ticketHash(k.Hash))
	return false
}

// Tickets returns the number of tickets of the database: those of volatile keys
// and stale ones not yet swept.
func (db *DB) Tickets() int64 {
	n := int64(0)
	for i := range db.groups {
		g := &db.groups[i]
		g.mu.Lock()
		if g.wheel != nil {
			n += int64(g.wheel.Count())
		}
		g.mu.Unlock()
	}
	return n
}

// staleMin is the number of stale tickets of a group that nobody minds.
const staleMin = 4096

// Sweep looks at up to budget tickets of one group of the database and drops the
// stale ones, if more tickets than twice the volatile keys and timed hashes have
// gathered: keys
// deleted or overwritten leave theirs behind. It reports whether more is to do.
func (db *DB) Sweep(i, budget int) (more bool) { return db.SweepBeyond(i, budget, staleMin) }

// SweepBeyond is Sweep with another number of stale tickets that nobody minds.
func (db *DB) SweepBeyond(i, budget int, minded int64) (more bool) {
	g := &db.groups[i]
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.wheel == nil || int64(g.wheel.Count()) <= 2*(g.volatile.Load()+g.timed.Load())+minded {
		return false
	}
	return !g.wheel.Sweep(budget, db.counts)
}

// counts reports whether a record still counts on the ticket. It runs under the
// group's lock, which comes after the shards', so it may not wait for the
// shard: a ticket of a busy shard is kept.
func (db *DB) counts(t wheel.Ticket) bool {
	hash := unpackHash(t.Hash())
	shard := &db.ks.shards[ShardOf(hash)]
	if !shard.mu.TryLock() {
		return true
	}
	defer shard.mu.Unlock()
	table := &db.tables[ShardOf(hash)]
	for p := table.Probe(hash); p.Next(); {
		h := p.Handle()
		if ofKey, ofFields := countsOn(h, t); ofFields || ofKey && object.LastDue(h) != 0 {
			return true
		}
	}
	return false
}
