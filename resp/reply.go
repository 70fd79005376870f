package resp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// ErrReply is wrapped by the errors of ReplyReader.Read for input that is not
// a reply or exceeds a limit. The stream cannot be used any further.
var ErrReply = errors.New("resp: invalid reply")

const (
	replyDepthMax  = 128     // nesting of aggregates
	replyLineMax   = 1 << 20 // bytes of one line
	replyChunkSize = 1 << 16 // bytes of a string reserved ahead of their arrival
	replyElemsKept = 64      // elements reserved ahead of their arrival
	replyBufSize   = 16 << 10
)

// ReplyReader reads replies, RESP2 and RESP3 alike, from the server's side of
// a connection. It is for tools and tests: every Value is freshly allocated,
// in proportion to the bytes that have arrived, never to an announced length.
// Streamed aggregates and strings ("*?") are not part of what Redis sends and
// are refused.
type ReplyReader struct {
	r *bufio.Reader
	// MaxBulk limits the bytes of one string, MaxElems the elements of one
	// aggregate. NewReplyReader sets what a default server can send.
	MaxBulk  int64
	MaxElems int64
}

// NewReplyReader returns a reader of the replies in r. It reads ahead.
func NewReplyReader(r io.Reader) *ReplyReader {
	return &ReplyReader{r: bufio.NewReaderSize(r, replyBufSize), MaxBulk: 1 << 32, MaxElems: 1 << 32}
}

// Buffered returns the number of bytes read from the connection and not yet
// used: 0 means that the next Read will have to wait for the peer.
func (r *ReplyReader) Buffered() int { return r.r.Buffered() }

// Read returns the next reply, pushes included. Errors: io.EOF between
// replies, io.ErrUnexpectedEOF within one, ErrReply, or what the reader gave.
func (r *ReplyReader) Read() (Value, error) {
	if _, err := r.r.Peek(1); err != nil {
		return Value{}, err
	}
	v, err := r.value(0)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return v, err
}

func (r *ReplyReader) value(depth int) (v Value, err error) {
	if depth > replyDepthMax {
		return v, fmt.Errorf("%w: nested deeper than %d", ErrReply, replyDepthMax)
	}
	line, err := r.line()
	if err != nil {
		return v, err
	}
	if len(line) == 0 {
		return v, fmt.Errorf("%w: empty line", ErrReply)
	}
	v.Type, line = line[0], line[1:]
	switch v.Type {
	case '+', '-', '(':
		v.Str = line
	case ',':
		v.Str = line
		if v.Float, err = strconv.ParseFloat(string(line), 64); err != nil && !errors.Is(err, strconv.ErrRange) {
			return v, fmt.Errorf("%w: double %q", ErrReply, line)
		}
		err = nil
	case ':':
		v.Int, err = replyInt(line)
	case '_':
		v.Null = true
		if len(line) != 0 {
			err = fmt.Errorf("%w: null with %q", ErrReply, line)
		}
	case '#':
		if len(line) != 1 || line[0] != 't' && line[0] != 'f' {
			return v, fmt.Errorf("%w: boolean %q", ErrReply, line)
		}
		if line[0] == 't' {
			v.Int = 1
		}
	case '$', '!', '=':
		err = r.str(&v, line)
	case '*', '~', '>', '%':
		v.Elems, v.Null, err = r.elems(v.Type, line, depth)
	case '|':
		var attrs []Value
		if attrs, _, err = r.elems('|', line, depth); err != nil {
			return v, err
		}
		// A reply may have several; depth bounds how many.
		if v, err = r.value(depth + 1); err == nil {
			v.Attrs = append(attrs, v.Attrs...)
		}
	default:
		err = fmt.Errorf("%w: type %q", ErrReply, v.Type)
	}
	return v, err
}

// elems reads the elements of an aggregate whose header held count.
func (r *ReplyReader) elems(kind byte, count []byte, depth int) (elems []Value, null bool, err error) {
	n, err := replyInt(count)
	if err != nil {
		return nil, false, err
	}
	if n == -1 && kind == '*' {
		return nil, true, nil
	}
	if n < 0 || n > r.MaxElems {
		return nil, false, fmt.Errorf("%w: %d elements", ErrReply, n)
	}
	if kind == '%' || kind == '|' {
		n *= 2
	}
	elems = make([]Value, 0, min(n, replyElemsKept))
	for range n {
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, false, err
		}
		elems = append(elems, v)
	}
	return elems, false, nil
}

// str reads the bytes of a string whose header held size.
func (r *ReplyReader) str(v *Value, size []byte) error {
	n, err := replyInt(size)
	if err != nil {
		return err
	}
	if n == -1 && v.Type == '$' {
		v.Null = true
		return nil
	}
	if n < 0 || n > r.MaxBulk {
		return fmt.Errorf("%w: string of %d bytes", ErrReply, n)
	}
	n += 2
	s := make([]byte, 0, min(n, replyChunkSize))
	for int64(len(s)) < n {
		from := len(s)
		s = append(s, make([]byte, min(n-int64(from), int64(max(from, replyChunkSize))))...)
		if _, err := io.ReadFull(r.r, s[from:]); err != nil {
			return err
		}
	}
	if s[n-2] != '\r' || s[n-1] != '\n' {
		return fmt.Errorf("%w: string of %d bytes ends with %q", ErrReply, n-2, s[n-2:])
	}
	v.Str = s[:n-2]
	if v.Type == '=' {
		if len(v.Str) < 4 || v.Str[3] != ':' {
			return fmt.Errorf("%w: verbatim string without format", ErrReply)
		}
		v.Ext, v.Str = string(v.Str[:3]), v.Str[4:]
	}
	return nil
}

// line reads up to "\r\n" and returns a copy without it.
func (r *ReplyReader) line() ([]byte, error) {
	var line []byte
	for {
		part, err := r.r.ReadSlice('\n')
		line = append(line, part...)
		if err == nil {
			break
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
		if len(line) > replyLineMax {
			return nil, fmt.Errorf("%w: line longer than %d bytes", ErrReply, replyLineMax)
		}
	}
	text, ok := bytes.CutSuffix(line, []byte("\r\n"))
	if !ok {
		return nil, fmt.Errorf("%w: line ends without \\r\\n", ErrReply)
	}
	return text, nil
}

func replyInt(b []byte) (int64, error) {
	if v, ok := parseInt(b); ok {
		return v, nil
	}
	// Other servers write "+1" or "-0"; the meaning is clear.
	v, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: number %q", ErrReply, b)
	}
	return v, nil
}
