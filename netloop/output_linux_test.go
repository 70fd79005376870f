//go:build linux && !portable

package netloop

import (
	"bytes"
	"sync"
	"testing"
)

// A reply of many megabytes is written in pieces, so that the others of the loop
// need not wait for all that the system's buffers take at once.
func TestLargeReplyIsWrittenInPieces(t *testing.T) {
	const size = 64 << 20
	var mu sync.Mutex
	var pending []int
	cfg := Config{Pending: func(_ *Loop, _ *Conn, n int) {
		mu.Lock()
		defer mu.Unlock()
		pending = append(pending, n)
	}}
	s := start(t, cfg, &script{})
	ln := listen(t, s, "tcp")
	client := dial(t, ln)
	c := theConn(t, s.Loops()[0])
	want := pattern(5, size)
	on(t, c.Loop(), func() { c.Give(bytes.Clone(want[:size/2])); c.Send(want[size/2:]) })
	expect(t, client, want)
	mu.Lock()
	defer mu.Unlock()
	if len(pending) == 0 {
		t.Fatal("nothing had to wait")
	}
	last := size
	for _, n := range pending {
		if last-n > flushMax {
			t.Fatalf("%d bytes were written at once", last-n)
		}
		last = n
	}
}

// Connections that another loop hands over are opened in slices.
func TestArrivalsLetOthersThrough(t *testing.T) {
	const count = 300
	var opened, at int // on loop 1 only
	h := &script{open: func(l *Loop, c *Conn) bool {
		if l.ID == 1 {
			opened++
		}
		return true
	}}
	s := start(t, Config{Loops: 2}, h)
	ln, err := s.Listen("tcp", "127.0.0.1:0", 2*count)
	if err != nil {
		t.Fatal(err)
	}
	other := s.Loops()[1]
	release := hold(other)
	for range count {
		dial(t, ln)
	}
	await(t, "half of them handed over", func() bool { return other.Len() == count/2 })
	other.Post(func() { at = opened })
	release()
	await(t, "all open", func() bool { return h.opened.Load() == count })
	on(t, other, func() {
		if at > acceptsMax {
			t.Errorf("%d connections were opened before a function that was posted after them", at)
		}
	})
}
