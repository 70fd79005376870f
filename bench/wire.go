//go:build linux

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// The protocol as far as a load generator needs it: requests prebuilt with
// holes for numbers, replies counted without being kept, and one plain
// connection for control.

// slotKind says what number a hole of a request takes.
type slotKind uint8

const (
	slotKey  slotKind = iota // 12 digits, so that "key:" and a slot make 16 bytes
	slotTime                 // 13 digits, Unix milliseconds
)

var slotWidths = [...]int{slotKey: 12, slotTime: 13}

// In the arguments of newRequest these stand for a hole.
const (
	holeKey  = "{key}"
	holeTime = "{time}"
)

type slot struct {
	off  int
	kind slotKind
}

// request is one command as bytes on the wire with its holes.
type request struct {
	text  string // as given, for the report
	wire  []byte
	slots []slot
}

// newRequest builds a request; an argument may contain holes, at any place.
func newRequest(args ...string) *request {
	r := &request{text: strings.Join(args, " ")}
	r.wire = fmt.Appendf(nil, "*%d\r\n", len(args))
	for _, a := range args {
		size := len(a) + strings.Count(a, holeKey)*(slotWidths[slotKey]-len(holeKey)) +
			strings.Count(a, holeTime)*(slotWidths[slotTime]-len(holeTime))
		r.wire = fmt.Appendf(r.wire, "$%d\r\n", size)
		for a != "" {
			a = r.appendPiece(a)
		}
		r.wire = append(r.wire, "\r\n"...)
	}
	return r
}

// appendPiece adds the text up to and including the next hole and returns the rest.
func (r *request) appendPiece(a string) string {
	for kind, hole := range []string{slotKey: holeKey, slotTime: holeTime} {
		if strings.HasPrefix(a, hole) {
			r.slots = append(r.slots, slot{len(r.wire), slotKind(kind)})
			r.wire = append(r.wire, strings.Repeat("0", slotWidths[kind])...)
			return a[len(hole):]
		}
	}
	next := strings.IndexByte(a[1:], '{') + 1
	if next == 0 {
		next = len(a)
	}
	r.wire = append(r.wire, a[:next]...)
	return a[next:]
}

// repeat returns depth copies of the request back to back, to be filled by fill.
func (r *request) repeat(depth int) []byte {
	return bytes.Repeat(r.wire, depth)
}

// fill writes fresh numbers into the first count requests of a repeated buffer
// and returns the bytes to send.
func (r *request) fill(buf []byte, count int, src *source) []byte {
	size := len(r.wire)
	if len(r.slots) > 0 {
		for i := range count {
			one := buf[i*size : (i+1)*size]
			for _, s := range r.slots {
				var v uint64
				if s.kind == slotKey {
					v = src.key()
				} else {
					v = src.time()
				}
				putDigits(one[s.off:s.off+slotWidths[s.kind]], v)
			}
		}
	}
	return buf[:count*size]
}

// putDigits writes v right-aligned with leading zeros.
func putDigits(dst []byte, v uint64) {
	for i := len(dst) - 1; i >= 0; i-- {
		dst[i] = byte('0' + v%10)
		v /= 10
	}
}

// brief returns the text of the request for reports, without the rest of long values.
func (q *request) brief() string {
	const most = 80
	if len(q.text) <= most {
		return q.text
	}
	return q.text[:most] + "..."
}

// source makes the numbers of one worker: keys in order or at random from
// [low, low+count), times at random from [timeLow, timeLow+timeSpan] ms.
type source struct {
	sequential        bool
	low, count, next  uint64
	timeLow, timeSpan uint64
	state             uint64 // xorshift64, never 0
}

func (s *source) random() uint64 {
	s.state ^= s.state << 13
	s.state ^= s.state >> 7
	s.state ^= s.state << 17
	return s.state
}

func (s *source) key() uint64 {
	if s.sequential {
		v := s.low + s.next%s.count
		s.next++
		return v
	}
	return s.low + s.random()%s.count
}

func (s *source) time() uint64 {
	return s.timeLow + s.random()%(s.timeSpan+1)
}

// replyCounter counts complete replies in a byte stream cut anywhere.
//
// It holds how many elements the current reply still needs (an aggregate of n
// adds n), how many bytes of a bulk still have to pass, and a header line that
// arrived in part.
type replyCounter struct {
	pending  int
	skip     int // bytes of bulk and its \r\n still to come
	line     []byte
	errors   int
	firstErr string
}

