package resp

import (
	"encoding/binary"
	"strconv"
)

// Writer appends replies to B in the form protocol Proto asks for. Set B and
// Proto at will between replies; nothing else is kept. The zero value writes
// RESP2. Methods copy what they are given.
//
// The caller sends exactly one reply per request; an aggregate header counts
// the replies that follow it, which the Writer does not check.
type Writer struct {
	B     []byte // the replies so far; owned by the caller
	Proto uint8  // 2 or 3 (0 counts as 2)
	// Digits17 writes doubles with %.17g, as Redis 7.0 and older do; otherwise
	// they take the short form of Redis 7.2 (see AppendDouble).
	Digits17 bool

	chunks [][]byte // the beginning of a long reply; B follows
	cut    int      // bytes in chunks
}

// Small headers come from a table: an entry holds the decimal digits of its
// index and "\r\n" in bytes 1 to 6, leaves byte 0 to the type and keeps in
// byte 7 how many bytes that makes. One 8-byte store writes it all.
const headCount = 1024

var heads = makeHeads()

func makeHeads() (t [headCount]uint64) {
	for i := range t {
		s := strconv.Itoa(i) + "\r\n"
		for j := range len(s) {
			t[i] |= uint64(s[j]) << (8 * (j + 1))
		}
		t[i] |= uint64(len(s)+1) << 56
	}
	return t
}

// headSizeMax bounds a header: type, sign, 19 digits, line end, and what the
// 8-byte store of a small header writes beyond it.
const headSizeMax = 24

// room returns b with space for n more bytes.
//
//kvorum:inline
func room(b []byte, n int) []byte {
	if cap(b)-len(b) < n {
		return grow(b, n)
	}
	return b
}

//go:noinline
func grow(b []byte, n int) []byte {
	c := append(b[:cap(b)], make([]byte, len(b)+n-cap(b))...)
	return c[:len(b)]
}

// appendHead appends "<kind><n>\r\n".
func appendHead(b []byte, kind byte, n int64) []byte {
	if uint64(n) < headCount {
		b = room(b, 8)
		h := heads[n]
		binary.LittleEndian.PutUint64(b[len(b):len(b)+8], h|uint64(kind))
		return b[:len(b)+int(h>>56)]
	}
	return appendBigHead(b, kind, n)
}

// ShortHead returns the header of a bulk string of size bytes, below 1024, as eight
// bytes of which the first n count.
//
//kvorum:inline
func ShortHead(size int) (head uint64, n int) {
	h := heads[size&(headCount-1)]
	return h | '$', int(h >> 56)
}

//go:noinline
func appendBigHead(b []byte, kind byte, n int64) []byte {
	b = append(room(b, headSizeMax), kind)
	return append(strconv.AppendInt(b, n, 10), '\r', '\n')
}

// Raw appends encoded replies as they are.
func (w *Writer) Raw(b []byte) { w.B = append(w.B, b...) }

// RawString appends encoded replies as they are.
func (w *Writer) RawString(s string) { w.B = append(w.B, s...) }

// Simple appends a status reply. s must not contain line ends.
func (w *Writer) Simple(s string) {
	b := append(room(w.B, len(s)+3), '+')
	b = append(b, s...)
	w.B = append(b, '\r', '\n')
}

// OK appends the status reply OK.
func (w *Writer) OK() { w.B = append(w.B, "+OK\r\n"...) }

// Err appends an error reply. s begins with the error's code, such as
// "ERR syntax error"; a leading '-' is optional. As in Redis, line ends at the
// end of s are dropped and others become blanks.
func (w *Writer) Err(s string) {
	if len(s) == 0 || s[0] != '-' {
		w.B = append(w.B, '-')
	}
	w.B = append(AppendLine(w.B, s), '\r', '\n')
}

// AppendLine appends s without the line ends at its end and with blanks in
// place of those within: text for a status or error reply.
func AppendLine(dst []byte, s string) []byte {
	for len(s) > 0 && (s[len(s)-1] == '\r' || s[len(s)-1] == '\n') {
		s = s[:len(s)-1]
	}
	from := len(dst)
	dst = append(dst, s...)
	for i, c := range dst[from:] {
		if c == '\r' || c == '\n' {
			dst[from+i] = ' '
		}
	}
	return dst
}

// ProtocolErr appends the error reply for input that is no request.
func (w *Writer) ProtocolErr(e *ProtocolError) {
	b := append(w.B, "-ERR "...)
	b = append(b, e.Text...)
	w.B = append(b, '\r', '\n')
}

// Int appends an integer reply.
//
//kvorum:inline
func (w *Writer) Int(n int64) { w.B = appendHead(w.B, ':', n) }

// Bulk appends a bulk string.
func (w *Writer) Bulk(s []byte) {
	b := room(w.B, len(s)+headSizeMax+2)
	b = append(appendHead(b, '$', int64(len(s))), s...)
	w.B = append(b, '\r', '\n')
}

// BulkString appends a bulk string.
func (w *Writer) BulkString(s string) {
	b := room(w.B, len(s)+headSizeMax+2)
	b = append(appendHead(b, '$', int64(len(s))), s...)
	w.B = append(b, '\r', '\n')
}

// BulkInt appends n as a bulk string of decimal digits.
func (w *Writer) BulkInt(n int64) {
	var digits [20]byte
	w.Bulk(strconv.AppendInt(digits[:0], n, 10))
}

