package resp

import (
	"bytes"
	"math"
)

// Requests come in two shapes.
//
//	*<count>\r\n  then count times  $<size>\r\n<size bytes>\r\n     multibulk
//	<words, quoted or not>\n                                        inline
//
// The usual request has arrived whole: one pass fills Request.Args with slices
// of the input. A request that breaks off leaves in the Parser only how far it
// was checked; the following calls go on checking from there without storing
// anything, and when the end has come one more pass from the start fills Args,
// now certain to succeed. So the state of a connection is four integers, the
// input may move between calls, and a request in many pieces costs two passes.
//
// What Redis does not check is not checked here either: the byte after the
// '\r' of a length line and the two bytes after an argument may be anything.
// A zero byte hides the rest of a line from Redis (strchr), so a line with one
// before its end never ends.
//
// COMPAT: inline-limit: Redis compares the 64 KiB line limit with what happens
// to be buffered, so it takes a somewhat longer line if its end comes with the
// same read; here the limit is exact, which keeps I1.

// Limits bounds what a client may send. The zero value refuses everything;
// start from DefaultLimits.
type Limits struct {
	MaxBulk      int64 // bytes of one argument (proto-max-bulk-len)
	MaxMultibulk int   // arguments of one request
	MaxInline    int   // bytes of one inline request or length line
	Unauth       bool  // peer must still authenticate: 10 arguments of 16384 bytes
}

const (
	// DefaultMaxBulk is proto-max-bulk-len's default, 512 MiB.
	DefaultMaxBulk = 512 << 20
	// DefaultMaxMultibulk is what Redis 7.0 takes (before 6.2 it was 1024*1024).
	DefaultMaxMultibulk = math.MaxInt32
	// DefaultMaxInline is Redis's PROTO_INLINE_MAX_SIZE.
	DefaultMaxInline = 64 << 10

	unauthMaxMultibulk = 10
	unauthMaxBulk      = 16384

	// argsKeptMax is how many argument slots a Request keeps once the large
	// request that needed more is gone.
	argsKeptMax = 1024
	// argSizeMin is the size of the smallest argument, "$0\r\n\r\n".
	argSizeMin = 6
)

// DefaultLimits returns the limits of an authenticated client of a server
// with default settings.
func DefaultLimits() Limits {
	return Limits{MaxBulk: DefaultMaxBulk, MaxMultibulk: DefaultMaxMultibulk, MaxInline: DefaultMaxInline}
}

// ProtocolError says why input is not a request. The caller replies
// "-ERR <Text>" and closes the connection. Comparable by address except for
// the one that names the byte it met.
type ProtocolError struct {
	Text string // Redis's wording, for instance "Protocol error: invalid bulk length"
}

// Error returns Text, without the "ERR " that goes before it in a reply.
func (e *ProtocolError) Error() string { return e.Text }

// The protocol errors. The remaining one, "expected '$', got 'x'", is made
// when needed.
var (
	ErrTooBigInline       = &ProtocolError{"Protocol error: too big inline request"}
	ErrTooBigMultibulk    = &ProtocolError{"Protocol error: too big mbulk count string"}
	ErrTooBigBulk         = &ProtocolError{"Protocol error: too big bulk count string"}
	ErrMultibulkLength    = &ProtocolError{"Protocol error: invalid multibulk length"}
	ErrBulkLength         = &ProtocolError{"Protocol error: invalid bulk length"}
	ErrUnauthMultibulkLen = &ProtocolError{"Protocol error: unauthenticated multibulk length"}
	ErrUnauthBulkLen      = &ProtocolError{"Protocol error: unauthenticated bulk length"}
	ErrUnbalancedQuotes   = &ProtocolError{"Protocol error: unbalanced quotes in request"}
)

// Request is one parsed request. It is reused: Next overwrites it.
type Request struct {
	// Args holds at least one argument after a successful Next. The bytes are
	// borrowed: they belong to Next's input (inline requests: to the Request)
	// and are valid until either changes. Capacities are cut, so that an
	// append to an argument copies it.
	Args [][]byte
	// Size is the number of input bytes the request took, skipped empty
	// requests before it included. Sums of Size are replication offsets.
	Size int
	// Inline tells an inline request from a multibulk one.
	Inline bool

	words []byte // decoded bytes of inline arguments
}

// Parser remembers, for one connection, how far a request that has not
// arrived completely was checked. The zero value is ready. 32 bytes.
type Parser struct {
	pos  int // bytes of the request checked so far; 0: nothing of it yet
	end  int // where the current argument's two final bytes end; 0: its length is not known yet
	scan int // bytes after pos known not to end the current line
	left int // arguments not yet checked, the current one included
}

// Reset forgets a partial request.
func (p *Parser) Reset() { *p = Parser{} }

// Pending reports whether a request has begun and not ended.
func (p *Parser) Pending() bool { return p.pos|p.scan != 0 }

