package netloop

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// patience bounds every wait of the tests; reaching it is a failure.
const patience = 30 * time.Second

// script is a Handler made of functions; nil ones do the obvious.
type script struct {
	open   func(l *Loop, c *Conn) bool
	serve  func(l *Loop, c *Conn, in []byte) (int, int)
	closed func(l *Loop, c *Conn)
	tick   func(l *Loop, now int64) time.Duration

	opened atomic.Int64
	ended  atomic.Int64
	served atomic.Int64
	mu     sync.Mutex
	live   map[*Conn]bool
	broken string // the first broken promise
}

func (h *script) Open(l *Loop, c *Conn) bool {
	if c.Loop() != l {
		h.fault("Open on a loop that is not the connection's")
	}
	if h.open != nil && !h.open(l, c) {
		return false
	}
	h.mu.Lock()
	if h.live == nil {
		h.live = map[*Conn]bool{}
	}
	h.live[c] = true
	h.mu.Unlock()
	h.opened.Add(1)
	return true
}

func (h *script) Serve(l *Loop, c *Conn, in []byte) (int, int) {
	h.served.Add(1)
	if len(in) == 0 || len(l.Out) != 0 {
		h.fault("Serve without input, or with output")
	}
	if c.Paused() || c.Closing() {
		h.fault("Serve of a paused or closing connection")
	}
	h.mu.Lock()
	if !h.live[c] {
		h.broken = "Serve of a connection that is not open"
	}
	h.mu.Unlock()
	if h.serve == nil {
		return serveFrames(l, in)
	}
	return h.serve(l, c, in)
}

func (h *script) Closed(l *Loop, c *Conn) {
	h.mu.Lock()
	if !h.live[c] {
		h.broken = "Closed of a connection that is not open"
	}
	delete(h.live, c)
	h.mu.Unlock()
	h.ended.Add(1)
	if h.closed != nil {
		h.closed(l, c)
	}
}

func (h *script) Tick(l *Loop, now int64) time.Duration {
	if h.tick != nil {
		return h.tick(l, now)
	}
	return -1
}

func (h *script) fault(text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.broken == "" {
		h.broken = text
	}
}

// serveFrames echoes frames: four bytes of length, then as many bytes.
func serveFrames(l *Loop, in []byte) (consumed, need int) {
	for {
		rest := in[consumed:]
		if len(rest) < 4 {
			return consumed, 0
		}
		size := 4 + int(binary.BigEndian.Uint32(rest))
		if len(rest) < size {
			return consumed, size
		}
		l.Out = append(l.Out, rest[:size]...)
		consumed += size
	}
}

func frame(payload []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(payload))), payload...)
}

// pattern returns n bytes that differ from those of another seed.
func pattern(seed uint64, n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// start runs a server and checks at the end that it kept its promises.
func start(t testing.TB, cfg Config, h *script) *Server {
	t.Helper()
	if cfg.Loops == 0 {
		cfg.Loops = 1
	}
	s, err := New(cfg, h)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		shutdown(t, s)
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.broken != "" {
			t.Error(h.broken)
		}
		if o, e := h.opened.Load(), h.ended.Load(); o != e {
			t.Errorf("%d connections opened, Closed called %d times", o, e)
		}
	})
	return s
}

