package hll

import (
	"encoding/binary"
	"math/bits"

	"kvorum/num"
)

// SparseRankMax is the highest rank that the sparse representation can hold.
const SparseRankMax = 32

// Limits of the runs of the sparse representation.
const (
	runXZero = 0x40 // mark of the two-byte run of zeros
	runVal   = 0x80 // mark of a run of values
	runKind  = runXZero | runVal

	zeroLenMax  = 64
	valLenMax   = 4
	valRankMask = 0x1f

	// joinRuns is how many runs are looked at for joining after a change.
	joinRuns = 5
)

// run reads the run at offset at, which is inside b: how many registers it
// covers, their value, and its length in bytes. The second byte of an xzero run
// that the end cuts off counts as 0; size is 2 all the same.
func run(b []byte, at int) (count int, rank uint8, size int) {
	c := b[at]
	switch {
	case c&runVal != 0:
		return int(c&(valLenMax-1)) + 1, c>>2&valRankMask + 1, 1
	case c&runXZero == 0:
		return int(c) + 1, 0, 1
	}
	count = int(c&^runKind)<<8 + 1
	if at+1 < len(b) {
		count += int(b[at+1])
	}
	return count, 0, 2
}

// appendZeros appends a run of n (1..16384) registers of 0.
func appendZeros(dst []byte, n int) []byte {
	if n > zeroLenMax {
		return append(dst, runXZero|byte((n-1)>>8), byte(n-1))
	}
	return append(dst, byte(n-1))
}

// val is a run of n (1..4) registers of a rank (1..32).
func val(rank uint8, n int) byte { return runVal | (rank-1)<<2 | byte(n-1) }

// Place is where a change of a sparse string happens.
type Place struct {
	at    int // offset of the run that covers the register
	first int // its first register
	prev  int // offset of the run before, 0 if there is none

	// The run before prev, where a search for a higher register may begin after
	// the change; 0 if there is none.
	safe, safeFirst int

	old  int // bytes of the run
	size int // bytes of what replaces it
	seq  [5]byte
}

// Growth returns by how many bytes the change makes the string longer, before
// runs are joined.
func (p *Place) Growth() int { return p.size - p.old }

// Result is what looking a register up came to.
type Result uint8

// The results.
const (
	Unchanged Result = iota // the register is as high already
	Raises                  // the register is lower: the place says how to raise it
	Outgrows                // it may be lower, but only the dense form can hold it
	Corrupted               // the runs do not reach the register
)

// Find looks up where register index of a sparse string is to be raised to
// rank, so that the string grows to sparseMax bytes at most. p is filled in; it
// may be the place of the last change of the same string, of a lower register,
// from which the search then goes on: a new search begins with a zero Place.
// O(length).
func (p *Place) Find(b []byte, index int, rank uint8, sparseMax int64) Result {
	if rank > SparseRankMax {
		return Outgrows
	}
	r := p.find(b, index, rank)
	if growth := p.Growth(); r == Raises && growth > 0 && int64(len(b)+growth) > sparseMax {
		return Outgrows
	}
	return r
}

func (p *Place) find(b []byte, index int, rank uint8) Result {
	at, first, prev := HeaderSize, 0, 0
	p.old = 0
	if p.safe != 0 {
		at, first = p.safe, p.safeFirst
	}
	prevFirst, safe, safeFirst := 0, 0, 0
	for far := true; ; {
		// Up to eight runs of one byte at a time, while they end before the register:
		// not worth it where an xzero run is near.
		start := at
		for far && at+8 <= len(b) && b[at]&runKind != runXZero && b[at+1]&runKind != runXZero {
			n, runs := runsOfWord(binary.LittleEndian.Uint64(b[at:]))
			if runs == 0 {
				break
			}
			if far = first+n <= index; far {
				at, first = at+runs, first+n
			}
		}
		if at > start {
			last, _, _ := run(b, at-1)
			safe, safeFirst = prev, prevFirst
			if at-start > 1 {
				before, _, _ := run(b, at-2)
				safe, safeFirst = at-2, first-last-before
			}
			prev, prevFirst = at-1, first-last
		}
		if at >= len(b) {
			return Corrupted
		}
		n, old, size := run(b, at)
		if index < first+n {
			p.at, p.first, p.prev, p.old = at, first, prev, size
			p.safe, p.safeFirst = safe, safeFirst
			return p.plan(index, rank, n, old)
		}
		safe, safeFirst = prev, prevFirst
		prev, prevFirst = at, first
		at, first = at+size, first+n
	}
}

// runsOfWord returns how many runs of one byte stand at the beginning of the
// eight bytes of w, before any xzero run, and how many registers they cover.
func runsOfWord(w uint64) (registers, runs int) {
	const (
		ones = 0x0101010101010101
		low  = 0x00ff00ff00ff00ff
	)
	vals := w >> 7 & ones
	// Six bits of length, two in runs of values.
	lens := w&(0x3f*ones)&^(vals*(0x3f&^(valLenMax-1))) + ones
	runs = 8
	if xzeros := w >> 6 & ones &^ vals; xzeros != 0 {
		first := bits.TrailingZeros64(xzeros)
		lens &= 1<<first - 1
		runs = first / 8
	}
	sums := lens&low + lens>>8&low
	return int(sums * 0x0001000100010001 >> 48), runs
}

