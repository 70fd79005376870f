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

import "encoding/binary"

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
)

// Packer holds what packing needs: where bytes were seen last. The zero value is
// ready. Not safe for concurrent use.
type Packer struct {
	// seen has, by the hash of three bytes, base + their offset + 1. What is not above
	// base is of an earlier call, so nothing has to be cleared between calls.
	seen [1 << hashBits]uint32
	base uint32
}

func hash3(v uint32) uint32 { return (v << 8) * hashMul >> (32 - hashBits) }

// Append appends the packed form of src to dst if it has at most sizeMax bytes; ok
// is false, and dst as it was, if it has more. src is shorter than 2 GB.
func (p *Packer) Append(dst, src []byte, sizeMax int) (out []byte, ok bool) {
	if uint64(p.base)+uint64(len(src)) >= 1<<32-1 {
		p.seen, p.base = [1 << hashBits]uint32{}, 0
	}
	base := p.base
	p.base += uint32(len(src))
	start, limit := len(dst), len(dst)+sizeMax
	literal := 0 // where the bytes begin that are not packed yet
	i := 0
	for i+copyMin < len(src) {
		v := uint32(src[i]) | uint32(src[i+1])<<8 | uint32(src[i+2])<<16
		slot := &p.seen[hash3(v)]
		at := *slot
		*slot = base + uint32(i) + 1
		ref := int(at) - int(base) - 1
		if at <= base || i-ref > offsetMax || src[ref] != src[i] || src[ref+1] != src[i+1] || src[ref+2] != src[i+2] {
			i++
			continue
		}
		n := matchLen(src, ref, i)
		dst = appendCopy(appendLiterals(dst, src[literal:i]), i-ref-1, n)
		if len(dst) > limit {
			return dst[:start], false
		}
		i += n
		literal = i
		p.note(src, i, base)
	}
	dst = appendLiterals(dst, src[literal:])
	if len(dst) > limit {
		return dst[:start], false
	}
	return dst, true
}

// note remembers the places before i, the end of a copy.
func (p *Packer) note(src []byte, i int, base uint32) {
	for k := i - 2; k < i; k++ {
		if k+copyMin <= len(src) {
			v := uint32(src[k]) | uint32(src[k+1])<<8 | uint32(src[k+2])<<16
			p.seen[hash3(v)] = base + uint32(k) + 1
		}
	}
}

// matchLen returns how many bytes at i are those at ref, copyMax at most.
func matchLen(src []byte, ref, i int) int {
	n, most := copyMin, min(copyMax, len(src)-i)
	for n+8 <= most && binary.LittleEndian.Uint64(src[ref+n:]) == binary.LittleEndian.Uint64(src[i+n:]) {
		n += 8
	}
	for n < most && src[ref+n] == src[i+n] {
		n++
	}
	return n
}

func appendLiterals(dst, b []byte) []byte {
	for len(b) > literalMax {
		dst = append(append(dst, literalMax-1), b[:literalMax]...)
		b = b[literalMax:]
	}
	if len(b) == 0 {
		return dst
	}
	return append(append(dst, byte(len(b)-1)), b...)
}

func appendCopy(dst []byte, offset, n int) []byte {
	n -= 2
	if n < lenLong {
		return append(dst, byte(n<<5|offset>>8), byte(offset))
	}
	return append(dst, byte(lenLong<<5|offset>>8), byte(n-lenLong), byte(offset))
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