func shutdown(t testing.TB, s *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

func listen(t testing.TB, s *Server, network string) *Listener {
	t.Helper()
	addr := "127.0.0.1:0"
	if network == "unix" {
		addr = filepath.Join(t.TempDir(), "s")
	}
	ln, err := s.Listen(network, addr, 511)
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

func dial(t testing.TB, ln *Listener) net.Conn {
	t.Helper()
	network := "tcp"
	if ln.file.path != "" {
		network = "unix"
	}
	c, err := net.Dial(network, ln.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return c
}

func write(t testing.TB, c net.Conn, b []byte) {
	t.Helper()
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
}

func expect(t testing.TB, c net.Conn, want []byte) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(c, got); err != nil {
		t.Fatalf("read %d of %d bytes: %v", n, len(want), err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("read %.60q, want %.60q", got, want)
	}
}

// expectEnd waits for the server to close, by FIN or RST.
func expectEnd(t testing.TB, c net.Conn) {
	t.Helper()
	n, err := c.Read(make([]byte, 1))
	if ne, ok := err.(net.Error); n > 0 || err == nil || ok && ne.Timeout() {
		t.Fatalf("read %d bytes, %v; want the end", n, err)
	}
}

// on runs fn on the loop and waits for it.
func on(t testing.TB, l *Loop, fn func()) {
	t.Helper()
	done := make(chan struct{})
	if !l.Post(func() { fn(); close(done) }) {
		t.Fatal("Post refused")
	}
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("posted function did not run")
	}
}

// await polls a condition.
func await(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !cond(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("not reached: %s", what)
		}
	}
}

// awaitOn polls a condition on the loop.
func awaitOn(t testing.TB, l *Loop, what string, cond func() bool) {
	t.Helper()
	await(t, what, func() (ok bool) {
		on(t, l, func() { ok = cond() })
		return ok
	})
}

// theConn waits for the only connection of the loop.
func theConn(t testing.TB, l *Loop) (c *Conn) {
	t.Helper()
	awaitOn(t, l, "a connection", func() bool {
		l.Each(func(one *Conn) bool { c = one; return true })
		return c != nil
	})
	return c
}

var networks = []string{"tcp", "unix"}

// A request cut at any byte must be answered as if it came whole: what could
// break is the rest kept between reads.
func TestEchoAtEverySplit(t *testing.T) {
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			h := &script{}
			s := start(t, Config{}, h)
			stream := append(append(frame(pattern(1, 40)), frame(nil)...), frame(pattern(2, 90))...)
			client := dial(t, listen(t, s, network))
			c := theConn(t, s.Loops()[0])
			for cut := 1; cut < len(stream); cut++ {
				write(t, client, stream[:cut])
				rest := cut
				for rest >= 4 {
					size := 4 + int(binary.BigEndian.Uint32(stream[cut-rest:]))
					if rest < size {
						break
					}
					expect(t, client, stream[cut-rest:cut-rest+size])
					rest -= size
				}
				awaitOn(t, c.Loop(), "the rest to be kept", func() bool { return c.InputBuffered() == rest })
				write(t, client, stream[cut:])
				expect(t, client, stream[cut-rest:])
			}
			awaitOn(t, c.Loop(), "buffers to be given back", func() bool { c.TrimInput(true); return c.BufferBytes() == 0 })
		})
	}
}

// A long pipeline of frames of all sizes must come back in order, whatever cuts
// the reads make, through prefix and direct mode.
func TestPipelineKeepsOrder(t *testing.T) {
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			s := start(t, Config{Loops: 2}, &script{})
			ln := listen(t, s, network)
			var all sync.WaitGroup
			for seed := range uint64(4) {
				client := dial(t, ln)
				var stream []byte
				r := rand.New(rand.NewPCG(seed, 2))
				for len(stream) < 3<<20 {
					size := r.IntN(100)
					switch r.IntN(50) {
					case 0:
						size = r.IntN(100 << 10)
					case 1:
						size = r.IntN(20 << 10)
					}
					stream = append(stream, frame(pattern(r.Uint64(), size))...)
				}
				all.Go(func() {
					for b := stream; len(b) > 0; {
						n := min(len(b), 1+r.IntN(200<<10))
						if _, err := client.Write(b[:n]); err != nil {
							t.Errorf("seed %d: %v", seed, err)
							return
						}
						b = b[n:]
					}
				})
				all.Go(func() {
					got := make([]byte, len(stream))
					if n, err := io.ReadFull(client, got); err != nil || !bytes.Equal(got, stream) {
						t.Errorf("seed %d: %d of %d bytes came back, %v, or differ", seed, n, len(got), err)
					}
				})
			}
			all.Wait()
		})
	}
}

// A client that does not read must cost memory only: others are served, nothing
// of its output is lost, and the buffers go back when it has read.
func TestSlowReaderLosesNothing(t *testing.T) {
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			var told atomic.Int64
			s := start(t, Config{Pending: func(_ *Loop, _ *Conn, n int) { told.Store(int64(n)) }}, &script{})
			ln := listen(t, s, network)
			slow := dial(t, ln)
			c := theConn(t, s.Loops()[0])
			const count = 24
			var stream []byte
			for i := range uint64(count) {
				stream = append(stream, frame(pattern(i, 1<<20))...)
			}
			sent := make(chan error, 1)
			go func() {
				_, err := slow.Write(stream)
				sent <- err
			}()
			awaitOn(t, c.Loop(), "pending output", func() bool { return c.PendingOut() > 8<<20 })
			if told.Load() == 0 {
				t.Error("Pending was not called")
			}
			other := dial(t, ln)
			for range 10 {
				write(t, other, frame([]byte("hello")))
				expect(t, other, frame([]byte("hello")))
			}
			expect(t, slow, stream)
			if err := <-sent; err != nil {
				t.Fatal(err)
			}
			awaitOn(t, c.Loop(), "buffers to be given back", func() bool {
				c.TrimInput(true)
				return c.PendingOut() == 0 && c.BufferBytes() == 0
			})
		})
	}
}

