package rdb

import (
	"encoding/binary"

	"kvorum/ds/listpack"
)

// Packed forms of old servers, read once and never written.
//
//	ziplist: | bytes 4 | offset of last 4 | entries 2 | entry ... | 0xff |   little endian
//	entry:   | size of the one before 1 or 5 | form 1-5 | bytes |
//	zipmap:  | entries 1 | name's length 1 or 5 | name | value's length | free 1 | value | free bytes | ... | 0xff |

const (
	zipHeader   = 10
	zipEnd      = 0xff
	zipLong     = 254 // the size before takes four bytes more
	zipUnknown  = 1<<16 - 1
	zipInt16    = 0xc0
	zipInt32    = 0xd0
	zipInt64    = 0xe0
	zipInt24    = 0xf0
	zipInt8     = 0xfe
	zipSmallMin = 0xf1 // an integer in the form itself
	zipSmallMax = 0xfd
)

// fromZiplist takes the entries of a ziplist, and reports whether it is one.
func (p *packed) fromZiplist(z []byte) bool {
	p.reset()
	if len(z) < zipHeader+1 || uint64(binary.LittleEndian.Uint32(z)) != uint64(len(z)) || z[len(z)-1] != zipEnd {
		return false
	}
	tail, told := int(binary.LittleEndian.Uint32(z[4:])), int(binary.LittleEndian.Uint16(z[8:]))
	at, before, last := zipHeader, 0, zipHeader
	for at < len(z)-1 {
		v, size, ok := zipEntry(z[at:len(z)-1], before)
		if !ok {
			return false
		}
		p.add(v)
		last, before = at, size
		at += size
	}
	return last == tail && (told == zipUnknown || told == p.n)
}

// zipEntry reads the entry that b begins with; before is the size of the one before.
func zipEntry(b []byte, before int) (v listpack.Value, size int, ok bool) {
	at, prev := 1, int(b[0])
	if prev == zipEnd {
		return v, 0, false
	}
	if prev == zipLong {
		if len(b) < 5 {
			return v, 0, false
		}
		at, prev = 5, int(binary.LittleEndian.Uint32(b[1:]))
	}
	if prev != before || at >= len(b) {
		return v, 0, false
	}
	c := b[at]
	if c >= zipInt16 {
		n, used, ok := zipInteger(b[at:])
		return listpack.Value{Int: n}, at + used, ok
	}
	n := int(c & 0x3f)
	head := 1
	switch c >> 6 {
	case 1:
		head = 2
	case 2:
		head = 5
	}
	if len(b)-at < head {
		return v, 0, false
	}
	switch head {
	case 2:
		n = n<<8 | int(b[at+1])
	case 5:
		n = int(binary.BigEndian.Uint32(b[at+1:]))
	}
	at += head
	if n > len(b)-at {
		return v, 0, false
	}
	return listpack.Of(b[at : at+n : at+n]), at + n, true
}

// zipInteger reads an integer with its form.
func zipInteger(b []byte) (n int64, size int, ok bool) {
	c := b[0]
	switch c {
	case zipInt8:
		size = 2
	case zipInt16:
		size = 3
	case zipInt24:
		size = 4
	case zipInt32:
		size = 5
	case zipInt64:
		size = 9
	default:
		return int64(c&0x0f) - 1, 1, c >= zipSmallMin && c <= zipSmallMax
	}
	if len(b) < size {
		return 0, 0, false
	}
	switch c {
	case zipInt8:
		n = int64(int8(b[1]))
	case zipInt16:
		n = int64(int16(binary.LittleEndian.Uint16(b[1:])))
	case zipInt24:
		n = int64(int32(uint32(b[1])<<8|uint32(b[2])<<16|uint32(b[3])<<24) >> 8)
	case zipInt32:
		n = int64(int32(binary.LittleEndian.Uint32(b[1:])))
	default:
		n = int64(binary.LittleEndian.Uint64(b[1:]))
	}
	return n, size, true
}

// fromZipmap takes names and values of a zipmap, and reports whether it is one.
func (p *packed) fromZipmap(z []byte) bool {
	p.reset()
	if len(z) < 2 || z[len(z)-1] != zipEnd {
		return false
	}
	end := len(z) - 1
	at := 1
	for at < end {
		name, next, ok := zipmapString(z[:end], at, false)
		if !ok {
			return false
		}
		value, after, ok := zipmapString(z[:end], next, true)
		if !ok {
			return false
		}
		p.add(listpack.Of(name))
		p.add(listpack.Of(value))
		at = after
	}
	told := int(z[0])
	return at == end && p.n > 0 && (told >= zipLong || told == p.n/2)
}

// zipmapString reads a name, or a value, which has free bytes behind it.
func zipmapString(z []byte, at int, value bool) (s []byte, next int, ok bool) {
	if at >= len(z) {
		return nil, 0, false
	}
	n := int(z[at])
	at++
	switch {
	case n == zipEnd:
		return nil, 0, false
	case n == zipLong:
		if len(z)-at < 4 {
			return nil, 0, false
		}
		n = int(binary.LittleEndian.Uint32(z[at:]))
		at += 4
	}
	free := 0
	if value {
		if at >= len(z) {
			return nil, 0, false
		}
		free = int(z[at])
		at++
	}
	if n > len(z)-at || free > len(z)-at-n {
		return nil, 0, false
	}
	return z[at : at+n : at+n], at + n + free, true
}
