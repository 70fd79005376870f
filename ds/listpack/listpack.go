// Package listpack reads and writes Redis's listpack: a sequence of strings and
// integers in one piece of memory, byte for byte as Redis keeps it and as RDB
// files and DUMP payloads carry it.
//
//	| total bytes 4 | entries 2 | entry ... entry | 0xff |
//	entry: | encoding and length 1-9 | bytes | length of all before, backwards 1-5 |
//
// A listpack is a []byte of exactly its length. Whoever owns the memory behind it
// decides where it grows: the functions compute sizes ([EntrySize]) and splice
// ([Splice]) into a buffer that the caller has made large enough, which may be the
// one that the listpack is in.
//
// A position is the offset of an entry; [End] is the one after the last.
//
// I1: the number of entries is exact below countUnknown, else it must be walked.
// I2: a value that reads as a canonical integer is stored as one, in the shortest
// form; so equal values have equal encodings.
//
// Functions other than [Validate] trust their input; what comes from outside goes
// through Validate first. Not safe for concurrent use with a writer. The package
// allocates nothing.
package listpack

import (
	"encoding/binary"

	"kvorum/internal/invariants"
	"kvorum/num"
)

const (
	// HeaderSize is the offset of the first entry.
	HeaderSize = 6
	// EmptySize is the size of a listpack without entries.
	EmptySize = HeaderSize + 1

	countUnknown = 1<<16 - 1
	endMark      = 0xff

	maxInt7   = 1<<7 - 1
	maxStr6   = 1<<6 - 1
	maxStr12  = 1<<12 - 1
	backBits  = 7
	backMask  = 1<<backBits - 1
	backMore  = 1 << backBits
	intDigits = 20 // of the longest integer
)

// The encodings of an entry, by its first byte.
const (
	encInt13 = 0xc0 // 110xxxxx
	encStr6  = 0x80 // 10xxxxxx
	encStr12 = 0xe0 // 1110xxxx
	encStr32 = 0xf0
	encInt16 = 0xf1
	encInt24 = 0xf2
	encInt32 = 0xf3
	encInt64 = 0xf4
)

// Value is the value of an entry: Str, borrowed, or when that is nil Int.
type Value struct {
	Str []byte
	Int int64
}

// Bytes returns the value as a string: borrowed, or formatted into scratch, which
// must have room for 20 bytes.
func (v Value) Bytes(scratch []byte) []byte {
	if v.Str != nil {
		return v.Str
	}
	return num.AppendInt(scratch[:0], v.Int)
}

// Len returns the length of the value as a string.
func (v Value) Len() int {
	if v.Str != nil {
		return len(v.Str)
	}
	var buf [intDigits]byte
	return len(num.AppendInt(buf[:0], v.Int))
}

// Of returns the value that a string is stored as: borrowed.
func Of(s []byte) Value {
	if len(s) <= intDigits {
		if n, ok := num.ParseInt64(s); ok {
			return Value{Int: n}
		}
	}
	if s == nil {
		s = []byte{}
	}
	return Value{Str: s}
}

// New writes an empty listpack to the start of buf and returns it.
func New(buf []byte) []byte {
	lp := buf[:EmptySize]
	binary.LittleEndian.PutUint32(lp, EmptySize)
	lp[4], lp[5], lp[6] = 0, 0, endMark
	return lp
}

// Size returns the length of the listpack that buf begins with.
func Size(buf []byte) int { return int(binary.LittleEndian.Uint32(buf)) }

// Open returns the listpack that buf begins with; its capacity is that of buf.
func Open(buf []byte) []byte { return buf[:Size(buf)] }

// Count returns the number of entries. O(1) below 65535 entries, else O(n).
func Count(lp []byte) int {
	n := int(binary.LittleEndian.Uint16(lp[4:]))
	if n != countUnknown {
		return n
	}
	n = 0
	for p := HeaderSize; lp[p] != endMark; p = Next(lp, p) {
		n++
	}
	return n
}

// End returns the position after the last entry.
func End(lp []byte) int { return len(lp) - 1 }

// Next returns the position after the entry at p.
func Next(lp []byte, p int) int {
	n := bodySize(lp[p:])
	return p + n + backSize(n)
}

// Prev returns the position of the entry before p, which is not the first.
func Prev(lp []byte, p int) int {
	n, shift := 0, 0
	for i := p - 1; ; i-- {
		n |= int(lp[i]&backMask) << shift
		shift += backBits
		if lp[i]&backMore == 0 {
			return i - n
		}
	}
}

