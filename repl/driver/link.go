package driver

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"kvorum/repl"
	"kvorum/resp"
)

const (
	dialTimeout  = 5 * time.Second
	writeTimeout = 5 * time.Second
	readSize     = 1 << 20
	lineMost     = 64 << 10
	// heardEvery bounds how often the machine is told that bytes have come.
	heardEvery = 200 * time.Millisecond
	// While the stream is held up it is read at most so far ahead, and the goroutine
	// looks so often whether that is over.
	heldMost = 64 << 20
	heldLook = 20 * time.Millisecond
)

// Dialer connects to a master.
type Dialer func(host string, port int, timeout time.Duration) (net.Conn, error)

// link is one connection to the master, or an attempt. Its goroutine reads; run writes.
type link struct {
	d       *Driver
	mu      sync.Mutex // guards conn and closed
	conn    net.Conn
	closed  bool
	orders  chan repl.Action // Receive and Apply, from run
	over    chan struct{}    // closed by hangup
	ended   chan struct{}    // closed when the goroutine has
	heardAt atomic.Int64     // monotonic ms when the machine was told last
	in      *bufio.Reader
}

// askedAck is the event that the master wants an acknowledgement now; the machine has a
// method of its own for it.
type askedAck struct{ repl.LinkActive }

// doLink carries out the actions of a replica.
func (d *Driver) doLink(a repl.Action) {
	switch a := a.(type) {
	case repl.Dial:
		d.hangup()
		d.link = newLink(d, a)
	case repl.Hangup:
		d.hangup()
	case repl.Send:
		if d.link != nil {
			d.link.send(a.Args)
		}
	case repl.Receive, repl.Apply:
		if d.link != nil {
			select {
			case d.link.orders <- a:
			case <-d.link.ended:
			}
		}
	case repl.Adopt:
		d.node.Adopt(a.Offset)
	case repl.Discard:
		d.node.Discard()
	default:
		panic(fmt.Sprintf("driver: unknown action %T", a))
	}
}

// hangup ends the link; when it returns its goroutine has ended.
func (d *Driver) hangup() {
	if d.link != nil {
		d.link.close()
		<-d.link.ended
		d.link = nil
	}
}

func newLink(d *Driver, to repl.Dial) *link {
	l := &link{d: d, orders: make(chan repl.Action, 2), over: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(l.ended)
		if err := l.run(to); err != nil {
			var corrupt corruptError
			l.post(repl.LinkDown{Reason: reason(err), Corrupt: errors.As(err, &corrupt)})
		}
		l.close()
	}()
	return l
}

// reason words an error as the operating system does.
func reason(err error) string {
	var number syscall.Errno
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection lost"
	case errors.As(err, &number):
	case errors.Is(err, os.ErrDeadlineExceeded):
		number = syscall.ETIMEDOUT
	default:
		return err.Error()
	}
	text := number.Error()
	return strings.ToUpper(text[:1]) + text[1:]
}

func (l *link) post(e repl.Event) { l.d.post(posted{event: e, link: l}) }

// close ends the connection. By any goroutine.
func (l *link) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.closed = true
	close(l.over)
	if l.conn != nil {
		l.conn.Close()
	}
}

// send writes a request. An error shows when reading.
func (l *link) send(args []string) {
	b := resp.AppendCommandStrings(nil, args...)
	if len(args) == 1 && args[0] == "SYNC" {
		b = []byte("SYNC\r\n")
	}
	l.write(b)
}

func (l *link) write(b []byte) {
	l.mu.Lock()
	conn := l.conn
	l.mu.Unlock()
	if conn != nil {
		conn.SetWriteDeadline(time.Now().Add(writeTimeout))
		conn.Write(b)
	}
}

// heard tells the machine that the master lives, not too often.
func (l *link) heard() {
	now := l.d.node.NowMs()
	if last := l.heardAt.Load(); now-last >= heardEvery.Milliseconds() {
		l.heardAt.Store(now)
		l.post(repl.LinkActive{})
	}
}

// run is the goroutine of a link: the handshake line by line, then the payload if there
// is to be one, then the stream.
func (l *link) run(to repl.Dial) error {
	conn, err := l.d.dial(to.Host, to.Port, dialTimeout)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.conn = conn
	closed := l.closed
	l.mu.Unlock()
	if closed {
		conn.Close()
		return nil
	}
	l.in = bufio.NewReaderSize(conn, readSize)
	l.post(repl.LinkUp{})
	for {
		line, err := l.line()
		if err != nil {
			return err
		}
		l.post(repl.LinkLine{Line: line})
		// What follows is a payload or the stream only after certain lines: then nothing
		// may be read before the machine has said what it is.
		if strings.HasPrefix(line, "+CONTINUE") || strings.HasPrefix(line, "$") {
			break
		}
	}
	for {
		select {
		case <-l.over:
			return nil
		case a := <-l.orders:
			switch a := a.(type) {
			case repl.Receive:
				if err := l.receive(a); err != nil {
					return err
				}
			case repl.Apply:
				return l.apply()
			}
		}
	}
}