// plan works out what replaces the run of n registers of value old.
func (p *Place) plan(index int, rank uint8, n int, old uint8) Result {
	if old >= rank {
		return Unchanged
	}
	seq := p.seq[:0]
	before, after := index-p.first, p.first+n-1-index
	if old == 0 {
		if before > 0 {
			seq = appendZeros(seq, before)
		}
		seq = append(seq, val(rank, 1))
		if after > 0 {
			seq = appendZeros(seq, after)
		}
	} else {
		if before > 0 {
			seq = append(seq, val(old, before))
		}
		seq = append(seq, val(rank, 1))
		if after > 0 {
			seq = append(seq, val(old, after))
		}
	}
	p.size = len(seq)
	return Raises
}

// Apply makes the change that Find has found, joins runs, marks the cached
// cardinality as out of date, and returns the length of the string now. size is
// its length until now; b has room for Growth bytes more, if that is positive.
//
// COMPAT: hll-corrupt: an xzero run that the end of the string cuts off is
// replaced as if its second byte were there; what follows it in memory is not.
func (p *Place) Apply(b []byte, size int) int {
	end := size + p.Growth()
	if next := p.at + p.old; next < size {
		copy(b[p.at+p.size:], b[next:size])
	}
	copy(b[p.at:end], p.seq[:p.size])
	b = b[:end]
	at := p.at
	if p.prev != 0 {
		at = p.prev
	}
	end -= join(b, at)
	Invalidate(b)
	return end
}

// join joins neighbouring runs of the same value from the run at offset at on
// and returns how many bytes that saved. Only joinRuns runs are looked at.
func join(b []byte, at int) (saved int) {
	for range joinRuns {
		if at >= len(b) {
			break
		}
		c := b[at]
		if c&runVal == 0 {
			at += 1 + int(c>>6)
			continue
		}
		if at+1 < len(b) {
			// Equal but for the length: marks and values are.
			if next := b[at+1]; (c^next)&^(valLenMax-1) == 0 {
				if n := int(c&(valLenMax-1)) + int(next&(valLenMax-1)) + 2; n <= valLenMax {
					copy(b[at:], b[at+1:])
					b[at] = val(c>>2&valRankMask+1, n)
					b = b[:len(b)-1]
					saved++
					continue
				}
			}
		}
		at++
	}
	return saved
}

// Raise raises a register of the string b, whose array may be replaced, to rank:
// sparse as long as it can be and is no longer than sparseMax bytes, dense from
// then on. raised reports whether it was lower; ok is false if b is corrupted and
// was not changed.
func Raise(b []byte, index int, rank uint8, sparseMax int64) (out []byte, raised, ok bool) {
	if IsDense(b) {
		return b, SetDense(b, index, rank), true
	}
	var p Place
	switch p.Find(b, index, rank, sparseMax) {
	case Unchanged:
		return b, false, true
	case Corrupted:
		return b, false, false
	case Raises:
		size := len(b)
		for range p.Growth() {
			b = append(b, 0)
		}
		return b[:p.Apply(b, size)], true, true
	}
	out, ok = AppendDense(make([]byte, 0, DenseSize), b)
	if !ok {
		return b, false, false
	}
	return out, SetDense(out, index, rank), true
}

// AppendDense appends the dense form of a sparse string; ok is false, and
// nothing appended, if that is corrupted.
func AppendDense(dst, b []byte) (out []byte, ok bool) {
	from := len(dst)
	out = append(dst, b[:HeaderSize]...)
	for range (DenseSize - HeaderSize) / len(zeros) {
		out = append(out, zeros[:]...)
	}
	d := out[from:]
	d[encodingAt] = dense
	index := 0
	for at := HeaderSize; at < len(b); {
		n, rank, size := run(b, at)
		if rank > 0 {
			if index+n > RegisterCount {
				return dst, false
			}
			for i := range n {
				SetDense(d, index+i, rank)
			}
		}
		index += n
		at += size
	}
	if index != RegisterCount {
		return dst, false
	}
	return out, true
}

// zeros divides the registers of a dense string.
var zeros [512]byte

// AppendRuns appends the runs of a sparse string as PFDEBUG DECODE shows them:
// z:LEN, Z:LEN for xzero, v:RANK,LEN, with blanks between.
func AppendRuns(dst, b []byte) []byte {
	for at := HeaderSize; at < len(b); {
		n, rank, size := run(b, at)
		if at > HeaderSize {
			dst = append(dst, ' ')
		}
		switch {
		case rank > 0:
			dst = append(dst, 'v', ':')
			dst = append(num.AppendInt(dst, int64(rank)), ',')
		case size == 2:
			dst = append(dst, 'Z', ':')
		default:
			dst = append(dst, 'z', ':')
		}
		dst = num.AppendInt(dst, int64(n))
		at += size
	}
	return dst
}
