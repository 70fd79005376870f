package rdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"kvorum/checksum"
	"kvorum/ds/lzf"
	"kvorum/num"
)

// What is wrong with an input.
var (
	// ErrTruncated is when the input ends too early.
	ErrTruncated = errors.New("Unexpected EOF reading RDB file")
	// ErrCorrupt is when bytes that are there cannot be what they should.
	ErrCorrupt = errors.New("corrupt")
)

// problem is an error that is one of those above, in its own words.
type problem struct {
	kind error
	text string
}

func (p *problem) Error() string { return p.text }

func (p *problem) Unwrap() error { return p.kind }

func newProblem(kind error, format string, args ...any) error {
	return &problem{kind, fmt.Sprintf(format, args...)}
}

const (
	readChunk  = 256 << 10 // bytes asked of a reader at once
	growFactor = 2
)

// input reads the parts of a file: from a reader, or of bytes that are all there.
// After the first error all calls return nothing. Views are good until the next call.
type input struct {
	src    io.Reader // nil: buf is all
	buf    []byte
	r      int   // what was taken of buf
	base   int64 // bytes of the input before buf
	mark   int   // from here on buf is kept; -1: nothing
	sum    uint64
	summed int64 // bytes of the input that sum is of
	noSum  bool
	err    error
	text   []byte // unpacked strings
	digits [24]byte
}

func newInput(src io.Reader) *input { return &input{src: src, mark: -1} }

// bytesInput reads bytes that are at some offset of a file.
func (in *input) setBytes(b []byte, base int64) {
	text := in.text
	*in = input{buf: b, base: base, mark: -1, noSum: true, text: text}
}

// at returns the offset of what is read next.
func (in *input) at() int64 { return in.base + int64(in.r) }

// corrupt notes what is wrong with what has just been read.
func (in *input) corrupt(format string, args ...any) {
	if in.err == nil {
		in.err = newProblem(ErrCorrupt, format, args...)
	}
}

// next takes n bytes.
func (in *input) next(n int) []byte {
	if n > len(in.buf)-in.r {
		in.fill(n)
	}
	if in.err != nil {
		return nil
	}
	b := in.buf[in.r : in.r+n : in.r+n]
	in.r += n
	return b
}

// fill reads until n bytes are there. The buffer grows with what has come, not with
// what was promised.
func (in *input) fill(n int) {
	if in.err != nil {
		return
	}
	if in.src == nil || n < 0 {
		in.err = ErrTruncated
		return
	}
	in.compact()
	for n > len(in.buf)-in.r {
		if len(in.buf) == cap(in.buf) {
			grown := make([]byte, len(in.buf), max(readChunk, growFactor*cap(in.buf)))
			copy(grown, in.buf)
			in.buf = grown
		}
		got, err := in.src.Read(in.buf[len(in.buf):min(cap(in.buf), len(in.buf)+readChunk)])
		in.buf = in.buf[:len(in.buf)+got]
		if err == nil || n <= len(in.buf)-in.r {
			continue
		}
		if in.err = err; errors.Is(err, io.EOF) {
			in.err = ErrTruncated
		}
		return
	}
}

// compact drops what was taken and is not marked.
func (in *input) compact() {
	in.sumTo()
	from := in.r
	if in.mark >= 0 {
		from = in.mark
		in.mark = 0
	}
	if from == 0 {
		return
	}
	in.buf = in.buf[:copy(in.buf, in.buf[from:])]
	in.base += int64(from)
	in.r -= from
}

// sumTo adds what was taken to the check sum.
func (in *input) sumTo() {
	if in.noSum {
		return
	}
	if at := in.at(); at > in.summed {
		in.sum = checksum.CRC64(in.sum, in.buf[in.summed-in.base:in.r])
		in.summed = at
	}
}

func (in *input) byte() byte {
	if b := in.next(1); b != nil {
		return b[0]
	}
	return 0
}

func (in *input) uint64() uint64 {
	if b := in.next(wordSize); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// form reads a length; special tells that n is the form of a string instead.
func (in *input) form() (n uint64, special bool) {
	c := in.byte()
	switch c >> 6 {
	case 0:
		return uint64(c & 0x3f), false
	case 1:
		return uint64(c&0x3f)<<8 | uint64(in.byte()), false
	case 3:
		return uint64(c & 0x3f), true
	}
	switch c {
	case len32:
		if b := in.next(4); b != nil {
			return uint64(binary.BigEndian.Uint32(b)), false
		}
	case len64:
		if b := in.next(wordSize); b != nil {
			return binary.BigEndian.Uint64(b), false
		}
	default:
		in.corrupt("Unknown length encoding %d in rdbLoadLen()", c)
	}
	return 0, false
}

// length reads a length.
func (in *input) length() uint64 {
	n, special := in.form()
	if special {
		in.corrupt("a length is missing where one belongs")
		return 0
	}
	return n
}

// size reads a length of bytes that are to follow.
func (in *input) size() int {
	n := in.length()
	if n > sizeMax {
		in.corrupt("a size of %d bytes", n)
		return 0
	}
	return int(n)
}

// sizeMax bounds a string.
const sizeMax = 1 << 40

// skipString passes over a string.
func (in *input) skipString() {
	n, special := in.form()
	if !special {
		if n > sizeMax {
			in.corrupt("a string of %d bytes", n)
			return
		}
		in.next(int(n))
		return
	}
	switch n {
	case encInt8:
		in.next(1)
	case encInt16:
		in.next(2)
	case encInt32:
		in.next(4)
	case encLZF:
		packed := in.size()
		in.length()
		in.next(packed)
	default:
		in.corrupt("Unknown RDB string encoding type %d", n)
	}
}

// element reads a string that is a part of a value, or a key.
func (in *input) element() []byte {
	s := in.string()
	if len(s) > packedMax {
		in.corrupt("an element of %d bytes", len(s))
		return nil
	}
	return s
}

// string reads a string: borrowed until the next call of string.
func (in *input) string() []byte {
	n, special := in.form()
	if !special {
		if n > sizeMax {
			in.corrupt("a string of %d bytes", n)
			return nil
		}
		return in.next(int(n))
	}
	switch n {
	case encInt8:
		return in.intText(int64(int8(in.byte())))
	case encInt16:
		if b := in.next(2); b != nil {
			return in.intText(int64(int16(binary.LittleEndian.Uint16(b))))
		}
	case encInt32:
		if b := in.next(4); b != nil {
			return in.intText(int64(int32(binary.LittleEndian.Uint32(b))))
		}
	case encLZF:
		return in.unpack()
	default:
		in.corrupt("Unknown RDB string encoding type %d", n)
	}
	return nil
}

func (in *input) intText(n int64) []byte {
	if in.err != nil {
		return nil
	}
	return num.AppendInt(in.digits[:0], n)
}

// unpack reads a packed string, whose length is held against what its packed bytes
// can become.
func (in *input) unpack() []byte {
	packed := in.size()
	n := in.length()
	b := in.next(packed)
	if in.err != nil {
		return nil
	}
	if n > uint64(packed)*lzf.ExpandMax {
		in.corrupt("Invalid LZF compressed string")
		return nil
	}
	if uint64(cap(in.text)) < n {
		in.text = make([]byte, n)
	}
	in.text = in.text[:n]
	if !lzf.Unpack(in.text, b) {
		in.corrupt("Invalid LZF compressed string")
		return nil
	}
	return in.text
}