// The hook of pending output can close the connection, as a client output buffer
// limit does, also in the middle of a batch.
func TestPendingHookCloses(t *testing.T) {
	h := &script{}
	s := start(t, Config{Pending: func(_ *Loop, c *Conn, n int) {
		if n > 4<<20 {
			c.Close()
		}
	}}, h)
	client := dial(t, listen(t, s, "tcp"))
	go func() {
		b := frame(make([]byte, 1<<20))
		for range 64 {
			if _, err := client.Write(b); err != nil {
				return
			}
		}
	}()
	await(t, "the end of the slow client", func() bool { return h.ended.Load() == 1 })
}

// A large request is served when it is complete, without calls in between, and
// its buffer is not kept.
func TestBigBulk(t *testing.T) {
	h := &script{}
	s := start(t, Config{}, h)
	client := dial(t, listen(t, s, "tcp"))
	for i, size := range []int{readSize - 4, readSize, 100 << 10, 1 << 20, 40 << 20} {
		before := h.served.Load()
		b := frame(pattern(uint64(i), size))
		go client.Write(b)
		expect(t, client, b)
		if n := h.served.Load() - before; n > 4 {
			t.Errorf("%d bytes: Serve called %d times", size, n)
		}
	}
	c := theConn(t, s.Loops()[0])
	awaitOn(t, c.Loop(), "buffers to be given back", func() bool { c.TrimInput(true); return c.BufferBytes() == 0 })
}

// Who sends in parts keeps a buffer: it follows what is used, and ends with idleness.
func TestGrantedInputFollowsUse(t *testing.T) {
	s := start(t, Config{}, &script{})
	client := dial(t, listen(t, s, "tcp"))
	c := theConn(t, s.Loops()[0])
	holds := func(what string, least, most int) {
		t.Helper()
		awaitOn(t, c.Loop(), what, func() bool { n := c.BufferBytes(); return n >= least && n <= most })
	}
	trim := func(idle bool) { on(t, c.Loop(), func() { c.TrimInput(idle) }) }
	split := func(b []byte) {
		write(t, client, b[:len(b)/2])
		awaitOn(t, c.Loop(), "a half", func() bool { return c.InputBuffered() == len(b)/2 })
		write(t, client, b[len(b)/2:])
		expect(t, client, b)
	}
	holds("nothing, being new", 0, 0)
	split(frame(pattern(1, 100)))
	holds("a buffer after a split request", grantMin, grantMin)
	trim(false)
	holds("it still, as it is not idle", grantMin, grantMin)
	split(frame(pattern(2, 400<<10)))
	holds("a larger one after a large request", 400<<10, 800<<10)
	trim(false) // the period of the large request
	trim(false)
	holds("a small one again, not having used that", grantMin, grantMin)
	trim(true)
	holds("nothing, being idle", 0, 0)
}

// N6: announcements are believed within grantsMax, however many there are, and an idle
// client that announced and did not send gives the room back.
func TestBelievedLengthsAreBounded(t *testing.T) {
	const clients, announced = 32, 1000 << 10
	s := start(t, Config{Loops: 1}, &script{})
	ln := listen(t, s, "tcp")
	lie := append(binary.BigEndian.AppendUint32(nil, announced), 0)
	for range clients {
		write(t, dial(t, ln), lie)
	}
	loop := s.Loops()[0]
	total, most := 0, 0
	awaitOn(t, loop, "the announcements", func() bool {
		heard := 0
		total, most = 0, 0
		loop.Each(func(c *Conn) bool {
			total, most = total+c.BufferBytes(), max(most, c.BufferBytes())
			if c.InputBuffered() == len(lie) {
				heard++
			}
			return true
		})
		return heard == clients
	})
	if most < announced {
		t.Errorf("nobody was believed: at most %d bytes", most)
	}
	if limit := grantsMax + clients*bufferMin; total > limit {
		t.Errorf("%d bytes for announcements, want at most %d", total, limit)
	}
	on(t, loop, func() {
		loop.Each(func(c *Conn) bool {
			c.TrimInput(true)
			if n := c.BufferBytes(); n > bufferMin {
				t.Errorf("idle, one holds %d bytes", n)
			}
			return true
		})
	})
}

