package table

import (
	"math/bits"

	"kvorum/mem"
)

// Sampling. A draw names a bucket and a place in it, and misses if nothing is there: so
// all records have the same chance. There are as many places as a chain of two buckets
// has, and three to seven records in a bucket: three to seven draws for a record, each of
// another line of memory. Owners of large tables draw several times ahead, and touch
// the buckets of all.

// samplePlaces is the number of places in a bucket that draws name.
const samplePlaces = 2 * SlotCount

// Sample returns one record of the primary bucket that r1 chooses, chosen by r2
// so that repeated calls with random numbers are uniform over all records; ok
// is false when the draw hit an empty place and must be repeated. The records
// of the rare chains longer than two buckets come a little more seldom.
func (t *Table) Sample(r1, r2 uint32) (s Slot, ok bool) {
	if t.buckets == 0 {
		return Slot{}, false
	}
	i := t.drawn(r1)
	b := t.at(i)
	places := samplePlaces
	second := next(b)
	if second != 0 && next(second) != 0 {
		places = max(places, t.chainLen(i))
	}
	at := int(uint64(r2) * uint64(places) >> 32)
	for {
		n, in := nthRecord(b, at)
		if in {
			return Slot{b, int32(n)}, true
		}
		if second == 0 {
			return Slot{}, false
		}
		at -= n
		b, second = second, next(second)
	}
}

// drawn returns the bucket that a random number chooses.
func (t *Table) drawn(r1 uint32) uint32 { return uint32(uint64(r1) * uint64(t.buckets) >> 32) }

// TouchSample begins to fetch the bucket that Sample will read.
func (t *Table) TouchSample(r1 uint32) {
	if t.buckets != 0 {
		mem.Prefetch(mem.Ptr(t.at(t.drawn(r1))))
	}
}

// nthRecord returns the slot of record at, from 0, of a bucket, or the number of records
// if there are not as many.
func nthRecord(b mem.Handle, at int) (n int, ok bool) {
	low, high := records(b)
	few := bits.OnesCount64(low)
	if at >= few {
		if n = few + bits.OnesCount32(high); at >= n {
			return n, false
		}
		if at > few {
			high &= high - 1
		}
		return 8 + bits.TrailingZeros32(high)>>3, true
	}
	for ; at > 0; at-- {
		low &= low - 1
	}
	return bits.TrailingZeros64(low) >> 3, true
}

// records returns which slots of a bucket hold records: those of slots 0 to 7 and of 8
// and 9, the highest bit of a byte for each.
func records(b mem.Handle) (low uint64, high uint32) {
	x := mem.Load64(b, 0)
	y := uint32(mem.Load16(b, 8))
	return (x&^highs + ^uint64(highs) | x) & highs, (y&0x7f7f + 0x7f7f | y) & 0x8080
}
