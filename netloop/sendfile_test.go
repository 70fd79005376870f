package netloop

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// fileSender sends a file as its user is to: straight where that works, else by copies.
type fileSender struct {
	c      *Conn
	f      *os.File
	at     int
	size   int
	short  int // times that the socket was full
	copied int // bytes
	done   func()
}

func (s *fileSender) next() {
	for s.at < s.size && !s.c.Closing() {
		if s.c.PendingOut() > 0 {
			s.c.Drained(s.next)
			return
		}
		n, ok := s.c.SendFile(s.f, int64(s.at), s.size-s.at)
		s.at += n
		switch {
		case !ok:
			b := make([]byte, min(s.size-s.at, 100_000))
			if _, err := s.f.ReadAt(b, int64(s.at)); err != nil {
				panic(err)
			}
			s.c.Send(b)
			s.at += len(b)
			s.copied += len(b)
		case s.at < s.size:
			s.short++
			s.c.Writable(s.next)
			return
		}
	}
	s.done()
}

func spooled(t testing.TB, b []byte) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
	return f
}

// A file goes out whole and in its place among other output, however little the socket
// takes at a time.
func TestSendFileKeepsOrder(t *testing.T) {
	const size = 24 << 20
	want := pattern(3, size)
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			s := start(t, Config{}, &script{})
			ln := listen(t, s, network)
			client := dial(t, ln)
			c := theConn(t, s.Loops()[0])
			sender := &fileSender{c: c, f: spooled(t, want), size: size}
			sender.done = func() { c.Send([]byte("behind")) }
			on(t, c.Loop(), func() {
				c.Send([]byte("before"))
				if n, ok := c.SendFile(sender.f, 0, size); n != 0 || !ok {
					t.Errorf("%d bytes sent past what waits (%v)", n, ok)
				}
				sender.next()
			})
			expect(t, client, []byte("before"))
			expect(t, client, want)
			expect(t, client, []byte("behind"))
			on(t, c.Loop(), func() {
				if sender.copied < size && (sender.copied > 0 || sender.short == 0) {
					t.Errorf("%d bytes copied, the socket was full %d times", sender.copied, sender.short)
				}
				if c.out != nil {
					t.Error("a queue is left")
				}
			})
		})
	}
}

// Who waits to go on is told when the peer hangs up instead.
func TestSendFileToOneWhoGoes(t *testing.T) {
	const size = 24 << 20
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			s := start(t, Config{}, &script{})
			ln := listen(t, s, network)
			client := dial(t, ln)
			c := theConn(t, s.Loops()[0])
			ended := make(chan struct{})
			sender := &fileSender{c: c, f: spooled(t, pattern(4, size)), size: size, done: func() { close(ended) }}
			on(t, c.Loop(), sender.next)
			if _, err := io.CopyN(io.Discard, client, 1<<20); err != nil && !errors.Is(err, net.ErrClosed) {
				t.Fatal(err)
			}
			client.Close()
			<-ended
		})
	}
}