// Seek returns the position of entry i, counted from the end if negative: -1 is
// the last. ok is false when there is none. O(n), from the nearer end.
func Seek(lp []byte, i int) (p int, ok bool) {
	n := Count(lp)
	if i < 0 {
		i += n
	}
	if i < 0 || i >= n {
		return 0, false
	}
	if i < n/2 {
		p = HeaderSize
		for ; i > 0; i-- {
			p = Next(lp, p)
		}
		return p, true
	}
	p = End(lp)
	for ; i < n; i++ {
		p = Prev(lp, p)
	}
	return p, true
}

// At returns the value of the entry at p and the position after it.
func At(lp []byte, p int) (v Value, next int) {
	b := lp[p:]
	c := b[0]
	switch {
	case c <= maxInt7:
		return Value{Int: int64(c)}, p + 2
	case c&0xc0 == encStr6:
		n := 1 + int(c&maxStr6)
		return Value{Str: b[1:n:n]}, p + n + backSize(n)
	case c&0xe0 == encInt13:
		v := int64(c&0x1f)<<8 | int64(b[1])
		return Value{Int: v << 51 >> 51}, p + 3
	case c&0xf0 == encStr12:
		n := 2 + (int(c&0x0f)<<8 | int(b[1]))
		return Value{Str: b[2:n:n]}, p + n + backSize(n)
	}
	return atLong(b, p)
}

// atLong is At for the encodings of a whole first byte.
func atLong(b []byte, p int) (v Value, next int) {
	switch b[0] {
	case encInt16:
		return Value{Int: int64(int16(binary.LittleEndian.Uint16(b[1:])))}, p + 4
	case encInt24:
		n := uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
		return Value{Int: int64(int32(n) >> 8)}, p + 5
	case encInt32:
		return Value{Int: int64(int32(binary.LittleEndian.Uint32(b[1:])))}, p + 6
	case encInt64:
		return Value{Int: int64(binary.LittleEndian.Uint64(b[1:]))}, p + 10
	case encStr32:
		n := 5 + int(binary.LittleEndian.Uint32(b[1:]))
		return Value{Str: b[5:n:n]}, p + n + backSize(n)
	}
	invariants.Fail("listpack: no encoding %#x", b[0])
	return v, 0
}

// bodySize returns the size of the entry that b begins with, without the length
// at its end.
func bodySize(b []byte) int {
	c := b[0]
	switch {
	case c <= maxInt7:
		return 1
	case c&0xc0 == encStr6:
		return 1 + int(c&maxStr6)
	case c&0xe0 == encInt13:
		return 2
	case c&0xf0 == encStr12:
		return 2 + (int(c&0x0f)<<8 | int(b[1]))
	}
	switch c {
	case encInt16:
		return 3
	case encInt24:
		return 4
	case encInt32:
		return 5
	case encInt64:
		return 9
	case encStr32:
		return 5 + int(binary.LittleEndian.Uint32(b[1:]))
	}
	invariants.Fail("listpack: no encoding %#x", c)
	return 0
}

// The sizes from which the length at the end of an entry takes one byte more.
// Redis leaves the largest value of each unused.
const (
	backFrom2 = 1 << 7
	backFrom3 = 1<<14 - 1
	backFrom4 = 1<<21 - 1
	backFrom5 = 1<<28 - 1
)

// backSize returns the bytes that the length n at the end of an entry takes.
func backSize(n int) int {
	switch {
	case n < backFrom2:
		return 1
	case n < backFrom3:
		return 2
	case n < backFrom4:
		return 3
	case n < backFrom5:
		return 4
	}
	return 5
}

// Equal reports whether the entry at p has the value v, which [Of] made.
func Equal(lp []byte, p int, v Value) bool {
	have, _ := At(lp, p)
	if have.Str == nil || v.Str == nil {
		return have.Str == nil && v.Str == nil && have.Int == v.Int
	}
	return string(have.Str) == string(v.Str)
}

// Find returns the position of the first entry with the value v (see [Of]) at p
// or every step entries after it.
func Find(lp []byte, p int, v Value, step int) (at int, ok bool) {
	end := End(lp)
	for p < end {
		if Equal(lp, p, v) {
			return p, true
		}
		for range step {
			if p >= end {
				break
			}
			p = Next(lp, p)
		}
	}
	return 0, false
}

// AppendPositions appends the position of each step'th entry to dst, that of the
// first one first. The listpack is smaller than 2 GiB.
func AppendPositions(dst []int32, lp []byte, step int) []int32 {
	for p := HeaderSize; p < End(lp); {
		dst = append(dst, int32(p))
		for range step {
			p = Next(lp, p)
		}
	}
	return dst
}
