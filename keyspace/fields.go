package keyspace

import (
	"fmt"

	"kvorum/mem"
	"kvorum/object"
)

// Hashes with TTLs on fields have a ticket of their own beside the key's, in the same
// wheel: it is due when the next field is, and names the key alone. Which fields are
// due the hash knows. As with keys, a ticket is not taken out when the field that it
// was made for loses its TTL or gets a later one, but renewed or dropped when it
// fires: a session whose field is refreshed at each request costs no memory.

// ScheduleFields sees to it that the record rec of key k, a hash with a TTL on some
// field or any other record, has a ticket when its next field is due. The caller has
// given a field a TTL.
func (db *DB) ScheduleFields(k Key, rec mem.Handle) {
	if !object.Load(rec).Timed() {
		return
	}
	due := object.NextFieldDue(rec)
	last, _ := object.FieldTicket(rec)
	if due < 0 || last != 0 && due >= last {
		return
	}
	g := &db.groups[ShardOf(k.Hash)&groupMask]
	if last == 0 {
		g.timed.Add(1)
	}
	db.addFieldTicket(g, k, rec, due)
}

func (db *DB) addFieldTicket(g *dbGroup, k Key, rec mem.Handle, due int64) {
	tick := tickOf(due)
	object.SetFieldTicket(rec, due, uint8(tick))
	db.addTicket(g, tick, ticketHash(k.Hash))
}

// RescheduleFields is ScheduleFields for a hash whose ticket has fired.
func (db *DB) RescheduleFields(k Key, rec mem.Handle) {
	g := &db.groups[ShardOf(k.Hash)&groupMask]
	if due := object.NextFieldDue(rec); due >= 0 {
		db.addFieldTicket(g, k, rec, due)
		return
	}
	g.forgetFields(rec)
	object.SetFieldTicket(rec, 0, 0)
}

// fireFields reports whether fields of the hash of record h are due; if not, its
// ticket, which is out of the wheel, is renewed or forgotten.
func (db *DB) fireFields(k Key, h mem.Handle, nowMs int64) bool {
	due := object.NextFieldDue(h)
	switch {
	case due < 0 || nowMs <= due:
		db.RescheduleFields(k, h)
	case db.ks.Pinned(k):
		tick := tickOf(nowMs) + pinnedTicks
		object.SetFieldTicket(h, due, uint8(tick))
		db.addTicket(&db.groups[ShardOf(k.Hash)&groupMask], tick, ticketHash(k.Hash))
	default:
		return true
	}
	return false
}

// forgetFields takes a timed hash that leaves the database, or has no ticket more,
// out of the count.
func (g *dbGroup) forgetFields(rec mem.Handle) {
	if due, _ := object.FieldTicket(rec); due != 0 {
		g.timed.Add(-1)
	}
}

// TimedLen returns the number of hashes that the wheel has a ticket of because of a
// TTL that a field has, or had until lately.
func (db *DB) TimedLen() int64 {
	n := int64(0)
	for i := range db.groups {
		n += db.groups[i].timed.Load()
	}
	return n
}

// checkFields checks that the ticket of a hash is not later than the next field is
// due, and returns 1 if it has one.
func checkFields(h mem.Handle) (timed int64, err error) {
	if !object.Load(h).Timed() {
		return 0, nil
	}
	last, _ := object.FieldTicket(h)
	if due := object.NextFieldDue(h); due >= 0 && (last == 0 || due < last) {
		return 0, fmt.Errorf("keyspace: a field of %q is due at %d, its ticket at %d", object.Key(h), due, last)
	}
	if last != 0 {
		timed = 1
	}
	return timed, nil
}
