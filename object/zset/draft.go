package zset

import (
	"kvorum/mem"
	"kvorum/object"
)

// Draft is a sorted set that is not under its key yet.
type Draft struct {
	Rec mem.Handle
	Set *Set
}

// Begin makes a draft in an arena, with room for its view. Its owner stores Rec
// under the key, or calls Free.
func Begin(a *mem.Arena, key []byte, access uint32, view *Set) Draft {
	d := Draft{New(a, key, access), view}
	d.Set.Open(d.Rec)
	return d
}

// Len returns the number of members.
func (d *Draft) Len() int { return d.Set.Len() }

// Free gives the draft's memory back.
func (d *Draft) Free() { object.Free(d.Rec) }
