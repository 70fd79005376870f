package table

import (
	"kvorum/internal/invariants"
	"kvorum/mem"
)

// init makes the first bucket.
func (t *Table) init(a *mem.Arena) {
	t.dirCap = 2
	t.dir = a.Alloc(int(t.dirCap)*8, mem.KindTable)
	seg := a.Alloc(bucketSize, mem.KindTable)
	clear(mem.View(seg, bucketSize))
	mem.Store64(t.dir, 0, uint64(seg))
	t.buckets = 1
}

// addBucket makes room for one more primary bucket and clears it. The first
// segment doubles by copy up to 64 buckets (4 KB), so that the small tables of
// a small database stay small; later segments are whole.
func (t *Table) addBucket(a *mem.Arena) mem.Handle {
	n := t.buckets
	switch {
	case n < segmentBuckets && n&(n-1) == 0:
		old := mem.Handle(mem.Load64(t.dir, 0))
		seg := a.Alloc(int(n)*2*bucketSize, mem.KindTable)
		copy(mem.View(seg, int(n)*bucketSize), mem.View(old, int(n)*bucketSize))
		mem.Store64(t.dir, 0, uint64(seg))
		a.Free(old, mem.KindTable)
	case n&segmentMask == 0:
		if n>>segmentShift == t.dirCap {
			t.growDir(a)
		}
		seg := a.Alloc(segmentBuckets*bucketSize, mem.KindTable)
		mem.Store64(t.dir, int(n>>segmentShift)*8, uint64(seg))
	}
	b := t.at(n)
	clear(mem.View(b, bucketSize))
	t.buckets++
	return b
}

func (t *Table) growDir(a *mem.Arena) {
	dir := a.Alloc(int(t.dirCap)*16, mem.KindTable)
	copy(mem.View(dir, int(t.dirCap)*8), mem.View(t.dir, int(t.dirCap)*8))
	a.Free(t.dir, mem.KindTable)
	t.dir = dir
	t.dirCap *= 2
}

// dropBucket gives back the last primary bucket.
func (t *Table) dropBucket(a *mem.Arena) {
	n := t.buckets - 1
	switch {
	case n == 0:
		a.Free(mem.Handle(mem.Load64(t.dir, 0)), mem.KindTable)
	case n < segmentBuckets && n&(n-1) == 0:
		old := mem.Handle(mem.Load64(t.dir, 0))
		seg := a.Alloc(int(n)*bucketSize, mem.KindTable)
		copy(mem.View(seg, int(n)*bucketSize), mem.View(old, int(n)*bucketSize))
		mem.Store64(t.dir, 0, uint64(seg))
		a.Free(old, mem.KindTable)
	case n&segmentMask == 0:
		a.Free(mem.Handle(mem.Load64(t.dir, int(n>>segmentShift)*8)), mem.KindTable)
	}
	t.buckets = n
}

// moved is one record on its way to another bucket.
type moved struct {
	handle mem.Handle
	hash   uint64
	flags  uint32
	tag    uint8
}

// splitScratch bounds what a split handles in one go; longer chains (a few in a
// billion with a good hash) are split through a slower pass of the same code.
const splitScratch = 64

// grow splits one bucket: about half of its records move to a new bucket.
func (t *Table) grow(a *mem.Arena, hasher Hasher) {
	t.addBucket(a)
	from := t.split
	bit := t.mask + 1
	to := from + bit
	if to != t.buckets-1 {
		invariants.Fail("table: split of %d makes %d, not the last of %d", from, to, t.buckets)
	}
	if t.split++; t.split == bit {
		t.mask = t.mask<<1 | 1
		t.split = 0
	}
	var list [splitScratch]moved
	all := t.drain(a, t.at(from), list[:0])
	touch(all)
	for i := range all {
		m := &all[i]
		m.hash = hasher.HashOf(m.handle)
		t.put(a, t.at(t.bucketOf(m.hash)), m.tag, m.handle, m.flags)
	}
	t.prefetchSplit()
}

// shrink merges the last bucket into the one it was split from.
func (t *Table) shrink(a *mem.Arena, hasher Hasher) {
	last := t.buckets - 1
	if t.split == 0 {
		t.mask >>= 1
		t.split = t.mask + 1
	}
	t.split--
	var list [splitScratch]moved
	all := t.drain(a, t.at(last), list[:0])
	to := t.at(last - (t.mask + 1))
	t.dropBucket(a)
	if last < segmentBuckets {
		to = t.at(last - (t.mask + 1)) // the first segment may have moved
	}
	for i := range all {
		t.put(a, to, all[i].tag, all[i].handle, all[i].flags)
	}
}

// drain empties a chain, frees its overflow buckets and returns its records.
func (t *Table) drain(a *mem.Arena, first mem.Handle, dst []moved) []moved {
	for b := first; b != 0; {
		for i := range SlotCount {
			if tag := mem.Load8(b, i); tag != 0 {
				dst = append(dst, moved{handle: slotHandle(b, i), flags: gather(b, i), tag: tag})
			}
		}
		n := next(b)
		if b != first {
			a.Free(b, mem.KindTable)
			t.chained--
		}
		b = n
	}
	clear(mem.View(first, bucketSize))
	return dst
}

// touch starts the loads of all records that are about to be hashed: reading
// them one after the other costs a memory latency each.
func touch(all []moved) {
	var addrs [16]uintptr
	n := 0
	for i := range all {
		if n == len(addrs) {
			break
		}
		addrs[n] = uintptr(mem.Ptr(all[i].handle))
		n++
	}
	mem.Prefetch16(&addrs, n)
}

// prefetchSplit asks for the line of the next bucket to split, which is known
// long before it is needed.
func (t *Table) prefetchSplit() {
	var addrs [16]uintptr
	addrs[0] = uintptr(mem.Ptr(t.at(t.split)))
	mem.Prefetch16(&addrs, 1)
}