// line reads a line of the handshake, without its end.
func (l *link) line() (string, error) {
	var b []byte
	for {
		part, err := l.in.ReadSlice('\n')
		b = append(b, part...)
		if err == nil {
			return strings.TrimRight(string(b), "\r\n"), nil
		}
		if err != bufio.ErrBufferFull || len(b) > lineMost {
			return "", err
		}
	}
}

// receive takes a payload and loads it.
func (l *link) receive(a repl.Receive) error {
	body := io.Reader(io.LimitReader(l.in, a.Size))
	var marked *markReader
	size := a.Size
	if a.Mark != "" {
		marked = &markReader{in: l.in, mark: []byte(a.Mark)}
		body, size = marked, 0
	}
	keys, kept, err := l.d.node.Load(&heardReader{body, l}, size, l.alive)
	if err == nil {
		_, err = io.Copy(io.Discard, body) // what is behind the end of the data
	}
	if err != nil {
		l.post(repl.Loaded{Reason: err.Error()})
		return nil
	}
	l.post(repl.Loaded{OK: true, Keys: keys, Kept: kept})
	return nil
}

// alive keeps both ends from thinking that the other one is gone, while loading.
func (l *link) alive() {
	l.heard()
	l.write([]byte("\n"))
}

// heardReader tells the machine of bytes that come.
type heardReader struct {
	in io.Reader
	l  *link
}

func (r *heardReader) Read(p []byte) (int, error) {
	n, err := r.in.Read(p)
	if n > 0 {
		r.l.heard()
	}
	return n, err
}

// markReader reads up to a mark, which it swallows.
type markReader struct {
	in   *bufio.Reader
	mark []byte
	done bool
}

func (r *markReader) Read(p []byte) (int, error) {
	if r.done {
		return 0, io.EOF
	}
	if _, err := r.in.Peek(len(r.mark)); err != nil {
		return 0, err
	}
	have, _ := r.in.Peek(r.in.Buffered())
	if at := bytes.Index(have, r.mark); at == 0 {
		r.in.Discard(len(r.mark))
		r.done = true
		return 0, io.EOF
	} else if at > 0 {
		have = have[:at]
	} else {
		// The mark may begin in the last bytes; of as many as it has one is safe.
		have = have[:len(have)-len(r.mark)+1]
	}
	n := copy(p, have)
	r.in.Discard(n)
	return n, nil
}

// corruptError: what came from the master is no stream.
type corruptError struct{ error }

// apply executes the stream as it comes.
func (l *link) apply() error {
	l.d.node.BeginApply(l.conn)
	defer l.d.node.EndApply()
	buf := make([]byte, readSize)
	filled, held := 0, false
	for {
		enough := held && filled >= heldMost
		if filled == len(buf) && !enough { // a command larger than the buffer, or many that wait
			buf = append(buf, make([]byte, len(buf))...)
		}
		n, err := l.read(buf[filled:], held, enough)
		if err != nil {
			return err
		}
		filled += n
		if held = l.d.node.Hold(filled); held {
			continue
		}
		used, asked, err := l.d.node.Apply(buf[:filled])
		if err != nil {
			return corruptError{err}
		}
		copy(buf, buf[used:filled])
		filled -= used
		if asked {
			l.post(askedAck{})
		}
		held = filled > 0 && l.d.node.Hold(filled) // since when Apply does nothing
		if len(buf) > readSize && filled < readSize/2 {
			buf = append(make([]byte, 0, readSize), buf[:filled]...)[:readSize]
		}
	}
}

// read reads some of the stream. While that is held up it waits for a short while only,
// and when enough is waiting it reads nothing: the master's end then keeps the rest.
func (l *link) read(buf []byte, held, enough bool) (int, error) {
	if !held {
		n, err := l.in.Read(buf)
		if err == nil {
			l.heard()
		}
		return n, err
	}
	if enough {
		select {
		case <-l.over:
			return 0, net.ErrClosed
		case <-time.After(heldLook):
		}
		l.heard()
		return 0, nil
	}
	if err := l.conn.SetReadDeadline(time.Now().Add(heldLook)); err != nil {
		return 0, err
	}
	n, err := l.in.Read(buf)
	if err == nil {
		l.heard()
	} else if errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	if err == nil {
		err = l.conn.SetReadDeadline(time.Time{})
	}
	return n, err
}
