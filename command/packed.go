package command

import (
	"encoding/binary"

	"kvorum/ds/listpack"
	"kvorum/resp"
)

// shortRoom is what a bulk string of at most shortMax bytes takes of the replies: its
// header, written as a word, the bytes, copied in whole words, and a line end.
const (
	shortMax  = 63
	shortCopy = shortMax + 1
	shortRoom = 8 + shortCopy + 2
)

// Bulks replies n entries of a listpack from position p on as bulk strings, and returns
// the position behind them. The loop keeps the end of the replies in registers and
// copies short strings, words at a time, without a call: what follows a string in the
// listpack's block is copied with it and then overwritten.
func (c *Ctx) Bulks(lp []byte, p, n int) (next int) {
	b, block := c.W.B, lp[:cap(lp)]
	for ; n > 0; n-- {
		size, short := listpack.Short(lp, p)
		if !short || len(block)-p <= shortCopy || cap(b)-len(b) < shortRoom {
			c.W.B = b
			v, after := listpack.At(lp, p)
			if v.Str != nil {
				c.W.Bulk(v.Str)
			} else {
				c.W.BulkInt(v.Int)
			}
			b, p = c.W.B, after
			continue
		}
		end := len(b)
		to, from := b[end:end+shortRoom], block[p+1:p+1+shortCopy]
		head, at := resp.ShortHead(size)
		binary.LittleEndian.PutUint64(to, head)
		copyShort(to[at:at+shortCopy], from, size)
		binary.LittleEndian.PutUint16(to[at+size:], '\n'<<8|'\r')
		b = b[:end+at+size+2]
		p += size + listpack.ShortExtra
	}
	c.W.B = b
	return p
}

// copyShort copies at least size bytes, at most shortCopy, which both have.
func copyShort(to, from []byte, size int) {
	_, _ = to[shortCopy-1], from[shortCopy-1]
	for i := 0; i < size; i += 16 {
		binary.LittleEndian.PutUint64(to[i:], binary.LittleEndian.Uint64(from[i:]))
		binary.LittleEndian.PutUint64(to[i+8:], binary.LittleEndian.Uint64(from[i+8:]))
	}
}
