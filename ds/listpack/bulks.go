package listpack

import (
	"encoding/binary"
	"unsafe"

	"kvorum/resp"
)

const (
	shortCopy = maxStr6 + 1       // bytes that are copied of a short string, at most
	shortRoom = 8 + shortCopy + 2 // that it takes as a bulk string: header, as a word, string, line end
	word      = 8
	lineEnd   = '\n'<<8 | '\r'
)

// AppendBulks appends the first of n entries from position p on to the replies b as bulk
// strings, as many as are short strings that b has ample room for. It returns b, the
// position behind them and how many of the n are left.
//
// Strings are copied in whole words, without a call: what follows one in the block of
// the listpack is copied along, into room of b, and is overwritten or never sent. Both
// loops over the words of a string and slices with their checks took twice the time.
func AppendBulks(b, lp []byte, p, n int) (replies []byte, next, left int) {
	end := len(b)
	pMax, endMax := cap(lp)-1-shortCopy, cap(b)-shortRoom
	from, to := unsafe.Pointer(unsafe.SliceData(lp)), unsafe.Pointer(unsafe.SliceData(b))
	for ; n > 0 && p <= pMax && end <= endMax; n-- {
		c := *(*byte)(unsafe.Add(from, p))
		if c&0xc0 != encStr6 {
			break
		}
		size := int(c & maxStr6)
		head, at := resp.ShortHead(size)
		binary.LittleEndian.PutUint64((*[word]byte)(unsafe.Add(to, end))[:], head)
		end += at
		s, d := unsafe.Add(from, p+1), unsafe.Add(to, end)
		copy2(d, s)
		if size > 2*word {
			copy2(unsafe.Add(d, 2*word), unsafe.Add(s, 2*word))
			if size > 4*word {
				copy2(unsafe.Add(d, 4*word), unsafe.Add(s, 4*word))
				copy2(unsafe.Add(d, 6*word), unsafe.Add(s, 6*word))
			}
		}
		binary.LittleEndian.PutUint16((*[2]byte)(unsafe.Add(d, size))[:], lineEnd)
		end += size + 2
		p += size + 2
	}
	return b[:end], p, n
}

// copy2 copies two words.
//
//kvorum:inline
func copy2(to, from unsafe.Pointer) {
	a, b := *(*uint64)(from), *(*uint64)(unsafe.Add(from, word))
	*(*uint64)(to), *(*uint64)(unsafe.Add(to, word)) = a, b
}
