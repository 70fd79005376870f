package table

import (
	"math/bits"

	"kvorum/mem"
)

// Scan calls fn for every record of the buckets that cursor stands for and
// returns the cursor that follows; 0 begins a scan and, returned, ends it. A
// record that is in the table from the first call to the last is reported at
// least once, whatever grows or shrinks between the calls; some may be reported
// twice. fn must not change the table.
//
// The cursor counts the low bits of the hash in reverse, from the highest bit
// that all buckets have in common. Buckets already split are visited together
// with their twin, so a later split or merge moves records only into buckets
// that are both before or both after the cursor.
func (t *Table) Scan(cursor uint64, fn func(Slot)) uint64 {
	if t.buckets == 0 {
		return 0
	}
	mask := uint64(t.mask)
	i := uint32(cursor & mask)
	t.scanChain(i, fn)
	if i < t.split {
		t.scanChain(i+t.mask+1, fn)
	}
	cursor |= ^mask
	return bits.Reverse64(bits.Reverse64(cursor) + 1)
}

func (t *Table) scanChain(i uint32, fn func(Slot)) {
	for b := t.at(i); b != 0; b = next(b) {
		for s := range SlotCount {
			if mem.Load8(b, s) != 0 {
				fn(Slot{b, int32(s)})
			}
		}
	}
}

// Walk calls fn for every record of primary bucket i (0 .. Buckets-1) and its
// overflow chain. fn may Replace the handle of the slot.
func (t *Table) Walk(i int, fn func(Slot)) { t.scanChain(uint32(i), fn) }

// Gather appends the handles of the records of primary bucket i to dst, those of
// its overflow buckets too, as far as there is room, and returns it.
func (t *Table) Gather(i int, dst []mem.Handle) []mem.Handle {
	for b := t.at(uint32(i)); b != 0; b = next(b) {
		for n := range SlotCount {
			if mem.Load8(b, n) != 0 && len(dst) < cap(dst) {
				dst = append(dst, slotHandle(b, n))
			}
		}
	}
	return dst
}

// GatherVisits is Gather that also takes the visited bits: it sets bit n of bits for
// record n of dst that had one, and clears them in the table. dst has room for no
// more than 32 records.
func (t *Table) GatherVisits(i int, dst []mem.Handle, bits uint32) ([]mem.Handle, uint32) {
	for b := t.at(uint32(i)); b != 0; b = next(b) {
		meta := mem.Load32(b, metaOffset)
		taken := meta
		for n := range SlotCount {
			if mem.Load8(b, n) != 0 && len(dst) < cap(dst) {
				bits |= meta >> n & 1 << len(dst)
				taken &^= 1 << n
				dst = append(dst, slotHandle(b, n))
			}
		}
		if taken != meta {
			mem.Store32(b, metaOffset, taken)
		}
	}
	return dst, bits
}

// chainLen returns the number of records of primary bucket i.
func (t *Table) chainLen(i uint32) int {
	n := 0
	for b := t.at(i); b != 0; b = next(b) {
		for s := range SlotCount {
			if mem.Load8(b, s) != 0 {
				n++
			}
		}
	}
	return n
}

// Bytes returns the memory of the blocks that the table itself owns.
func (t *Table) Bytes() int {
	if t.buckets == 0 {
		return 0
	}
	n := mem.BlockSize(t.dir) + int(t.chained)*mem.RoundSize(bucketSize)
	if t.buckets < segmentBuckets {
		return n + mem.BlockSize(mem.Handle(mem.Load64(t.dir, 0)))
	}
	segments := int(t.buckets+segmentBuckets-1) >> segmentShift
	return n + segments*mem.RoundSize(segmentBuckets*bucketSize)
}

// Blocks calls fn for every block of memory that the table itself owns.
func (t *Table) Blocks(fn func(mem.Handle)) {
	if t.dir == 0 {
		return
	}
	fn(t.dir)
	for i := uint32(0); i < t.buckets; i++ {
		if i&segmentMask == 0 {
			fn(mem.Handle(mem.Load64(t.dir, int(i>>segmentShift)*8)))
		}
		for b := next(t.at(i)); b != 0; b = next(b) {
			fn(b)
		}
	}
}
