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
			w.primary++
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
