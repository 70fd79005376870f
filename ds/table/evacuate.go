package table

import "kvorum/mem"

// Evacuate moves the table's own blocks that belong to primary bucket i (0 ..
// Buckets-1) out of spans that are being evacuated, and returns the bytes moved: its
// overflow buckets; with the first bucket of a segment, the segment; with the first
// of all, the directory. Slots and handles of buckets die, records stay. It must not
// be called for a table that Hint is used on.
func (t *Table) Evacuate(a *mem.Arena, i int) (bytes int) {
	if i == 0 && mem.Evacuating(t.dir) {
		t.dir, bytes = moveBlock(a, t.dir, bytes)
	}
	if i&segmentMask == 0 {
		at := i >> segmentShift * 8
		if seg := mem.Handle(mem.Load64(t.dir, at)); mem.Evacuating(seg) {
			seg, bytes = moveBlock(a, seg, bytes)
			mem.Store64(t.dir, at, uint64(seg))
		}
	}
	for b := t.at(uint32(i)); ; {
		n := next(b)
		if n == 0 {
			return bytes
		}
		if mem.Evacuating(n) {
			n, bytes = moveBlock(a, n, bytes)
			setSlotHandle(b, linkSlot, n)
		}
		b = n
	}
}

// moveBlock moves a block and adds its size to bytes.
func moveBlock(a *mem.Arena, h mem.Handle, bytes int) (mem.Handle, int) {
	size := mem.BlockSize(h)
	to := a.Alloc(size, mem.KindTable)
	copy(mem.View(to, size), mem.View(h, size))
	a.Free(h, mem.KindTable)
	return to, bytes + size
}