// feed takes the next bytes and returns how many replies they completed.
func (c *replyCounter) feed(b []byte) (done int, err error) {
	for len(b) > 0 {
		if c.skip > 0 {
			k := min(c.skip, len(b))
			c.skip -= k
			b = b[k:]
			if c.skip == 0 {
				done += c.leaf()
			}
			continue
		}
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			c.line = append(c.line, b...)
			return done, nil
		}
		head := b[:i]
		b = b[i+1:]
		if len(c.line) > 0 {
			head = append(c.line, head...)
			c.line = head[:0]
		}
		k, err := c.header(head)
		if err != nil {
			return done, err
		}
		done += k
	}
	return done, nil
}

// leaf ends one element; it returns 1 when that ends a reply.
func (c *replyCounter) leaf() int {
	if c.pending > 0 {
		c.pending--
	}
	if c.pending == 0 {
		return 1
	}
	return 0
}

// header handles one line without its \n.
func (c *replyCounter) header(line []byte) (done int, err error) {
	if len(line) < 2 || line[len(line)-1] != '\r' {
		return 0, fmt.Errorf("wire: not a reply: %q", line)
	}
	body := line[1 : len(line)-1]
	switch line[0] {
	case '+', ':', '_', '#', ',', '(':
		return c.leaf(), nil
	case '-':
		if c.errors++; c.firstErr == "" {
			c.firstErr = string(body)
		}
		return c.leaf(), nil
	case '$', '=', '!':
		n, err := decimal(body)
		if err != nil || n < 0 {
			return c.leaf(), err
		}
		c.skip = n + 2
		return 0, nil
	case '*', '%', '~', '>':
		n, err := decimal(body)
		if line[0] == '%' {
			n *= 2
		}
		if err != nil || n <= 0 {
			return c.leaf(), err
		}
		c.pending = max(c.pending, 1) - 1 + n
		return 0, nil
	}
	return 0, fmt.Errorf("wire: unknown reply type in %q", line)
}

func decimal(b []byte) (int, error) {
	if len(b) == 0 || len(b) > 18 {
		return 0, fmt.Errorf("wire: bad length %q", b)
	}
	n, neg := 0, b[0] == '-'
	if neg {
		b = b[1:]
	}
	for _, d := range b {
		if d < '0' || d > '9' {
			return 0, fmt.Errorf("wire: bad length %q", b)
		}
		n = n*10 + int(d-'0')
	}
	if neg {
		n = -n
	}
	return n, nil
}

// control is a plain connection for single commands. Not safe for concurrent use.
type control struct {
	conn net.Conn
	r    *bufio.Reader
}

// controlTimeout bounds one command: a FLUSHALL of the peer takes seconds.
const controlTimeout = 60 * time.Second

func dialControl(addr string) (*control, error) {
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return nil, err
	}
	return &control{conn: conn, r: bufio.NewReader(conn)}, nil
}

// do sends one command and returns its scalar reply; elements of an aggregate
// come joined by newlines, a nil as "". An error reply is an error.
func (c *control) do(args ...string) (string, error) {
	if err := c.conn.SetDeadline(time.Now().Add(controlTimeout)); err != nil {
		return "", err
	}
	if _, err := c.conn.Write(newRequest(args...).wire); err != nil {
		return "", err
	}
	s, err := c.read()
	if err != nil {
		return "", fmt.Errorf("%s: %w", args[0], err)
	}
	return s, nil
}

func (c *control) read() (string, error) {
	line, err := c.r.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimSuffix(line, "\r\n")
	if line == "" {
		return "", errors.New("wire: empty reply line")
	}
	switch line[0] {
	case '+', ':':
		return line[1:], nil
	case '-':
		return "", errors.New(line[1:])
	case '$':
		n, err := strconv.Atoi(line[1:])
		if err != nil || n < 0 {
			return "", err
		}
		b := make([]byte, n+2)
		if _, err := io.ReadFull(c.r, b); err != nil {
			return "", err
		}
		return string(b[:n]), nil
	case '*':
		n, err := strconv.Atoi(line[1:])
		parts := make([]string, 0, max(n, 0))
		for range n {
			p, err := c.read()
			if err != nil {
				return "", err
			}
			parts = append(parts, p)
		}
		return strings.Join(parts, "\n"), err
	}
	return "", fmt.Errorf("wire: unexpected reply %q", line)
}

// number is do for an integer reply.
func (c *control) number(args ...string) (int64, error) {
	s, err := c.do(args...)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(s, 10, 64)
}

// info returns the fields of INFO, of one section or ("") the default ones.
func (c *control) info(section string) (map[string]string, error) {
	args := []string{"INFO", section}
	if section == "" {
		args = args[:1]
	}
	s, err := c.do(args...)
	if err != nil {
		return nil, err
	}
	fields := map[string]string{}
	for line := range strings.Lines(s) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && !strings.HasPrefix(k, "#") {
			fields[k] = v
		}
	}
	return fields, nil
}

func (c *control) close() {
	_ = c.conn.Close() // nothing to lose: every reply has been read
}
