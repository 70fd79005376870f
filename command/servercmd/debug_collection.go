package servercmd

import (
	"kvorum/mem"
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
		if it.Due() != 0 {
			e.add(fieldExpireMark)
		}
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
