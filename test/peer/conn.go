package peer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"syscall"
	"time"

	"kvorum/resp"
)

// replyTimeout bounds the wait for one reply: a server that is silent for so
// long hangs.
const replyTimeout = 30 * time.Second

// Conn is a client connection that keeps replies as the bytes they were. For one
// goroutine.
type Conn struct {
	c   *net.UnixConn
	buf []byte // received and not yet taken
}

// Dial connects to the server.
func (s *Server) Dial() (*Conn, error) {
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: s.sock, Net: "unix"})
	if err != nil {
		return nil, err
	}
	return &Conn{c: c}, nil
}

// Close ends the connection.
func (c *Conn) Close() {
	_ = c.c.Close() // nothing was promised to the peer, nothing can be done
}

// Send writes bytes.
func (c *Conn) Send(b []byte) error {
	if err := c.c.SetDeadline(time.Now().Add(replyTimeout)); err != nil {
		return err
	}
	_, err := c.c.Write(b)
	return err
}

// Reply waits for the next reply and returns its bytes, which are the caller's.
// Errors: io.EOF when the server has closed the connection between replies.
func (c *Conn) Reply() ([]byte, error) {
	for {
		size, err := Span(c.buf)
		if err == nil {
			reply := bytes.Clone(c.buf[:size])
			c.buf = c.buf[size:]
			return reply, nil
		}
		if !errors.Is(err, errShort) {
			return nil, err
		}
		if err := c.receive(); err != nil {
			if len(c.buf) > 0 {
				return nil, fmt.Errorf("peer: inside the reply %.80q: %w", c.buf, err)
			}
			return nil, err
		}
	}
}

func (c *Conn) receive() error {
	const chunk = 64 << 10
	if err := c.c.SetDeadline(time.Now().Add(replyTimeout)); err != nil {
		return err
	}
	if cap(c.buf)-len(c.buf) < chunk {
		c.buf = append(make([]byte, 0, 2*len(c.buf)+chunk), c.buf...)
	}
	n, err := c.c.Read(c.buf[len(c.buf):cap(c.buf)])
	c.buf = c.buf[:len(c.buf)+n]
	if n > 0 {
		return nil
	}
	if errors.Is(err, syscall.ECONNRESET) {
		err = io.EOF // the server closed without having read all
	}
	return err
}

// Drain returns what has arrived by now, and whether the server has closed the
// connection. It does not wait.
func (c *Conn) Drain() (data []byte, closed bool, err error) {
	raw, err := c.c.SyscallConn()
	if err != nil {
		return nil, false, err
	}
	if err := c.c.SetDeadline(time.Now().Add(replyTimeout)); err != nil {
		return nil, false, err
	}
	data, c.buf = bytes.Clone(c.buf), nil
	chunk := make([]byte, 64<<10)
	for {
		var n int
		var readErr error
		if err := raw.Read(func(fd uintptr) bool {
			n, readErr = syscall.Read(int(fd), chunk)
			return true
		}); err != nil {
			return data, false, err
		}
		switch {
		case n > 0:
			data = append(data, chunk[:n]...)
		case readErr == nil || errors.Is(readErr, syscall.ECONNRESET):
			return data, true, nil
		case errors.Is(readErr, syscall.EAGAIN):
			return data, false, nil
		case !errors.Is(readErr, syscall.EINTR):
			return data, false, readErr
		}
	}
}

// Do sends a command and parses its reply.
func (c *Conn) Do(words ...string) (resp.Value, error) {
	if err := c.Send(resp.AppendCommandStrings(nil, words...)); err != nil {
		return resp.Value{}, err
	}
	raw, err := c.Reply()
	if err != nil {
		return resp.Value{}, err
	}
	return Parse(raw)
}

// Must is Do for a command that has to work: an error reply is an error.
func (c *Conn) Must(words ...string) (resp.Value, error) {
	v, err := c.Do(words...)
	if err == nil && v.IsError() {
		err = fmt.Errorf("peer: %q: %s", words, v.Str)
	}
	return v, err
}

// Parse turns the bytes of a reply into a value.
func Parse(raw []byte) (resp.Value, error) {
	return resp.NewReplyReader(bytes.NewReader(raw)).Read()
}

// errShort: the bytes end inside a reply.
var errShort = errors.New("peer: the reply is not complete")

// depthMax bounds nesting, so that garbage cannot exhaust the stack.
const depthMax = 64

// Span returns the size of the reply that b begins with.
func Span(b []byte) (size int, err error) { return span(b, 0) }

func span(b []byte, depth int) (int, error) {
	end := bytes.Index(b, []byte("\r\n"))
	if end < 0 {
		return 0, errShort
	}
	if end == 0 || depth > depthMax {
		return 0, fmt.Errorf("peer: not a reply: %.80q", b)
	}
	size := end + 2
	switch b[0] {
	case '+', '-', ':', '_', ',', '#', '(':
		return size, nil
	case '$', '=', '!', '*', '~', '>', '%', '|':
	default:
		return 0, fmt.Errorf("peer: not a reply: %.80q", b)
	}
	n, err := strconv.Atoi(string(b[1:end]))
	if err != nil || n < -1 {
		return 0, fmt.Errorf("peer: bad count in %.80q", b)
	}
	switch b[0] {
	case '$', '=', '!':
		if n < 0 {
			return size, nil
		}
		if size += n + 2; len(b) < size {
			return 0, errShort
		}
		return size, nil
	case '%':
		n *= 2
	case '|':
		n = 2*n + 1 // and the reply that it belongs to
	}
	for range n {
		part, err := span(b[size:], depth+1)
		if err != nil {
			return 0, err
		}
		size += part
	}
	return size, nil
}
