package resp

import "encoding/binary"

// AppendCommand appends a request of the given arguments as a multibulk.
func AppendCommand(dst []byte, args ...[]byte) []byte {
	dst = appendHead(dst, '*', int64(len(args)))
	for _, a := range args {
		dst = AppendBulk(dst, a)
	}
	return dst
}

// AppendCommandStrings appends a request of the given arguments as a multibulk.
func AppendCommandStrings(dst []byte, args ...string) []byte {
	dst = appendHead(dst, '*', int64(len(args)))
	for _, a := range args {
		dst = append(appendHead(dst, '$', int64(len(a))), a...)
		dst = append(dst, '\r', '\n')
	}
	return dst
}

// AppendBulk appends s as a bulk string.
func AppendBulk(dst, s []byte) []byte {
	dst = room(dst, len(s)+headSizeMax+2)
	dst = append(appendHead(dst, '$', int64(len(s))), s...)
	return append(dst, '\r', '\n')
}

// AppendArrayHead appends the header of an array (or request) of n elements.
func AppendArrayHead(dst []byte, n int) []byte { return appendHead(dst, '*', int64(n)) }

// argRoom is what the encoding adds to an argument at most, plus what the store
// of a small header writes beyond it.
const argRoom = 32

// CommandRoom returns a bound of what PutCommand writes to.
func CommandRoom(args [][]byte) int {
	n := argRoom
	for _, a := range args {
		n += len(a) + argRoom
	}
	return n
}

// PutCommand writes what AppendCommand appends to the start of dst, which has
// CommandRoom bytes, and returns the size; it may write some bytes more. For
// callers that manage their space.
func PutCommand(dst []byte, args [][]byte) int {
	n := 0
	if len(args) < headCount {
		h := heads[len(args)]
		binary.LittleEndian.PutUint64(dst, h|'*')
		n = int(h >> 56)
	} else {
		n = putBigHead(dst, '*', len(args))
	}
	for _, a := range args {
		d := dst[n:]
		if len(a) < headCount { // by hand: too large to be inlined
			h := heads[len(a)]
			binary.LittleEndian.PutUint64(d, h|'$')
			n += int(h >> 56)
		} else {
			n += putBigHead(d, '$', len(a))
		}
		n += copy(dst[n:], a)
		binary.LittleEndian.PutUint16(dst[n:], '\r'|'\n'<<8)
		n += 2
	}
	return n
}

//go:noinline
func putBigHead(dst []byte, kind byte, n int) int {
	return len(appendBigHead(dst[:0], kind, int64(n)))
}

// CommandSize returns the bytes AppendCommand would append.
func CommandSize(args ...[]byte) int {
	n := headSize(len(args))
	for _, a := range args {
		n += headSize(len(a)) + len(a) + 2
	}
	return n
}

// headSize returns the size of "<kind><n>\r\n", n >= 0.
func headSize(n int) int {
	size := 4
	for n >= 10 {
		n /= 10
		size++
	}
	return size
}
