// Package bitmap has the algorithms of bitmaps: byte slices seen as rows of
// bits, the first bit being the most significant one of the first byte.
//
//	byte      0                 1
//	bit       0 1 2 3 4 5 6 7   8 9 10 ...
//
// It counts bits, finds the first one of a kind, reads and writes integers of 1
// to 64 bits anywhere, and combines rows. All work goes by words of 64 bits;
// what is left at the ends goes by bytes.
//
// Pure functions on the caller's bytes, for any goroutine; the commands call
// them under the lock of the key whose string the bytes are. Nothing allocates
// and nothing is kept.
//
// I1: no function reads or writes outside of the slices it is given. I2: a
// position is a number of bits from the start of the slice, a range is the bits
// from .. to-1.
//
// The package must not know of keys, replies, or what a string means where it
// ends: callers say which bits lie in it.
package bitmap

import (
	"encoding/binary"
	"math/bits"
)

const (
	wordSize  = 8            // bytes
	chunkSize = 8 * wordSize // bytes of one turn of an unrolled loop
	byteBits  = 8
	wordBits  = 64
	allOnes   = ^uint64(0)
)

// Count returns the number of ones. O(n), 8 bytes to an instruction on
// processors that can count.
func Count(b []byte) int64 {
	// Four sums let the processor work on several words at once.
	var n0, n1, n2, n3 int
	for len(b) >= chunkSize {
		c := b[:chunkSize:chunkSize]
		n0 += bits.OnesCount64(binary.LittleEndian.Uint64(c[0:])) + bits.OnesCount64(binary.LittleEndian.Uint64(c[8:]))
		n1 += bits.OnesCount64(binary.LittleEndian.Uint64(c[16:])) + bits.OnesCount64(binary.LittleEndian.Uint64(c[24:]))
		n2 += bits.OnesCount64(binary.LittleEndian.Uint64(c[32:])) + bits.OnesCount64(binary.LittleEndian.Uint64(c[40:]))
		n3 += bits.OnesCount64(binary.LittleEndian.Uint64(c[48:])) + bits.OnesCount64(binary.LittleEndian.Uint64(c[56:]))
		b = b[chunkSize:]
	}
	for len(b) >= wordSize {
		n0 += bits.OnesCount64(binary.LittleEndian.Uint64(b))
		b = b[wordSize:]
	}
	for _, v := range b {
		n1 += bits.OnesCount8(v)
	}
	return int64(n0 + n1 + n2 + n3)
}

// CountRange returns the number of ones among the bits from .. to-1, which lie
// in b.
func CountRange(b []byte, from, to int64) int64 {
	if from >= to {
		return 0
	}
	first, last := from/byteBits, (to-1)/byteBits
	n := Count(b[first : last+1])
	// What was counted at the ends outside of the range.
	n -= int64(bits.OnesCount8(b[first] &^ headMask(from)))
	return n - int64(bits.OnesCount8(b[last]&^tailMask(to)))
}

// headMask returns the bits of a byte from position from on.
func headMask(from int64) byte { return 0xff >> (from % byteBits) }

// tailMask returns the bits of a byte before position to, all if it begins the
// next byte.
func tailMask(to int64) byte { return byte(uint(0xff00) >> ((to-1)%byteBits + 1)) }

// Find returns the position of the first bit that is one, or zero if one is
// false; -1 if there is none. O(n), by words.
func Find(b []byte, one bool) int64 {
	flip := allOnes // makes the bits looked for ones
	if one {
		flip = 0
	}
	at := 0
	for at+chunkSize <= len(b) {
		c := b[at : at+chunkSize : at+chunkSize]
		if (binary.LittleEndian.Uint64(c[0:])^flip)|(binary.LittleEndian.Uint64(c[8:])^flip)|
			(binary.LittleEndian.Uint64(c[16:])^flip)|(binary.LittleEndian.Uint64(c[24:])^flip)|
			(binary.LittleEndian.Uint64(c[32:])^flip)|(binary.LittleEndian.Uint64(c[40:])^flip)|
			(binary.LittleEndian.Uint64(c[48:])^flip)|(binary.LittleEndian.Uint64(c[56:])^flip) != 0 {
			break
		}
		at += chunkSize
	}
	for ; at+wordSize <= len(b); at += wordSize {
		if w := binary.BigEndian.Uint64(b[at:]) ^ flip; w != 0 {
			return int64(at)*byteBits + int64(bits.LeadingZeros64(w))
		}
	}
	for ; at < len(b); at++ {
		if v := b[at] ^ byte(flip); v != 0 {
			return int64(at)*byteBits + int64(bits.LeadingZeros8(v))
		}
	}
	return -1
}

// FindRange is Find among the bits from .. to-1, which lie in b. The position
// returned counts from the start of b.
func FindRange(b []byte, from, to int64, one bool) int64 {
	if from >= to {
		return -1
	}
	flip := byte(0xff)
	if one {
		flip = 0
	}
	first := from / byteBits
	if v := (b[first] ^ flip) & headMask(from); v != 0 {
		if pos := first*byteBits + int64(bits.LeadingZeros8(v)); pos < to {
			return pos
		}
		return -1
	}
	first++
	if first*byteBits >= to {
		return -1
	}
	pos := Find(b[first:(to-1)/byteBits+1], one)
	if pos < 0 || pos+first*byteBits >= to {
		return -1
	}
	return pos + first*byteBits
}
