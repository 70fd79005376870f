package servercmd

import (
	"kvorum/mem"
	"kvorum/object"
	"kvorum/object/hash"
	"kvorum/object/set"
)

// What DEBUG DIGEST and DEBUG OBJECT make of hashes and sets: the order of elements
// in a digest does not matter.

// addHash adds, for each field, a digest of it mixed with its value.
func (d *digest) addHash(rec mem.Handle) {
	h := hash.Open(rec)
	var it hash.Iter
	for it.Start(&h); it.Next(); {
		var e digest
		e.mix(it.Field())
		e.mix(it.Value())
		d.add(e[:])
	}
}

// addSet adds each member.
func (d *digest) addSet(rec mem.Handle) {
	var s set.Set
	s.Open(rec)
	var it set.Iter
	for it.Start(&s); it.Next(); {
		d.add(it.Member())
	}
}

// rdbHashLength returns the bytes of a hash in an RDB file.
func rdbHashLength(rec mem.Handle) int {
	if packed := object.PackedBytes(rec); packed != nil {
		return rdbLength(packed)
	}
	h := hash.Open(rec)
	n := rdbCountLength(uint64(h.Len()))
	var it hash.Iter
	for it.Start(&h); it.Next(); {
		n += rdbLength(it.Field()) + rdbLength(it.Value())
	}
	return n
}

// rdbSetLength returns the bytes of a set in an RDB file.
func rdbSetLength(rec mem.Handle) int {
	if packed := object.PackedBytes(rec); packed != nil {
		return rdbLength(packed)
	}
	var s set.Set
	s.Open(rec)
	n := rdbCountLength(uint64(s.Len()))
	var it set.Iter
	for it.Start(&s); it.Next(); {
		n += rdbLength(it.Member())
	}
	return n
}
