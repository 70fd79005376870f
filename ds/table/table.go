// Package table is the hash table of the store: linear hashing over 64-byte
// buckets that live off-heap and hold handles of records.
//
//	bucket, one cache line:
//	| tags 10 x 1 | meta 4 | handles 10 x 5 |
//	meta: bits 0-9 visited (eviction), 10-19 and 20-29 saved (snapshots A and
//	B), bit 31 overflow: slot 9 then holds the handle of the next bucket.
//
//	buckets:
//	directory --> segment 0 (1, 2, 4 .. 64 buckets), segment 1 (64) ...
//
// A table of n buckets has level = floor(log2 n) and split = n - 2^level: the
// buckets below split are addressed with one more bit of the hash. Growing by
// one bucket moves about half of one bucket's records; there is no second
// table, no resize event and no step in memory.
//
// The table knows nothing of records: it finds slots by the tag (the highest
// byte of the hash) and its owner compares keys. Only a split or a merge needs
// the hash of a record, through the Hasher.
//
// I1: a slot is empty if and only if its tag is 0, but for the link slot.
// I2: Len is the number of occupied slots of all chains.
// I3: a chain holds an overflow bucket only while it has more than nine
// records; only its last bucket has empty slots.
// I4: every record is in the chain that its hash addresses.
//
// Not safe for concurrent use: the caller holds the lock of the shard. The only
// exception is Hint, which reads without a lock and returns addresses that are
// good for nothing but prefetching. What tried and rejected: doubling tables
// (25-150 % more memory, see docs/design/0002).
package table

import (
	"math/bits"

	"kvorum/internal/invariants"
	"kvorum/mem"
)

