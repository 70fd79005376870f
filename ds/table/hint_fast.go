//go:build !race && !memdebug

package table

import (
	"math/bits"

	"kvorum/mem"
)

// recordTail is how far behind a record's start its second line is touched: a
// 56-byte record lies in two lines in six of eight positions.
const recordTail = 55

// Hint reads the place of a hash without the shard's lock: memory of the arenas
// is readable at all times, so a stale directory yields a wrong address but no
// fault, and a prefetch of a wrong address does nothing.
func (t *Table) Hint(hash uint64) Hint {
	if t.buckets == 0 {
		return Hint{}
	}
	dir := t.dir
	i := uint32(hash) & t.mask
	if i < t.split {
		i = uint32(hash) & (t.mask<<1 | 1)
	}
	at := dir + mem.Handle(i>>segmentShift)
	if at >= mem.Limit() {
		return Hint{}
	}
	b := mem.Handle(mem.Load64(at, 0)) + mem.Handle(i&segmentMask)*(bucketSize/8)
	if b >= mem.Limit()-bucketSize/8 {
		return Hint{}
	}
	return Hint{b, tagOf(hash)}
}

// Bucket returns the address of the bucket's line.
func (h Hint) Bucket() uintptr { return uintptr(mem.Ptr(h.bucket)) }

// Record returns the addresses of the first and second line of the first record
// whose tag matches, 0 when there is none. The bucket's line should be there by
// now.
func (h Hint) Record() (first, second uintptr) {
	if h.bucket == 0 {
		return 0, 0
	}
	x := mem.Load64(h.bucket, 0) ^ uint64(h.tag)*ones
	i := 0
	if z := (x - ones) &^ x & highs; z != 0 {
		i = bits.TrailingZeros64(z) >> 3
	} else {
		y := uint32(mem.Load16(h.bucket, 8)) ^ uint32(h.tag)*0x0101
		z := (y - 0x0101) &^ y & 0x8080
		if z == 0 {
			return 0, 0
		}
		i = 8 + bits.TrailingZeros32(z)>>3
	}
	first = uintptr(mem.Ptr(slotHandle(h.bucket, i)))
	return first, first + recordTail
}