// Checked returns how many bytes of a partial request need not be looked at
// again: complete arguments and headers, up to the one that is arriving.
func (p *Parser) Checked() int { return p.pos }

// Next parses one request from in, all unconsumed bytes of the connection.
//
//   - ok: req is filled; consumed bytes of in belong to it.
//   - not ok, err nil: more input is wanted. consumed bytes (only empty
//     requests, usually 0) may be dropped, and the next call must pass the
//     rest, in[consumed:], followed by more. need is the total number of bytes
//     wanted counted from the start of in: at least len(in)+1, and exactly the
//     end of the current argument when its length is known. It is a peer's
//     word: a caller that reserves need bytes at once bounds it first.
//   - err: in is not a request; the connection cannot be used any further. What was
//     read of the request, behind the consumed bytes, before it went wrong: Checked.
//
// Empty requests (a blank line, a count of zero or less) are skipped silently.
// in is not changed and not retained except by req.Args.
func (p *Parser) Next(in []byte, req *Request, lim *Limits) (consumed int, ok bool, need int, err *ProtocolError) {
	off := 0
	for off < len(in) {
		var n int // bytes of the request or of an empty one
		b := in[off:]
		switch {
		case p.left != 0:
			n, ok, need, err = p.resume(b, req, lim)
		case b[0] == '*':
			n, ok, need, err = p.multibulk(b, req, lim)
		default:
			n, ok, need, err = p.inline(b, req, lim)
		}
		if err != nil {
			*p = Parser{pos: p.pos}
			return off, false, 0, err
		}
		if n == 0 {
			return off, false, off + need, nil
		}
		off += n
		if ok {
			req.Size = off
			return off, true, 0, nil
		}
	}
	return off, false, off + 1, nil
}

// multibulk parses a request that begins at b[0] == '*'. n is 0 if b ends too
// early, with p brought up to date. !ok with n > 0 is an empty request.
func (p *Parser) multibulk(b []byte, req *Request, lim *Limits) (n int, ok bool, need int, err *ProtocolError) {
	var count, pos int
	if len(b) > 3 && b[2] == '\r' && b[1]-'1' < 9 {
		count, pos = int(b[1]-'0'), 4
		p.scan = 0
		if count > lim.MaxMultibulk {
			return 0, false, 0, ErrMultibulkLength
		}
	} else {
		count, pos, err = p.countLine(b, lim)
		if err != nil {
			return 0, false, 0, err
		}
		if pos == 0 {
			return 0, false, len(b) + 1, nil
		}
		if count <= 0 {
			return pos, false, 0, nil
		}
	}
	if count > (len(b)-pos)/argSizeMin {
		p.pos, p.left = pos, count
		return p.resume(b, req, lim) // cannot be complete: check only
	}
	args := req.slots(count)
	req.Inline = false
	for i := range args {
		h := b[pos:]
		size, head := 0, 0
		if len(h) > 4 && h[0] == '$' && h[1]-'0' < 10 {
			// One or two digits, no leading zero: nearly every length.
			if h[2] == '\r' {
				size, head = int(h[1]-'0'), 4
			} else if h[3] == '\r' && h[2]-'0' < 10 && h[1] != '0' {
				size, head = int(h[1]-'0')*10+int(h[2]-'0'), 5
			}
		}
		if head == 0 || int64(size) > lim.MaxBulk {
			size, head, err = p.argHead(h, lim)
			if err != nil {
				p.pos = pos
				return 0, false, 0, err
			}
			if head == 0 {
				p.pos, p.left = pos, count-i
				return 0, false, len(b) + 1, nil
			}
		}
		at := pos + head
		pos = at + size + 2
		if pos > len(b) {
			p.pos, p.end, p.left = at, pos, count-i
			return 0, false, pos, nil
		}
		args[i] = b[at : at+size : at+size]
	}
	return pos, true, 0, nil
}

// resume goes on checking a partial multibulk request and, when it is
// complete, parses it as a whole.
func (p *Parser) resume(b []byte, req *Request, lim *Limits) (n int, ok bool, need int, err *ProtocolError) {
	for p.left > 0 {
		if p.end == 0 {
			size, head, err := p.argHead(b[p.pos:], lim)
			if err != nil {
				return 0, false, 0, err
			}
			if head == 0 {
				return 0, false, len(b) + 1, nil
			}
			p.pos += head
			p.end = p.pos + size + 2
		}
		if p.end > len(b) {
			return 0, false, p.end, nil
		}
		p.pos, p.end = p.end, 0
		p.left--
	}
	// The bytes were checked, under the limits of their time: a limit lowered
	// since must not refuse them now.
	checked := Limits{MaxBulk: math.MaxInt64, MaxMultibulk: math.MaxInt, MaxInline: lim.MaxInline}
	p.Reset()
	return p.multibulk(b, req, &checked)
}

