// Package intset reads and writes Redis's intset: integers in ascending order, all
// of one width, byte for byte as Redis keeps it and as RDB files carry it.
//
//	| width 4 | count 4 | integer | ... |   all little endian
//
// An intset is a []byte of exactly its length. As in package listpack, whoever owns
// the memory decides where it grows: Grown tells the size that a new integer
// needs, Insert writes into a buffer that the caller has made large enough, which
// may be the one that the intset is in.
//
// I1: integers are distinct and ascending. I2: the width is 2, 4 or 8 and at least
// that of every integer; it never shrinks, as in Redis.
//
// Functions other than Validate trust their input. The package allocates nothing.
package intset

import "encoding/binary"

// HeaderSize is the offset of the first integer, and the size of an empty intset.
const HeaderSize = 8

// New writes an empty intset to the start of buf and returns it.
func New(buf []byte) []byte {
	s := buf[:HeaderSize]
	binary.LittleEndian.PutUint32(s, 2)
	binary.LittleEndian.PutUint32(s[4:], 0)
	return s
}

func width(s []byte) int { return int(binary.LittleEndian.Uint32(s)) }

// Len returns the number of integers.
func Len(s []byte) int { return int(binary.LittleEndian.Uint32(s[4:])) }

// Size returns the length of the intset that buf begins with.
func Size(buf []byte) int { return HeaderSize + Len(buf)*width(buf) }

// Open returns the intset that buf begins with; its capacity is that of buf.
func Open(buf []byte) []byte { return buf[:Size(buf)] }

// At returns integer i, 0 the lowest.
func At(s []byte, i int) int64 { return at(s, i, width(s)) }

func at(s []byte, i, w int) int64 {
	b := s[HeaderSize+i*w:]
	switch w {
	case 2:
		return int64(int16(binary.LittleEndian.Uint16(b)))
	case 4:
		return int64(int32(binary.LittleEndian.Uint32(b)))
	}
	return int64(binary.LittleEndian.Uint64(b))
}

func put(s []byte, i, w int, v int64) {
	b := s[HeaderSize+i*w:]
	switch w {
	case 2:
		binary.LittleEndian.PutUint16(b, uint16(v))
	case 4:
		binary.LittleEndian.PutUint32(b, uint32(v))
	default:
		binary.LittleEndian.PutUint64(b, uint64(v))
	}
}

// widthOf returns the bytes that an integer takes.
func widthOf(v int64) int {
	switch {
	case v == int64(int16(v)):
		return 2
	case v == int64(int32(v)):
		return 4
	}
	return 8
}

// Search returns the number of integers below v, and whether v is one. O(log n).
func Search(s []byte, v int64) (i int, ok bool) {
	w := width(s)
	low, high := 0, Len(s)
	for low < high {
		mid := int(uint(low+high) >> 1)
		if at(s, mid, w) < v {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low, low < Len(s) && at(s, low, w) == v
}

// Grown returns the size of the intset with v, which it does not have, added.
func Grown(s []byte, v int64) int {
	return HeaderSize + (Len(s)+1)*max(width(s), widthOf(v))
}

// Insert adds v, of which Search said that it belongs at i, and returns the intset
// in buf, which has room for Grown. buf is the memory that s begins, or has no byte
// in common with s. O(n).
func Insert(buf, s []byte, i int, v int64) []byte {
	n, old := Len(s), width(s)
	w := max(old, widthOf(v))
	out := buf[:HeaderSize+(n+1)*w]
	switch {
	case w != old: // v is the lowest or the highest
		for k := n - 1; k >= 0; k-- {
			to := k
			if i == 0 {
				to++
			}
			put(out, to, w, at(s, k, old))
		}
	default:
		copy(out[HeaderSize+(i+1)*w:], s[HeaderSize+i*w:])
		if &out[0] != &s[0] {
			copy(out[HeaderSize:], s[HeaderSize:HeaderSize+i*w])
		}
	}
	put(out, i, w, v)
	binary.LittleEndian.PutUint32(out, uint32(w))
	binary.LittleEndian.PutUint32(out[4:], uint32(n+1))
	return out
}

// Delete removes integer i in place and returns the intset. O(n).
func Delete(s []byte, i int) []byte {
	n, w := Len(s), width(s)
	copy(s[HeaderSize+i*w:], s[HeaderSize+(i+1)*w:])
	binary.LittleEndian.PutUint32(s[4:], uint32(n-1))
	return s[:len(s)-w]
}

// Retain removes in place the integers for which stays, called in ascending order,
// says no, and returns the intset. O(n).
func Retain(s []byte, stays func(v int64) bool) []byte {
	n, w, kept := Len(s), width(s), 0
	for i := range n {
		if v := at(s, i, w); stays(v) {
			put(s, kept, w, v)
			kept++
		}
	}
	binary.LittleEndian.PutUint32(s[4:], uint32(kept))
	return s[:HeaderSize+kept*w]
}

// Narrow gives the intset, which is not empty, the width that a new one of its
// integers has, in place, and returns it. O(n).
func Narrow(s []byte) []byte {
	n, old := Len(s), width(s)
	w := max(widthOf(at(s, 0, old)), widthOf(at(s, n-1, old)))
	if w == old {
		return s
	}
	for i := range n {
		put(s, i, w, at(s, i, old))
	}
	binary.LittleEndian.PutUint32(s, uint32(w))
	return s[:HeaderSize+n*w]
}

// Validate checks an intset that comes from outside: all of b is one. With headOnly
// the order of the integers is not looked at.
func Validate(b []byte, headOnly bool) bool {
	if len(b) < HeaderSize {
		return false
	}
	w := width(b)
	if w != 2 && w != 4 && w != 8 || uint64(HeaderSize)+uint64(binary.LittleEndian.Uint32(b[4:]))*uint64(w) != uint64(len(b)) {
		return false
	}
	if Len(b) == 0 {
		return false
	}
	for i := 1; i < Len(b) && !headOnly; i++ {
		if at(b, i, w) <= at(b, i-1, w) {
			return false
		}
	}
	return true
}
