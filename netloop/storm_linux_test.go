//go:build linux && !portable

package netloop

import (
	"net"
	"sync/atomic"
	"syscall"
	"testing"
)

// hold keeps the loop busy until the returned function is called.
func hold(l *Loop) (release func()) {
	held, done := make(chan struct{}), make(chan struct{})
	l.Post(func() { close(held); <-done })
	<-held
	return func() { close(done) }
}

// Hundreds of connections that end at once do not keep others waiting: a request
// that came last is served after a slice of them. So is one that came after
// hundreds of connections that wait to be accepted.
func TestStormsLetOthersThrough(t *testing.T) {
	const count, slice = 300, max(hangupsMax, acceptsMax)
	h := &script{}
	var ended, opened atomic.Int64 // when the request was served
	h.serve = func(l *Loop, c *Conn, in []byte) (int, int) {
		if string(in) == "now" {
			ended.Store(h.ended.Load())
			opened.Store(h.opened.Load())
			l.Out = append(l.Out, "done"...)
		}
		return len(in), 0
	}
	s := start(t, Config{}, h)
	l := s.Loops()[0]
	ln, err := s.Listen("tcp", "127.0.0.1:0", count)
	if err != nil {
		t.Fatal(err)
	}
	other := dial(t, ln)
	request := func() {
		t.Helper()
		write(t, other, []byte("now"))
	}

	release := hold(l)
	storm := make([]net.Conn, count)
	for i := range storm {
		storm[i] = dial(t, ln)
	}
	request()
	release()
	expect(t, other, []byte("done"))
	if n := opened.Load(); n > 1+slice {
		t.Errorf("%d connections were opened before the request of an old one was served", n-1)
	}
	await(t, "all open", func() bool { return h.opened.Load() == 1+count })

	release = hold(l)
	for _, c := range storm {
		c.Close()
	}
	request()
	release()
	expect(t, other, []byte("done"))
	if n := ended.Load(); n > slice {
		t.Errorf("%d connections were closed before the request of another was served", n)
	}
	await(t, "all closed", func() bool { return h.ended.Load() == count })
}

// Requests that arrive together with the end of the stream are served, whatever
// the number of connections that end.
func TestLastWordsInAStorm(t *testing.T) {
	const count = 5 * hangupsMax
	h := &script{}
	s := start(t, Config{}, h)
	ln, err := s.Listen("tcp", "127.0.0.1:0", count)
	if err != nil {
		t.Fatal(err)
	}
	conns := make([]net.Conn, count)
	for i := range conns {
		conns[i] = dial(t, ln)
	}
	await(t, "all open", func() bool { return h.opened.Load() == count })
	release := hold(s.Loops()[0])
	for _, c := range conns {
		write(t, c, frame([]byte("last words")))
		if err := c.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
	}
	release()
	for _, c := range conns {
		expect(t, c, frame([]byte("last words")))
		expectEnd(t, c)
	}
}

// A connection that ended makes room for the one that takes its place, also when
// the loop learns of many of both at once: whoever counts connections never sees
// more than there were.
func TestEndedConnectionsMakeRoomFirst(t *testing.T) {
	const count = 4 * hangupsMax
	h := &script{}
	var most atomic.Int64
	h.open = func(*Loop, *Conn) bool {
		if n := h.opened.Load() - h.ended.Load() + 1; n > most.Load() {
			most.Store(n)
		}
		return true
	}
	s := start(t, Config{}, h)
	ln, err := s.Listen("tcp", "127.0.0.1:0", count)
	if err != nil {
		t.Fatal(err)
	}
	conns := make([]net.Conn, count)
	for i := range conns {
		conns[i] = dial(t, ln)
	}
	await(t, "all open", func() bool { return h.opened.Load() == count })
	release := hold(s.Loops()[0])
	for _, c := range conns {
		c.Close()
	}
	for i := range conns {
		conns[i] = dial(t, ln)
	}
	release()
	await(t, "all open again", func() bool { return h.opened.Load() == 2*count })
	if n := most.Load(); n > count {
		t.Errorf("%d connections at a time, want at most %d", n, count)
	}
}

// A mark is set where that is allowed, and never an error.
func TestSocketMark(t *testing.T) {
	s := start(t, Config{}, &script{})
	ln, err := s.ListenWith(ListenOptions{Network: "tcp", Addr: "127.0.0.1:0", Backlog: 16, Mark: 77})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(plain)
	want := 77
	if err := syscall.SetsockoptInt(plain, syscall.SOL_SOCKET, syscall.SO_MARK, 77); err != nil {
		t.Logf("no mark here: %v", err)
		want = 0
	}
	dial(t, ln)
	c := theConn(t, s.Loops()[0])
	on(t, c.Loop(), func() {
		if v, err := syscall.GetsockoptInt(c.FD(), syscall.SOL_SOCKET, syscall.SO_MARK); err != nil || v != want {
			t.Errorf("mark %d (%v), want %d", v, err, want)
		}
	})
}