// Null appends the null reply: "_" in RESP3, the null bulk string in RESP2.
func (w *Writer) Null() {
	if w.Proto == 3 {
		w.B = append(w.B, "_\r\n"...)
		return
	}
	w.B = append(w.B, "$-1\r\n"...)
}

// NullArray appends the null reply: "_" in RESP3, the null array in RESP2.
func (w *Writer) NullArray() {
	if w.Proto == 3 {
		w.B = append(w.B, "_\r\n"...)
		return
	}
	w.B = append(w.B, "*-1\r\n"...)
}

// Array appends the header of an array of n elements, n >= 0.
//
//kvorum:inline
func (w *Writer) Array(n int) { w.B = appendHead(w.B, '*', int64(n)) }

// Map appends the header of a map of n pairs; in RESP2 an array of 2n.
func (w *Writer) Map(n int) {
	kind, count := w.aggregate('%', n)
	w.B = appendHead(w.B, kind, int64(count))
}

// Set appends the header of a set of n elements; in RESP2 an array.
func (w *Writer) Set(n int) {
	kind, count := w.aggregate('~', n)
	w.B = appendHead(w.B, kind, int64(count))
}

// Push appends the header of an out-of-band message of n elements; in RESP2 an
// array.
func (w *Writer) Push(n int) {
	kind, count := w.aggregate('>', n)
	w.B = appendHead(w.B, kind, int64(count))
}

// Attr appends the header of n attribute pairs of the reply that follows them.
// RESP2 has no attributes: the caller leaves them out and does not call Attr.
func (w *Writer) Attr(n int) { w.B = appendHead(w.B, '|', int64(n)) }

// aggregate translates the header of an aggregate of n elements or pairs to
// the protocol in use.
func (w *Writer) aggregate(kind byte, n int) (byte, int) {
	if w.Proto == 3 {
		return kind, n
	}
	if kind == '%' {
		n *= 2
	}
	return '*', n
}

// Bool appends a boolean; in RESP2 the integer 1 or 0.
func (w *Writer) Bool(v bool) {
	s := "#f\r\n"
	switch {
	case w.Proto == 3 && v:
		s = "#t\r\n"
	case w.Proto != 3 && v:
		s = ":1\r\n"
	case w.Proto != 3:
		s = ":0\r\n"
	}
	w.B = append(w.B, s...)
}

// BigNum appends a number of any size given by its decimal digits; in RESP2 a
// bulk string.
func (w *Writer) BigNum(digits string) {
	if w.Proto != 3 {
		w.BulkString(digits)
		return
	}
	b := append(w.B, '(')
	b = append(b, digits...)
	w.B = append(b, '\r', '\n')
}

// Verbatim appends text with its format, three bytes such as "txt" or "mkd"
// (a shorter one is filled with blanks); in RESP2 a bulk string of the text.
func (w *Writer) Verbatim(ext, text string) {
	if w.Proto != 3 {
		w.BulkString(text)
		return
	}
	b := appendHead(w.B, '=', int64(len(text)+4))
	for i := range 3 {
		c := byte(' ')
		if i < len(ext) {
			c = ext[i]
		}
		b = append(b, c)
	}
	b = append(b, ':')
	b = append(b, text...)
	w.B = append(b, '\r', '\n')
}

// Double appends a double; in RESP2 a bulk string of the same digits.
func (w *Writer) Double(f float64) {
	var buf [40]byte
	text := buf[:0]
	if w.Digits17 {
		text = AppendDouble17(text, f)
	} else {
		text = AppendDouble(text, f)
	}
	if w.Proto != 3 {
		w.Bulk(text)
		return
	}
	b := append(w.B, ',')
	b = append(b, text...)
	w.B = append(b, '\r', '\n')
}

// Deferred is the place of an aggregate header whose count is not known yet.
type Deferred struct{ at int }

// deferredSize is what DeferLen reserves: a header with one digit.
const deferredSize = len("*0\r\n")

// DeferLen reserves an aggregate header at the end of B. Exactly one of the
// SetDeferred methods must fill it before B is used, inner headers before
// outer ones. A count above 9 costs one move of everything appended since.
func (w *Writer) DeferLen() Deferred {
	d := Deferred{w.cut + len(w.B)}
	w.B = append(w.B, "*0\r\n"...)
	return d
}

// SetDeferredArray fills d in as Array(n).
func (w *Writer) SetDeferredArray(d Deferred, n int) { w.setDeferred(d, '*', n) }

// SetDeferredMap fills d in as Map(n).
func (w *Writer) SetDeferredMap(d Deferred, n int) {
	kind, count := w.aggregate('%', n)
	w.setDeferred(d, kind, count)
}

// SetDeferredSet fills d in as Set(n).
func (w *Writer) SetDeferredSet(d Deferred, n int) {
	kind, count := w.aggregate('~', n)
	w.setDeferred(d, kind, count)
}

// SetDeferredPush fills d in as Push(n).
func (w *Writer) SetDeferredPush(d Deferred, n int) {
	kind, count := w.aggregate('>', n)
	w.setDeferred(d, kind, count)
}

func (w *Writer) setDeferred(d Deferred, kind byte, n int) {
	var buf [headSizeMax + 8]byte
	head := appendHead(buf[:0], kind, int64(n))
	if d.at < w.cut {
		w.setInChunk(d.at, head)
		return
	}
	d.at -= w.cut
	size := len(w.B)
	if extra := len(head) - deferredSize; extra > 0 {
		w.B = append(w.B, buf[:extra]...)
		body := d.at + deferredSize
		copy(w.B[body+extra:], w.B[body:size])
	}
	copy(w.B[d.at:], head)
}