// slots returns n argument slots. The caller has seen that the input could
// hold that many arguments.
//
//kvorum:inline
func (r *Request) slots(n int) [][]byte {
	if n > cap(r.Args) || (cap(r.Args) > argsKeptMax && n <= argsKeptMax) {
		r.Args = make([][]byte, max(n, 16))
	}
	r.Args = r.Args[:n]
	return r.Args
}

// argHead reads "$<size>\r\n" at b. head is the length of the line, or 0 if it
// has not ended.
func (p *Parser) argHead(b []byte, lim *Limits) (size, head int, err *ProtocolError) {
	size, head = shortSize(b)
	if head == 0 || int64(size) > lim.MaxBulk || lim.Unauth && size > unauthMaxBulk {
		return p.sizeLine(b, lim)
	}
	p.scan = 0
	return size, head, nil
}

// shortSize reads "$<size>\r\n" at b if it has arrived and size has at most
// nine digits and no fault; else head is 0 and sizeLine tells more.
func shortSize(b []byte) (size, head int) {
	if len(b) < 5 || b[0] != '$' || b[1]-'1' >= 9 {
		return 0, 0
	}
	b = b[:min(len(b)-1, len("$123456789\r"))] // the byte after '\r' must be there too
	for i := 1; i < len(b); i++ {
		d := b[i] - '0'
		if d > 9 {
			if b[i] == '\r' {
				return size, i + 2
			}
			break
		}
		size = size*10 + int(d)
	}
	return 0, 0
}

// countLine reads "*<count>\r\n" at b. size is the length of the line, or 0 if
// it has not ended.
func (p *Parser) countLine(b []byte, lim *Limits) (count, size int, err *ProtocolError) {
	i := p.lineEnd(b, '\r', lim.MaxInline)
	if i < 0 {
		if len(b) > lim.MaxInline {
			return 0, 0, ErrTooBigMultibulk
		}
		return 0, 0, nil
	}
	if i+2 > len(b) {
		return 0, 0, nil
	}
	v, ok := parseInt(b[1:i])
	if !ok || v > int64(lim.MaxMultibulk) {
		return 0, 0, ErrMultibulkLength
	}
	if lim.Unauth && v > unauthMaxMultibulk {
		return 0, 0, ErrUnauthMultibulkLen
	}
	p.scan = 0
	return int(max(v, 0)), i + 2, nil
}

// sizeLine is argHead for every line: any length, any fault.
func (p *Parser) sizeLine(b []byte, lim *Limits) (size, head int, err *ProtocolError) {
	i := p.lineEnd(b, '\r', lim.MaxInline)
	if i < 0 {
		if len(b) > lim.MaxInline {
			return 0, 0, ErrTooBigBulk
		}
		return 0, 0, nil
	}
	if i+2 > len(b) {
		return 0, 0, nil
	}
	if b[0] != '$' {
		return 0, 0, errExpectedBulk(b[0])
	}
	v, ok := parseInt(b[1:i])
	if !ok || v < 0 || v > lim.MaxBulk {
		return 0, 0, ErrBulkLength
	}
	if lim.Unauth && v > unauthMaxBulk {
		return 0, 0, ErrUnauthBulkLen
	}
	p.scan = 0
	return int(v), i + 2, nil
}

// lineEnd finds end in the first lineMax+1 bytes of b, where the first p.scan
// are known not to hold it. Without success it updates p.scan and returns -1.
func (p *Parser) lineEnd(b []byte, end byte, lineMax int) int {
	b = b[:min(len(b), lineMax+1)]
	from := min(p.scan, len(b))
	i := bytes.IndexByte(b[from:], end)
	if i >= 0 && bytes.IndexByte(b[:from+i], 0) < 0 {
		p.scan = from + i // found again at once if the byte after it is missing
		return from + i
	}
	p.scan = len(b)
	return -1
}

// errExpectedBulk makes the error for an argument that begins with c.
// Redis writes the byte as it is, line ends as blanks.
func errExpectedBulk(c byte) *ProtocolError {
	if c == '\r' || c == '\n' {
		c = ' '
	}
	return &ProtocolError{"Protocol error: expected '$', got '" + string([]byte{c}) + "'"}
}

// parseInt reads a decimal number as strictly as Redis reads lengths: no sign
// but '-', no leading zeros, no blanks, no "-0", within 64 bits.
func parseInt(b []byte) (v int64, ok bool) {
	if len(b) == 1 && b[0] == '0' {
		return 0, true
	}
	neg := len(b) > 0 && b[0] == '-'
	if neg {
		b = b[1:]
	}
	if len(b) == 0 || len(b) > 19 || b[0]-'1' >= 9 {
		return 0, false
	}
	var u uint64 // 19 digits fit
	for _, c := range b {
		d := uint64(c - '0')
		if d > 9 {
			return 0, false
		}
		u = u*10 + d
	}
	if neg {
		return -int64(u), u <= 1<<63
	}
	return int64(u), u <= math.MaxInt64
}