// N6: announcing half a gigabyte costs what was sent, not what was announced.
func TestLyingLengthCostsLittle(t *testing.T) {
	s := start(t, Config{}, &script{})
	client := dial(t, listen(t, s, "tcp"))
	c := theConn(t, s.Loops()[0])
	lie := binary.BigEndian.AppendUint32(nil, 512<<20)
	received := 0
	for _, more := range []int{0, 100, 40 << 10, 100 << 10, 1 << 20} {
		b := append(lie, make([]byte, more)...)
		lie = nil
		write(t, client, b)
		received += len(b)
		bytes := 0
		awaitOn(t, c.Loop(), "the input", func() bool {
			bytes = c.BufferBytes()
			return c.InputBuffered() == received
		})
		if limit := max(bufferMin, growFactorLarge*received); bytes > limit {
			t.Errorf("%d bytes received, %d allocated, want at most %d", received, bytes, limit)
		}
	}
}

// N5: input that Serve does not consume is limited; the handler is told.
func TestInputLimitCloses(t *testing.T) {
	for _, size := range []int{20 << 10, 300 << 10} {
		var told atomic.Int64
		h := &script{}
		s := start(t, Config{
			MaxInput: func() int64 { return int64(size) },
			Overflow: func(_ *Loop, _ *Conn, in []byte) { told.Store(int64(len(in))) },
		}, h)
		ln := listen(t, s, "tcp")
		client := dial(t, ln)
		ok := frame(pattern(1, size-4))
		write(t, client, ok)
		expect(t, client, ok)
		bad := frame(pattern(2, size+1))
		go client.Write(bad[:len(bad)-1])
		expectEnd(t, client)
		await(t, "Closed", func() bool { return h.ended.Load() == 1 })
		if told.Load() <= int64(size) {
			t.Errorf("told %d bytes, limit %d", told.Load(), size)
		}
	}
}

// Who watches the memory of connections is told of all input that is kept, and may
// close the connection there and then.
func TestKeptIsToldOfGrowingInput(t *testing.T) {
	const limit = 300 << 10
	for _, size := range []int{10 << 10, 100 << 10, 1 << 20} {
		var most atomic.Int64
		h := &script{}
		s := start(t, Config{Kept: func(_ *Loop, c *Conn) {
			if n := int64(c.InputBuffered()); n > most.Load() {
				most.Store(n)
			}
			if c.InputBuffered() > limit {
				c.Close()
			}
		}}, h)
		client := dial(t, listen(t, s, "tcp"))
		request := frame(pattern(3, size))
		part := request[:len(request)-1]
		if len(part) > limit {
			go client.Write(part)
			expectEnd(t, client)
			await(t, "Closed", func() bool { return h.ended.Load() == 1 })
			continue
		}
		write(t, client, part)
		await(t, "all of it", func() bool { return most.Load() == int64(len(part)) })
		write(t, client, request[len(part):])
		expect(t, client, request)
	}
}

// A handler that stops early is called again, after the others had their turn.
func TestAgainSharesTheLoop(t *testing.T) {
	var order []byte // on the loop only
	h := &script{serve: func(l *Loop, c *Conn, in []byte) (int, int) {
		order = append(order, in[0])
		l.Out = append(l.Out, in[0])
		return 1, Again
	}}
	s := start(t, Config{}, h)
	ln := listen(t, s, "tcp")
	a, b := dial(t, ln), dial(t, ln)
	l := s.Loops()[0]
	awaitOn(t, l, "two connections", func() bool { return h.opened.Load() == 2 })
	on(t, l, func() { // both requests arrive before either is served
		write(t, a, bytes.Repeat([]byte("a"), 50))
		write(t, b, bytes.Repeat([]byte("b"), 50))
	})
	expect(t, a, bytes.Repeat([]byte("a"), 50))
	expect(t, b, bytes.Repeat([]byte("b"), 50))
	on(t, l, func() {
		if first := bytes.IndexByte(order, 'b'); takesTurns && (first < 0 || first > 40) {
			t.Errorf("b waited for %d requests of a: %s", first, order)
		}
	})
}

// A refused connection gets the text and the end, and no Closed.
func TestRefusedConnectionGetsItsText(t *testing.T) {
	h := &script{open: func(l *Loop, c *Conn) bool {
		l.Out = append(l.Out, "-ERR max number of clients reached\r\n"...)
		return false
	}}
	s := start(t, Config{Loops: 2}, h)
	ln := listen(t, s, "tcp")
	for range 10 {
		client := dial(t, ln)
		expect(t, client, []byte("-ERR max number of clients reached\r\n"))
		expectEnd(t, client)
	}
	for _, l := range s.Loops() {
		await(t, "no connections", func() bool { return l.Len() == 0 })
	}
}