const (
	// SlotCount is the number of slots of a bucket.
	SlotCount = 10
	// loadMax is the mean number of records per bucket that starts a split.
	loadMax = 7
	// loadMin is the mean number of records per bucket that starts a merge.
	loadMin = 3

	bucketSize   = 64
	metaOffset   = 10
	handleOffset = 14
	handleSize   = 5
	linkSlot     = SlotCount - 1

	segmentShift   = 6
	segmentBuckets = 1 << segmentShift
	segmentMask    = segmentBuckets - 1

	overflowBit = 1 << 31
	flagGroups  = 3 // visited, saved A, saved B

	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// Flag names one bit that a bucket keeps for each of its slots.
type Flag uint8

// The bits of a slot: visited by eviction, saved by snapshot A, saved by B.
const (
	Visited Flag = iota
	SavedA
	SavedB
)

// Hasher returns the hash of the record behind a handle.
type Hasher interface {
	HashOf(mem.Handle) uint64
}

// Table is one hash table. The zero value is an empty table without memory.
type Table struct {
	dir     mem.Handle // block of segment handles, 8 bytes each
	buckets uint32     // number of primary buckets, 0 before the first insert
	split   uint32     // next bucket to split
	mask    uint32     // 2^level - 1
	dirCap  uint32     // segments that the directory has room for
	count   uint32     // occupied slots
	chained uint32     // overflow buckets
}

// Len returns the number of records.
func (t *Table) Len() int { return int(t.count) }

// Buckets returns the number of primary buckets.
func (t *Table) Buckets() int { return int(t.buckets) }

// Overflows returns the number of overflow buckets.
func (t *Table) Overflows() int { return int(t.chained) }

// tagOf returns the tag of a hash: its highest byte, never 0.
func tagOf(hash uint64) uint8 {
	tag := uint8(hash >> 56)
	if tag == 0 {
		return 1
	}
	return tag
}

// bucketOf returns the number of the primary bucket of a hash.
func (t *Table) bucketOf(hash uint64) uint32 {
	i := uint32(hash) & t.mask
	if i < t.split {
		i = uint32(hash) & (t.mask<<1 | 1)
	}
	return i
}

// at returns the handle of primary bucket i. A bucket is 8 units of 8 bytes.
func (t *Table) at(i uint32) mem.Handle {
	return mem.Handle(mem.Load64(t.dir, int(i>>segmentShift)*8)) + mem.Handle(i&segmentMask)*(bucketSize/8)
}

func slotHandle(b mem.Handle, slot int) mem.Handle {
	at := handleOffset + slot*handleSize
	return mem.Handle(mem.Load32(b, at)) | mem.Handle(mem.Load8(b, at+4))<<32
}

func setSlotHandle(b mem.Handle, slot int, h mem.Handle) {
	at := handleOffset + slot*handleSize
	mem.Store32(b, at, uint32(h))
	mem.Store8(b, at+4, uint8(h>>32))
}

func next(b mem.Handle) mem.Handle {
	if mem.Load32(b, metaOffset)&overflowBit == 0 {
		return 0
	}
	return slotHandle(b, linkSlot)
}

// Slot is the place of one record: valid until the next Insert, Delete or Clear.
type Slot struct {
	bucket mem.Handle
	index  int32
}

// OK reports whether the slot names a record.
func (s Slot) OK() bool { return s.bucket != 0 }

// Handle returns the record's handle.
func (s Slot) Handle() mem.Handle { return slotHandle(s.bucket, int(s.index)) }

// Replace makes the slot point to another block of the same record. The bits
// of the slot stay as they are.
func (s Slot) Replace(h mem.Handle) { setSlotHandle(s.bucket, int(s.index), h) }

// Flag returns a bit of the slot.
func (s Slot) Flag(f Flag) bool {
	return mem.Load32(s.bucket, metaOffset)>>(uint(f)*SlotCount+uint(s.index))&1 != 0
}

// SetFlag sets or clears a bit of the slot.
func (s Slot) SetFlag(f Flag, on bool) {
	meta := mem.Load32(s.bucket, metaOffset)
	bit := uint32(1) << (uint(f)*SlotCount + uint(s.index))
	if on {
		meta |= bit
	} else {
		meta &^= bit
	}
	mem.Store32(s.bucket, metaOffset, meta)
}

// Probe walks the slots whose tag matches a hash. Obtain it with Table.Probe;
// it is valid until the next Insert, Delete or Clear.
type Probe struct {
	bucket mem.Handle
	low    uint64 // matches among slots 0-7, one high bit per byte
	high   uint32 // matches among slots 8-9
	index  int32
	tag    uint8
}

// Probe starts a search for hash. O(1): about 1.08 cache lines per hit.
func (t *Table) Probe(hash uint64) Probe {
	if t.buckets == 0 {
		return Probe{}
	}
	p := Probe{tag: tagOf(hash)}
	p.open(t.at(t.bucketOf(hash)))
	return p
}

// Touch begins to fetch the bucket that Probe will read.
func (t *Table) Touch(hash uint64) {
	if t.buckets != 0 {
		mem.Prefetch(mem.Ptr(t.at(t.bucketOf(hash))))
	}
}

func (p *Probe) open(b mem.Handle) {
	p.bucket = b
	// Zero bytes of x and y, exactly: the shorter test with a borrow also reports
	// a byte of 1 above a match, which may be an empty slot with a stale handle.
	x := mem.Load64(b, 0) ^ uint64(p.tag)*ones
	p.low = ^((x&^highs + ^uint64(highs)) | x) & highs
	y := uint32(mem.Load16(b, 8)) ^ uint32(p.tag)*0x0101
	p.high = ^((y&0x7f7f + 0x7f7f) | y) & 0x8080
}

// Next moves to the next slot whose tag matches and reports whether there is
// one. A match of the tag is not yet a match of the key (1 of 250).
func (p *Probe) Next() bool {
	for {
		if p.low != 0 {
			p.index = int32(bits.TrailingZeros64(p.low) >> 3)
			p.low &= p.low - 1
			return true
		}
		if p.high != 0 {
			p.index = int32(8 + bits.TrailingZeros32(p.high)>>3)
			p.high &= p.high - 1
			return true
		}
		if p.bucket == 0 {
			return false
		}
		b := next(p.bucket)
		if b == 0 {
			return false
		}
		p.open(b)
	}
}

// Handle returns the handle at the probe's slot.
func (p *Probe) Handle() mem.Handle { return slotHandle(p.bucket, int(p.index)) }

// Slot returns the probe's slot.
func (p *Probe) Slot() Slot { return Slot{p.bucket, p.index} }

// Insert adds a record that is not in the table; the caller has searched for
// it. O(1): about every seventh insert splits one bucket.
func (t *Table) Insert(a *mem.Arena, hash uint64, h mem.Handle, hasher Hasher) Slot {
	if t.buckets == 0 {
		t.init(a)
	} else if t.count >= t.buckets*loadMax {
		t.grow(a, hasher)
	}
	t.count++
	return t.put(a, t.at(t.bucketOf(hash)), tagOf(hash), h, 0)
}

// put adds a record to the chain that begins at b. flags holds the slot's bits as
// three bits: visited, saved A, saved B.
func (t *Table) put(a *mem.Arena, b mem.Handle, tag uint8, h mem.Handle, flags uint32) Slot {
	for {
		meta := mem.Load32(b, metaOffset)
		if i := emptySlot(b, meta); i < SlotCount {
			mem.Store8(b, i, tag)
			setSlotHandle(b, i, h)
			mem.Store32(b, metaOffset, meta&^slotBits(i)|spread(flags, i))
			return Slot{b, int32(i)}
		}
		if meta&overflowBit != 0 {
			b = slotHandle(b, linkSlot)
			continue
		}
		b = t.chain(a, b)
	}
}

// emptySlot returns the first empty slot of a bucket, SlotCount if there is none.
func emptySlot(b mem.Handle, meta uint32) int {
	x := mem.Load64(b, 0)
	if z := (x - ones) &^ x & highs; z != 0 {
		return bits.TrailingZeros64(z) >> 3
	}
	if mem.Load8(b, linkSlot-1) == 0 {
		return linkSlot - 1
	}
	if meta&overflowBit == 0 && mem.Load8(b, linkSlot) == 0 {
		return linkSlot
	}
	return SlotCount
}

// chain adds an overflow bucket behind the full bucket b, moves b's last record
// there and returns it.
func (t *Table) chain(a *mem.Arena, b mem.Handle) mem.Handle {
	n := a.Alloc(bucketSize, mem.KindTable)
	clear(mem.View(n, bucketSize))
	mem.Store8(n, 0, mem.Load8(b, linkSlot))
	setSlotHandle(n, 0, slotHandle(b, linkSlot))
	mem.Store32(n, metaOffset, spread(gather(b, linkSlot), 0))
	mem.Store8(b, linkSlot, 0)
	setSlotHandle(b, linkSlot, n)
	mem.Store32(b, metaOffset, mem.Load32(b, metaOffset)&^slotBits(linkSlot)|overflowBit)
	t.chained++
	return n
}

// slotBits masks the three bits of slot i.
func slotBits(i int) uint32 { return (1 | 1<<SlotCount | 1<<(2*SlotCount)) << uint(i) }

// spread places three bits at slot i.
func spread(flags uint32, i int) uint32 {
	return (flags&1 | flags>>1&1<<SlotCount | flags>>2&1<<(2*SlotCount)) << uint(i)
}

// gather reads the three bits of slot i of bucket b.
func gather(b mem.Handle, i int) uint32 {
	meta := mem.Load32(b, metaOffset) >> uint(i)
	return meta&1 | meta>>SlotCount&1<<1 | meta>>(2*SlotCount)&1<<2
}

// Delete removes the record at a slot. hash addresses its chain. O(1): about
// every third delete of a sparse table merges two buckets.
func (t *Table) Delete(a *mem.Arena, hash uint64, s Slot, hasher Hasher) {
	t.remove(a, t.at(t.bucketOf(hash)), s)
	t.count--
	if t.buckets > 1 && t.count < t.buckets*loadMin {
		t.shrink(a, hasher)
	}
}

// remove empties slot s of the chain that begins at first and fills the hole
// with the chain's last record, so that I3 holds.
func (t *Table) remove(a *mem.Arena, first mem.Handle, s Slot) {
	before, last := mem.Handle(0), first
	for n := next(last); n != 0; n = next(last) {
		before, last = last, n
	}
	if last == s.bucket && before == 0 {
		mem.Store8(last, int(s.index), 0)
		return
	}
	from := SlotCount - 1
	for mem.Load8(last, from) == 0 {
		from--
	}
	if last != s.bucket || from != int(s.index) {
		mem.Store8(s.bucket, int(s.index), mem.Load8(last, from))
		setSlotHandle(s.bucket, int(s.index), slotHandle(last, from))
		meta := mem.Load32(s.bucket, metaOffset)
		mem.Store32(s.bucket, metaOffset, meta&^slotBits(int(s.index))|spread(gather(last, from), int(s.index)))
	}
	mem.Store8(last, from, 0)
	if from == 0 && before != 0 {
		t.unchain(a, before, last)
	}
}

// unchain frees the empty last bucket of a chain; before precedes it. Its link
// slot becomes an empty slot.
func (t *Table) unchain(a *mem.Arena, before, last mem.Handle) {
	mem.Store8(before, linkSlot, 0)
	meta := mem.Load32(before, metaOffset)
	mem.Store32(before, metaOffset, meta&^(slotBits(linkSlot)|overflowBit))
	a.Free(last, mem.KindTable)
	t.chained--
}

// Clear frees the table's own memory, at most budget buckets at a time, from
// the last bucket down, and reports whether all is freed. free is called with
// each record's handle before its bucket goes. The table must not be used for
// anything else once clearing has begun.
func (t *Table) Clear(a *mem.Arena, budget int, free func(mem.Handle)) bool {
	for ; t.buckets > 0; budget-- {
		if budget <= 0 {
			return false
		}
		i := t.buckets - 1
		first := t.at(i)
		for b := first; b != 0; {
			for s := range SlotCount {
				if mem.Load8(b, s) != 0 {
					free(slotHandle(b, s))
					t.count--
				}
			}
			n := next(b)
			if b != first {
				a.Free(b, mem.KindTable)
				t.chained--
			}
			b = n
		}
		t.dropBucket(a)
	}
	if t.dir != 0 {
		a.Free(t.dir, mem.KindTable)
	}
	if t.count != 0 || t.chained != 0 {
		invariants.Fail("table: cleared with %d records and %d overflow buckets left", t.count, t.chained)
	}
	*t = Table{}
	return true
}
