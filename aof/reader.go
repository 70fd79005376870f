package aof

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Errors of a Reader.
var (
	// ErrTruncated means that the file ends within a command.
	ErrTruncated = errors.New("aof: unexpected end of file")
	// ErrFormat means that what follows Offset is no command.
	ErrFormat = errors.New("aof: bad file format")
)

// annotationMax is the longest line that begins with '#', its end included.
const annotationMax = 1024

// timestampMark begins an annotation that gives a time.
var timestampMark = []byte("#TS:")

// readSize is the room of a Reader while commands are short.
const readSize = 1 << 20

// Reader reads the commands of a file. The requests are those of the protocol, and
// only in the form in which servers write them; between them there may be lines of
// annotation that begin with '#'.
type Reader struct {
	r    io.Reader
	buf  []byte
	from int   // of the next command in buf
	to   int   // end of what was read
	off  int64 // in the file, of buf[from]
	end  bool  // the file has no more
	args [][]byte
	// Timestamp is the Unix time in seconds of the last annotation read, 0 before one.
	Timestamp int64
}

// NewReader returns a reader of r, whose next byte is at offset in its file.
func NewReader(r io.Reader, offset int64) *Reader {
	return &Reader{r: r, buf: make([]byte, readSize), off: offset}
}

// Offset returns the end of the last command or annotation.
func (r *Reader) Offset() int64 { return r.off }

// Next returns the words of the next command and its bytes, both borrowed until the
// next call. Errors: io.EOF at the end of the file, ErrTruncated, ErrFormat, or what
// reading said; the file is then at Offset, and stays there.
func (r *Reader) Next() (args [][]byte, raw []byte, err error) {
	for {
		b := r.buf[r.from:r.to]
		n, err := r.parse(b)
		switch {
		case err != nil:
			return nil, nil, fmt.Errorf("%w at offset %d", err, r.off)
		case n > 0:
			r.from += n
			r.off += int64(n)
			if b[0] == '#' {
				r.annotate(b[:n])
				continue
			}
			return r.args, b[:n], nil
		case r.end && len(b) == 0:
			return nil, nil, io.EOF
		case r.end:
			return nil, nil, fmt.Errorf("%w at offset %d", ErrTruncated, r.off)
		}
		if err := r.fill(); err != nil {
			return nil, nil, err
		}
	}
}

// annotate takes a line of annotation.
func (r *Reader) annotate(line []byte) {
	if rest, ok := bytes.CutPrefix(line, timestampMark); ok {
		if ts, ok := number(bytes.TrimRight(rest, "\r\n")); ok {
			r.Timestamp = ts
		}
	}
}

// fill reads more.
func (r *Reader) fill() error {
	if r.from > 0 && (r.from == r.to || r.to == len(r.buf)) {
		copy(r.buf, r.buf[r.from:r.to])
		r.to -= r.from
		r.from = 0
	}
	if r.to == len(r.buf) {
		grown := make([]byte, 2*len(r.buf))
		r.to = copy(grown, r.buf[r.from:r.to])
		r.buf, r.from = grown, 0
	}
	n, err := r.r.Read(r.buf[r.to:])
	r.to += n
	if errors.Is(err, io.EOF) {
		r.end = true
		return nil
	}
	return err
}

// parse returns the size of the command or annotation that b begins with, whose words
// are then in r.args, or 0 if it is not complete.
func (r *Reader) parse(b []byte) (size int, err error) {
	if len(b) == 0 {
		return 0, nil
	}
	if b[0] == '#' {
		end := bytes.IndexByte(b[:min(len(b), annotationMax)], '\n') + 1
		if end == 0 && len(b) >= annotationMax {
			return 0, ErrFormat
		}
		return end, nil
	}
	count, at, err := header(b, '*')
	if at == 0 || err != nil {
		return 0, err
	}
	if count < 1 {
		return 0, ErrFormat
	}
	r.args = r.args[:0]
	for range count {
		n, used, err := header(b[at:], '$')
		if used == 0 || err != nil {
			return 0, err
		}
		at += used
		if n < 0 {
			return 0, ErrFormat
		}
		if int64(len(b)-at) < n+2 {
			return 0, nil
		}
		end := at + int(n)
		r.args = append(r.args, b[at:end:end])
		if b[end] != '\r' || b[end+1] != '\n' {
			return 0, ErrFormat
		}
		at = end + 2
	}
	return at, nil
}

// headerMax is the longest line that gives a number, its end included.
const headerMax = 32

// header reads a line of a mark and a number; size is 0 if the line is not complete.
func header(b []byte, mark byte) (n int64, size int, err error) {
	if len(b) == 0 {
		return 0, 0, nil
	}
	if b[0] != mark {
		return 0, 0, ErrFormat
	}
	end := bytes.IndexByte(b[:min(len(b), headerMax)], '\n')
	if end < 0 {
		if len(b) >= headerMax {
			err = ErrFormat
		}
		return 0, 0, err
	}
	line := b[1:end]
	if len(line) == 0 || line[len(line)-1] != '\r' {
		return 0, 0, ErrFormat
	}
	n, ok := number(line[:len(line)-1])
	if !ok {
		return 0, 0, ErrFormat
	}
	return n, end + 1, nil
}

// number reads digits, with a sign perhaps, as servers write them: in one way only.
func number(b []byte) (n int64, ok bool) {
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		b = b[1:]
	}
	const digitsMax = 18
	if len(b) == 0 || len(b) > digitsMax || b[0] == '0' && (len(b) > 1 || negative) {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if negative {
		n = -n
	}
	return n, true
}

// AppendTimestamp appends the annotation of a Unix time in seconds.
func AppendTimestamp(dst []byte, unix int64) []byte {
	return fmt.Appendf(dst, "%s%d\r\n", timestampMark, unix)
}
