// Package lzf packs bytes in the format of LibLZF, in which RDB files and DUMP
// payloads carry strings that are shorter that way. Nodes of lists are packed with it,
// too.
//
// Packed bytes are a sequence of two kinds of items:
//
//	| n < 32 | n+1 bytes |                          these bytes
//	| len 3 bits, offset high 5 | [more 1] | offset low 1 |   len+2 bytes, from
//	                                                offset+1 before the end of what is out
//
// A len of 7 has another byte that is added to it. So a copy is of 3 to 264 bytes,
// from at most 8192 before, and may reach into itself.
//
// The package allocates nothing.
package lzf

import (
	"encoding/binary"
	"slices"
)

const (
	literalMax = 32      // bytes of one item
	copyMin    = 3       // bytes of one copy
	copyMax    = 264     // likewise
	offsetMax  = 1 << 13 // bytes back
	lenLong    = 7       // the length that another byte is added to

	hashBits = 13
	hashMul  = 2654435761 // 2^32 divided by the golden ratio

	// ExpandMax bounds how many times their size packed bytes become: a copy of
	// copyMax bytes takes copyItem.
	ExpandMax = copyMax / copyItem
	copyItem  = 3

	word = 8 // bytes that are copied at once
	// roomAhead is what may be written behind what is wanted: a copy, or most of a word.
	roomAhead = word + copyItem
)

// Packer holds what packing needs: where bytes were seen last. The zero value is
// ready. Not safe for concurrent use.
type Packer struct {
	// seen has, by the hash of three bytes, base + their offset + 1. What is not above
	// base is of an earlier call, so nothing has to be cleared between calls.
	seen [1 << hashBits]uint32
	base uint32
}

func hash3(v uint32) uint32 { return v * hashMul >> (32 - hashBits) }

// load3 returns the three bytes at i, above a zero byte; there are four.
func load3(src []byte, i int) uint32 { return binary.LittleEndian.Uint32(src[i:]) << 8 }

// Append appends the packed form of src to dst if it has at most sizeMax bytes; ok
// is false, and dst as it was, if it has more. src is shorter than 2 GB.
func (p *Packer) Append(dst, src []byte, sizeMax int) (out []byte, ok bool) {
	if uint64(p.base)+uint64(len(src)) >= 1<<32-1 {
		p.seen, p.base = [1 << hashBits]uint32{}, 0
	}
	base := p.base
	p.base += uint32(len(src))
	start := len(dst)
	dst = slices.Grow(dst, max(min(sizeMax, literalSize(len(src))), 0)+roomAhead)
	room := dst[start:cap(dst)] // of the packed form, which is room[:at]
	at, literal := 0, 0         // literal: where the bytes begin that are not packed yet
	for {
		i, back := p.find(src, literal, base)
		if back == 0 {
			break
		}
		n := matchLen(src, i-back, i)
		if at+literalSize(i-literal) > sizeMax {
			return dst[:start], false
		}
		at = putLiterals(room, at, src, literal, i)
		at = putCopy(room, at, back-1, n)
		literal = i + n
		p.note(src, literal, base)
	}
	if at+literalSize(len(src)-literal) > sizeMax {
		return dst[:start], false
	}
	at = putLiterals(room, at, src, literal, len(src))
	return dst[:start+at], true
}

// find goes on from i until the three bytes there have come before, and returns where
// and how many bytes before; 0 if that does not happen.
func (p *Packer) find(src []byte, i int, base uint32) (at, back int) {
	seen := &p.seen
	for ; i+copyMin < len(src); i++ {
		v := load3(src, i)
		slot := &seen[hash3(v)]
		here := base + uint32(i) + 1
		d := here - *slot // more than i if those are of an earlier call
		*slot = here
		if d <= uint32(i) && d <= offsetMax && load3(src, i-int(d)) == v {
			return i, int(d)
		}
	}
	return i, 0
}

// note remembers the places before i, the end of a copy.
func (p *Packer) note(src []byte, i int, base uint32) {
	if i+2 <= len(src) { // four bytes from the first, and so from the second but at the end
		p.seen[hash3(load3(src, i-2))] = base + uint32(i) - 1
		if i+copyMin <= len(src) {
			p.seen[hash3(load3(src, i-1))] = base + uint32(i)
		}
	}
}

// matchLen returns how many bytes at i are those at ref, copyMax at most.
func matchLen(src []byte, ref, i int) int {
	n, most := copyMin, min(copyMax, len(src)-i)
	for n+word <= most && binary.LittleEndian.Uint64(src[ref+n:]) == binary.LittleEndian.Uint64(src[i+n:]) {
		n += word
	}
	for n < most && src[ref+n] == src[i+n] {
		n++
	}
	return n
}

// literalSize returns how many bytes n bytes take that are not copies.
func literalSize(n int) int { return n + (n+literalMax-1)/literalMax }

// putLiterals writes the items of src[from:to] to room at at, and returns where they end.
// Words are copied, so bytes behind that may change.
func putLiterals(room []byte, at int, src []byte, from, to int) int {
	for from < to {
		n := min(to-from, literalMax)
		room[at] = byte(n - 1)
		at++
		if n <= word && from+word <= len(src) {
			binary.LittleEndian.PutUint64(room[at:], binary.LittleEndian.Uint64(src[from:]))
		} else {
			copy(room[at:at+n], src[from:from+n])
		}
		at, from = at+n, from+n
	}
	return at
}

// putCopy writes the item of a copy of n bytes, and returns where it ends.
func putCopy(room []byte, at, offset, n int) int {
	room = room[at : at+copyItem]
	n -= 2
	if n < lenLong {
		room[0], room[1] = byte(n<<5|offset>>8), byte(offset)
		return at + 2
	}
	room[0], room[1], room[2] = byte(lenLong<<5|offset>>8), byte(n-lenLong), byte(offset)
	return at + copyItem
}

// Unpack writes what the packed bytes src stand for to dst, and reports whether that
// fills dst exactly and src is right.
func Unpack(dst, src []byte) bool {
	to := 0
	for i := 0; i < len(src); {
		c := int(src[i])
		i++
		if c < literalMax {
			n := c + 1
			if n > len(src)-i || n > len(dst)-to {
				return false
			}
			copy(dst[to:], src[i:i+n])
			i, to = i+n, to+n
			continue
		}
		n := c >> 5
		if n == lenLong {
			if i >= len(src) {
				return false
			}
			n += int(src[i])
			i++
		}
		if i >= len(src) {
			return false
		}
		from := to - (c&0x1f<<8 | int(src[i])) - 1
		i++
		n += 2
		if from < 0 || n > len(dst)-to {
			return false
		}
		copyWithin(dst, to, from, n)
		to += n
	}
	return to == len(dst)
}

// copyWithin copies n bytes of dst from one place to a later one, byte by byte as it
// were: they may overlap.
func copyWithin(dst []byte, to, from, n int) {
	for n > 0 {
		k := copy(dst[to:to+n], dst[from:to])
		to, n = to+k, n-k
	}
}
