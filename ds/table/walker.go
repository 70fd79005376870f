package table

import "kvorum/mem"

// Walker is the place of a walk over all records, bucket by bucket. The zero value
// stands before the first. The table must not change meanwhile.
type Walker struct {
	bucket  mem.Handle
	primary uint32 // the next chain
	slot    int32
}

// Next goes to the next record and returns its handle; ok is false at the end.
func (t *Table) Next(w *Walker) (h mem.Handle, ok bool) {
	for {
		if w.bucket == 0 {
			if w.primary >= t.buckets {
				return 0, false
			}
			w.bucket, w.slot = t.at(w.primary), 0
			if w.primary++; t.count >= aheadMin && w.primary < t.buckets {
				t.fetch(w.primary)
			}
		}
		for ; w.slot < SlotCount; w.slot++ {
			if mem.Load8(w.bucket, int(w.slot)) != 0 {
				h = slotHandle(w.bucket, int(w.slot))
				w.slot++
				return h, true
			}
		}
		w.bucket, w.slot = next(w.bucket), 0
	}
}

// aheadMin is the number of records from which it pays to fetch those of the next
// bucket ahead: fewer are likely to be in the caches.
const aheadMin = 2000

// fetch starts fetching the records of primary bucket i, but for its overflow buckets.
func (t *Table) fetch(i uint32) {
	var addrs [16]uintptr
	b, n := t.at(i), 0
	for slot := range SlotCount {
		if mem.Load8(b, slot) != 0 {
			addrs[n] = uintptr(mem.Ptr(slotHandle(b, slot)))
			n++
		}
	}
	mem.Prefetch16(&addrs, n)
}