// Connections spread evenly over the loops.
func TestConnectionsSpread(t *testing.T) {
	h := &script{}
	s := start(t, Config{Loops: 4}, h)
	ln := listen(t, s, "tcp")
	for range 40 {
		dial(t, ln)
	}
	await(t, "40 connections", func() bool { return h.opened.Load() == 40 })
	for _, l := range s.Loops() {
		if l.Len() != 10 {
			t.Errorf("loop %d has %d connections", l.ID, l.Len())
		}
	}
}

// Addresses have Redis's format, and still do when the connection is closed.
func TestAddresses(t *testing.T) {
	var mu sync.Mutex
	var remote, local []string
	note := func(c *Conn) {
		mu.Lock()
		defer mu.Unlock()
		remote, local = append(remote, c.RemoteAddr()), append(local, c.LocalAddr())
	}
	h := &script{
		open:   func(_ *Loop, c *Conn) bool { note(c); return true },
		closed: func(_ *Loop, c *Conn) { note(c) },
	}
	s := start(t, Config{}, h)
	check := func(ln *Listener, wantRemote, wantLocal string, ip net.IP) {
		t.Helper()
		client := dial(t, ln)
		if wantRemote == "" {
			wantRemote = client.LocalAddr().String()
		}
		c := theConn(t, s.Loops()[0])
		on(t, c.Loop(), func() {
			if got := c.RemoteIP(); got.IsValid() != (ip != nil) || ip != nil && !ip.Equal(got.AsSlice()) {
				t.Errorf("RemoteIP %v, want %v", got, ip)
			}
			if c.Unix() != (ip == nil) || c.FD() < 0 {
				t.Errorf("Unix %v, FD %d", c.Unix(), c.FD())
			}
		})
		before := h.ended.Load()
		client.Close()
		await(t, "Closed", func() bool { return h.ended.Load() > before && s.Loops()[0].Len() == 0 })
		mu.Lock()
		defer mu.Unlock()
		for i := range remote {
			if remote[i] != wantRemote || local[i] != wantLocal {
				t.Errorf("addresses %q %q, want %q %q", remote[i], local[i], wantRemote, wantLocal)
			}
		}
		remote, local = nil, nil
	}
	ln := listen(t, s, "tcp")
	check(ln, "", ln.Addr(), net.IPv4(127, 0, 0, 1))
	ln = listen(t, s, "unix")
	check(ln, ln.Addr()+":0", ln.Addr()+":0", nil)
	if ln, err := s.Listen("tcp", "[::1]:0", 16); err == nil {
		check(ln, "", ln.Addr(), net.IPv6loopback)
	} else {
		t.Logf("no IPv6 here: %v", err)
	}
	for _, addr := range []string{":0", "*:0"} {
		ln, err := s.Listen("tcp", addr, 16)
		if err != nil {
			t.Fatal(err)
		}
		if host, _, _ := net.SplitHostPort(ln.Addr()); host != "0.0.0.0" {
			t.Errorf("%q bound %q", addr, ln.Addr())
		}
	}
}

// A path left by a dead server is taken over, a bad address is an error, and a
// closed listener is gone while its connections stay.
func TestListen(t *testing.T) {
	s := start(t, Config{}, &script{})
	path := filepath.Join(t.TempDir(), "s")
	old, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	old.SetUnlinkOnClose(false)
	old.Close()
	ln, err := s.Listen("unix", path, 16)
	if err != nil {
		t.Fatal(err)
	}
	client := dial(t, ln)
	for range 2 {
		if err := ln.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if c, err := net.Dial("unix", path); err == nil {
		c.Close()
		t.Error("a closed listener still accepts")
	}
	// It was accepted, or it waits in the queue of the closed listener.
	client.Close()
	tcp := listen(t, s, "tcp")
	client = dial(t, tcp)
	theConn(t, s.Loops()[0])
	if err := tcp.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, client, frame([]byte("still here")))
	expect(t, client, frame([]byte("still here")))
	for _, bad := range [][2]string{{"udp", "127.0.0.1:0"}, {"tcp", "127.0.0.1"}, {"tcp", "192.0.2.1:0"}, {"unix", "/nonexistent/dir/s"}} {
		if _, err := s.Listen(bad[0], bad[1], 16); err == nil {
			t.Errorf("Listen %v succeeded", bad)
		}
	}
}
