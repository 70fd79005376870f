package listpack

import (
	"encoding/binary"
	"math"

	"kvorum/internal/invariants"
)

// EntrySize returns the bytes that an entry of the value takes.
func EntrySize(v Value) int {
	n := valueSize(v)
	return n + backSize(n)
}

// valueSize is bodySize for a value that is not encoded yet.
func valueSize(v Value) int {
	if v.Str != nil {
		switch n := len(v.Str); {
		case n <= maxStr6:
			return 1 + n
		case n <= maxStr12:
			return 2 + n
		default:
			return 5 + n
		}
	}
	switch n := v.Int; {
	case n >= 0 && n <= maxInt7:
		return 1
	case n >= -1<<12 && n < 1<<12:
		return 2
	case n == int64(int16(n)):
		return 3
	case n >= -1<<23 && n < 1<<23:
		return 4
	case n == int64(int32(n)):
		return 5
	}
	return 9
}

// AppendEntry appends the encoded entry of the value to dst.
func AppendEntry(dst []byte, v Value) []byte {
	start := len(dst)
	if v.Str != nil {
		dst = appendString(dst, v.Str)
	} else {
		dst = appendInt(dst, v.Int)
	}
	return appendBack(dst, len(dst)-start)
}

func appendString(dst, s []byte) []byte {
	switch n := len(s); {
	case n <= maxStr6:
		dst = append(dst, encStr6|byte(n))
	case n <= maxStr12:
		dst = append(dst, encStr12|byte(n>>8), byte(n))
	default:
		if uint64(n) > math.MaxUint32 {
			invariants.Fail("listpack: string of %d bytes", n)
		}
		dst = append(dst, encStr32)
		dst = binary.LittleEndian.AppendUint32(dst, uint32(n))
	}
	return append(dst, s...)
}

func appendInt(dst []byte, n int64) []byte {
	switch {
	case n >= 0 && n <= maxInt7:
		return append(dst, byte(n))
	case n >= -1<<12 && n < 1<<12:
		return append(dst, encInt13|byte(n>>8)&0x1f, byte(n))
	case n == int64(int16(n)):
		return append(dst, encInt16, byte(n), byte(n>>8))
	case n >= -1<<23 && n < 1<<23:
		return append(dst, encInt24, byte(n), byte(n>>8), byte(n>>16))
	case n == int64(int32(n)):
		return binary.LittleEndian.AppendUint32(append(dst, encInt32), uint32(n))
	}
	return binary.LittleEndian.AppendUint64(append(dst, encInt64), uint64(n))
}

// appendBack appends the length n so that it can be read backwards: the byte
// before the next entry is the lowest seven bits, and all but the first one of
// the group say that more follow.
func appendBack(dst []byte, n int) []byte {
	for i := backSize(n) - 1; i >= 0; i-- {
		b := byte(n>>(i*backBits)) & backMask
		if i < backSize(n)-1 {
			b |= backMore
		}
		dst = append(dst, b)
	}
	return dst
}

// Splice puts entries (encoded, as AppendEntry makes them) in place of those from
// position from up to to, and returns the listpack in buf, which must be large
// enough: len(lp) + len(entries) - (to - from). buf is the memory that lp begins,
// or has no byte in common with lp. entries lie outside of both. change is what
// the number of entries grows by.
func Splice(buf, lp []byte, from, to int, entries []byte, change int) []byte {
	size := len(lp) + len(entries) - (to - from)
	if uint64(size) > math.MaxUint32 {
		invariants.Fail("listpack: %d bytes", size)
	}
	out := buf[:size]
	if &out[0] != &lp[0] {
		copy(out, lp[:from])
	}
	copy(out[from+len(entries):], lp[to:])
	copy(out[from:], entries)
	binary.LittleEndian.PutUint32(out, uint32(size))
	setCount(out, change)
	return out
}

// Insert puts a value before the entry at p, or at the end, and returns the listpack,
// whose capacity has room for size more bytes: the [EntrySize] of the value, which lies
// elsewhere.
func Insert(lp []byte, p int, v Value, size int) []byte {
	out := lp[:len(lp)+size]
	if p == End(lp) {
		out[len(out)-1] = endMark
	} else {
		copy(out[p+size:], lp[p:])
	}
	AppendEntry(out[:p:p+size], v)
	binary.LittleEndian.PutUint32(out, uint32(len(out)))
	setCount(out, 1)
	return out
}

// setCount adds change to the number of entries in the header of out, if that has
// room for it. Once it had not, it stays unknown, as in Redis.
func setCount(out []byte, change int) {
	if n := int(binary.LittleEndian.Uint16(out[4:])); n != countUnknown {
		binary.LittleEndian.PutUint16(out[4:], uint16(min(n+change, countUnknown)))
	}
}

// Validate checks a listpack that comes from outside, so that every other
// function is safe on it: ok tells whether all of b is one; n is the number of
// entries. O(n). With headOnly the entries are not looked at, n is what the header
// says, and only Size may be called.
func Validate(b []byte, headOnly bool) (n int, ok bool) {
	if len(b) < EmptySize || Size(b) != len(b) || b[len(b)-1] != endMark {
		return 0, false
	}
	told := int(binary.LittleEndian.Uint16(b[4:]))
	if headOnly {
		return told, true
	}
	p, end := HeaderSize, len(b)-1
	for p < end {
		size, ok := checkEntry(b[p:end])
		if !ok {
			return 0, false
		}
		p += size
		n++
	}
	return n, p == end && (told == countUnknown || told == n)
}

// checkEntry returns the size of the entry that b begins with, if there is a
// whole one with a right length at its end.
func checkEntry(b []byte) (size int, ok bool) {
	c := b[0]
	head := 1
	switch {
	case c <= 0xdf: // the length, if any, is in this byte
	case c&0xf0 == encStr12:
		head = 2
	case c == encStr32:
		head = 5
	case c > encInt64:
		return 0, false
	}
	if len(b) < head {
		return 0, false
	}
	n := bodySize(b)
	size = n + backSize(n)
	if size > len(b) || n < 0 {
		return 0, false
	}
	var want [5]byte
	return size, string(appendBack(want[:0], n)) == string(b[n:size])
}
