package table

import (
	"math/bits"

	"kvorum/mem"
)

// A walk that meets every record once, while the table grows and shrinks.
//
// The low 32 bits of a hash, in reverse, are its place. A bucket, together with the
// one that will be or was split from it, holds the hashes of one range of places, and
// a split or a merge only divides ranges or joins them. So "before place p" is a
// property of the hash alone, and a walk in the order of places needs nothing but the
// place that it has come to: what it has passed stays passed wherever it moves.
//
// One flag of the slots says, ahead of the walk, which records it has no need of:
// those that were taken out of turn or have come since. Behind the walk the flag is
// clear in all slots, so that the next walk begins with clear ones.

// PlaceEnd is the place after the last one.
const PlaceEnd = 1 << 32

// Place returns the place of a hash, 0 .. PlaceEnd-1.
func Place(hash uint64) uint64 { return uint64(bits.Reverse32(uint32(hash))) }

// group returns the bucket that place at is in, or the lower one of two, the first
// place of the bucket, and the first one behind it.
func (t *Table) group(at uint64) (i uint32, from, to uint64) {
	i = bits.Reverse32(uint32(at)) & t.mask
	from = uint64(bits.Reverse32(i))
	return i, from, from + PlaceEnd>>bits.OnesCount32(t.mask)
}

// Visit calls fn for the records around place at that a walk there has not passed and
// whose flag f is clear, and sets the flag. It returns the place that follows, with
// their flags clear again; or at itself, when fn returned false to stop early: the
// walk then goes on with a call for the same place. fn must not insert or delete.
func (t *Table) Visit(at uint64, f Flag, hasher Hasher, fn func(Slot) bool) (next uint64) {
	if t.buckets == 0 {
		return PlaceEnd
	}
	i, from, to := t.group(at)
	if from == at {
		hasher = nil // none of them has been passed
	}
	if !t.visitChain(i, at, f, hasher, fn) || i < t.split && !t.visitChain(i+t.mask+1, at, f, hasher, fn) {
		return at
	}
	t.clearFlags(i, f)
	return to
}

// visitChain does the part of Visit for one bucket. hasher is nil if none of its
// records has been passed.
func (t *Table) visitChain(i uint32, at uint64, f Flag, hasher Hasher, fn func(Slot) bool) bool {
	for b := t.at(i); b != 0; b = next(b) {
		for n := range int32(SlotCount) {
			s := Slot{b, n}
			if mem.Load8(b, int(n)) == 0 || s.Flag(f) {
				continue
			}
			if hasher != nil && Place(hasher.HashOf(s.Handle())) < at {
				continue
			}
			s.SetFlag(f, true)
			if !fn(s) {
				return false
			}
		}
	}
	return true
}

// ClearFlags clears flag f around place at and returns the place that follows: for a
// walk that was given up.
func (t *Table) ClearFlags(at uint64, f Flag) (next uint64) {
	if t.buckets == 0 {
		return PlaceEnd
	}
	i, _, to := t.group(at)
	t.clearFlags(i, f)
	return to
}

// clearFlags clears flag f of bucket i and of the one split from it.
func (t *Table) clearFlags(i uint32, f Flag) {
	t.clearChain(i, f)
	if i < t.split {
		t.clearChain(i+t.mask+1, f)
	}
}

func (t *Table) clearChain(i uint32, f Flag) {
	const slots = 1<<SlotCount - 1
	for b := t.at(i); b != 0; b = next(b) {
		meta := mem.Load32(b, metaOffset)
		if without := meta &^ (slots << (uint(f) * SlotCount)); without != meta {
			mem.Store32(b, metaOffset, without)
		}
	}
}

// lineSize is that of the processor's cache.
const lineSize = 64

// Approach starts fetching what Visit will look at after the next place, at: first the
// records of the group behind that one, whose buckets it asked for the last time, then
// the buckets of the one after it.
func (t *Table) Approach(at uint64) {
	if t.buckets == 0 || at >= PlaceEnd {
		return
	}
	if _, _, at = t.group(at); at >= PlaceEnd {
		return
	}
	i, _, at := t.group(at)
	t.fetchRecords(i)
	if i < t.split {
		t.fetchRecords(i + t.mask + 1)
	}
	if at >= PlaceEnd {
		return
	}
	i, _, _ = t.group(at)
	var addrs [16]uintptr
	addrs[0] = uintptr(mem.Ptr(t.at(i)))
	n := 1
	if i < t.split {
		addrs[1] = uintptr(mem.Ptr(t.at(i + t.mask + 1)))
		n = 2
	}
	mem.Prefetch16(&addrs, n)
}

// fetchRecords starts fetching the first two lines of the records of a bucket; those in
// a chain behind it are few.
func (t *Table) fetchRecords(i uint32) {
	var first, second [16]uintptr
	b, n := t.at(i), 0
	for slot := range SlotCount {
		if mem.Load8(b, slot) != 0 {
			first[n] = uintptr(mem.Ptr(slotHandle(b, slot)))
			second[n] = first[n] + lineSize
			n++
		}
	}
	mem.Prefetch16(&first, n)
	mem.Prefetch16(&second, n)
}
