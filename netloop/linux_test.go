//go:build linux && !portable

package netloop

import (
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"kvorum/internal/invariants"
)

// takesTurns says that whose input has arrived is served in turn.
const takesTurns = true

// rawDial connects without package net, whose memory would be measured with ours.
func rawDial(t testing.TB, ln *Listener) int {
	t.Helper()
	addr, err := resolve(ln.Addr())
	if err != nil {
		t.Fatal(err)
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Connect(fd, &syscall.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1); err != nil {
		t.Fatal(err)
	}
	return fd
}

func heapBytes() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// An idle connection costs at most 400 bytes of Go heap, also after it was used and looked
// after.
func TestIdleConnectionIsSmall(t *testing.T) {
	if invariants.Enabled {
		t.Skip("instrumented builds use more memory")
	}
	if size := unsafe.Sizeof(Conn{}); size > 128 {
		t.Errorf("Conn has %d bytes", size)
	}
	count := 10_000
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	count = min(count, (int(limit.Cur)-200)/2)
	var opened, closed atomic.Int64
	h := &plain{opened: &opened, closed: &closed}
	s, err := New(Config{Loops: 1}, h)
	if err != nil {
		t.Fatal(err)
	}
	defer shutdown(t, s)
	s.Start()
	ln := listen(t, s, "tcp")
	fds := make([]int, 0, count)
	defer func() {
		for _, fd := range fds {
			syscall.Close(fd)
		}
	}()
	before := heapBytes()
	for range count {
		fds = append(fds, rawDial(t, ln))
	}
	await(t, "all open", func() bool { return opened.Load() == int64(count) })
	b := frame([]byte("hello"))
	got := make([]byte, 64)
	for _, fd := range fds {
		// Half a request, then the rest, so that a buffer was held meanwhile.
		for _, part := range [][]byte{b[:3], b[3:]} {
			if _, err := syscall.Write(fd, part); err != nil {
				t.Fatal(err)
			}
		}
		if n, err := syscall.Read(fd, got); n != len(b) || err != nil {
			t.Fatal(n, err)
		}
	}
	on(t, s.Loops()[0], func() {
		s.Loops()[0].Each(func(c *Conn) bool { c.TrimInput(true); return true })
	})
	after := heapBytes()
	each := (int64(after) - int64(before)) / int64(count)
	t.Logf("%d connections: %d bytes of heap each, Conn %d", count, each, unsafe.Sizeof(Conn{}))
	if each > 400 {
		t.Errorf("%d bytes of heap for each idle connection", each)
	}
}

// plain is the cheapest echo of frames.
type plain struct{ opened, closed *atomic.Int64 }

func (h *plain) Open(*Loop, *Conn) bool                       { h.opened.Add(1); return true }
func (h *plain) Serve(l *Loop, _ *Conn, in []byte) (int, int) { return serveFrames(l, in) }
func (h *plain) Closed(*Loop, *Conn)                          { h.closed.Add(1) }
func (h *plain) Tick(l *Loop, now int64) time.Duration        { return 100 * time.Millisecond }

// Connections inherit their options from the listener.
func TestSocketOptions(t *testing.T) {
	var keep atomic.Int64
	keep.Store(300)
	s := start(t, Config{KeepAlive: func() int { return int(keep.Load()) }}, &script{})
	ln := listen(t, s, "tcp")
	for _, sec := range []int{300, 60, 2, 0} {
		keep.Store(int64(sec))
		s.KeepAliveChanged()
		client := dial(t, ln)
		c := theConn(t, s.Loops()[0])
		on(t, c.Loop(), func() {
			get := func(level, opt int) int {
				v, err := syscall.GetsockoptInt(c.FD(), level, opt)
				if err != nil {
					t.Error(err)
				}
				return v
			}
			if get(syscall.IPPROTO_TCP, syscall.TCP_NODELAY) == 0 {
				t.Error("TCP_NODELAY is off")
			}
			if on := get(syscall.SOL_SOCKET, syscall.SO_KEEPALIVE) != 0; on != (sec > 0) {
				t.Errorf("keepalive %v with %d seconds", on, sec)
			}
			if sec > 0 && (get(syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE) != sec || get(syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL) != max(sec/3, 1) ||
				get(syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT) != 3) {
				t.Errorf("keepalive of %d seconds not set", sec)
			}
		})
		client.Close()
		awaitOn(t, s.Loops()[0], "none", func() bool { return s.Loops()[0].Len() == 0 })
	}
}

// An idle loop uses no processor time, whatever it went through before.
func TestIdleLoopSleeps(t *testing.T) {
	var rounds atomic.Int64
	h := &script{tick: func(*Loop, int64) time.Duration { rounds.Add(1); return -1 }}
	h.serve = func(l *Loop, c *Conn, in []byte) (int, int) {
		if in[0] == 'p' {
			c.Pause()
			return 1, 0
		}
		if in[0] == 'q' {
			l.Out = append(l.Out, make([]byte, 16<<20)...)
			c.CloseAfterWrite()
			return 1, 0
		}
		return len(in), 0
	}
	s := start(t, Config{}, h)
	ln := listen(t, s, "tcp")
	paused, finishing, slow := dial(t, ln), dial(t, ln), dial(t, ln)
	await(t, "all open", func() bool { return h.opened.Load() == 3 })
	write(t, paused, []byte("p"))
	write(t, finishing, []byte("q"))
	await(t, "both served", func() bool { return h.served.Load() == 2 })
	write(t, paused, make([]byte, 1000)) // input that is not read
	write(t, finishing, make([]byte, 1000))
	finishing.(*net.TCPConn).CloseWrite() // half-closed with output pending
	on(t, s.Loops()[0], func() {
		s.Loops()[0].Each(func(c *Conn) bool {
			if c.RemoteAddr() == slow.LocalAddr().String() {
				c.Send(make([]byte, 16<<20)) // a slow reader
				c.Park()
			}
			return true
		})
	})
	slow.(*net.TCPConn).CloseWrite() // half-closed while parked
	settled := func() int64 {
		from := rounds.Load()
		time.Sleep(50 * time.Millisecond) // that nothing happens has no event
		return rounds.Load() - from
	}
	await(t, "the loop to fall asleep", func() bool { return settled() == 0 })
}

// A parked loop, idle for longer than idleNs, is woken by input, by posts and by
// the clock, time and again.
func TestParkedLoopWakes(t *testing.T) {
	var delay, ticks atomic.Int64
	delay.Store(-1)
	h := &script{tick: func(*Loop, int64) time.Duration { ticks.Add(1); return time.Duration(delay.Load()) }}
	s := start(t, Config{}, h)
	l := s.Loops()[0]
	client := dial(t, listen(t, s, "tcp"))
	theConn(t, l)
	for range 10 {
		time.Sleep(2 * idleNs) // that nothing happens has no event
		on(t, l, func() {
			if !l.idle {
				t.Error("a loop that slept long is not idle")
			}
		})
		write(t, client, frame([]byte("awake?")))
		expect(t, client, frame([]byte("awake?")))
		time.Sleep(2 * idleNs) // until the loop counts as idle again
		write(t, client, frame([]byte("awake?")))
		expect(t, client, frame([]byte("awake?")))
	}
	delay.Store(2 * idleNs)
	on(t, l, func() {})
	from := ticks.Load()
	await(t, "five ticks", func() bool { return ticks.Load() >= from+5 })
}

// Out of descriptors the server says so, does not spin, and accepts again when
// there are some. In a process of its own, as the limit is the process's.
func TestOutOfDescriptors(t *testing.T) {
	if os.Getenv("NETLOOP_TEST_EMFILE") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestOutOfDescriptors$", "-test.v")
		cmd.Env = append(os.Environ(), "NETLOOP_TEST_EMFILE=1")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "PASS") {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	var rounds, failures atomic.Int64
	h := &script{tick: func(*Loop, int64) time.Duration { rounds.Add(1); return -1 }}
	s := start(t, Config{AcceptError: func(err error) {
		if !strings.Contains(err.Error(), "too many open files") {
			t.Error(err)
		}
		failures.Add(1)
	}}, h)
	ln := listen(t, s, "tcp")
	ready := dial(t, ln)
	c := theConn(t, s.Loops()[0])
	// Clients get their descriptors first, the server none.
	clients := make([]int, 5)
	for i := range clients {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer syscall.Close(fd)
		clients[i] = fd
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	low := syscall.Rlimit{Cur: uint64(clients[len(clients)-1]) + 1, Max: limit.Max}
	// Every number below the limit must be taken.
	for {
		fd, err := syscall.Dup(0)
		if err != nil {
			t.Fatal(err)
		}
		defer syscall.Close(fd)
		if uint64(fd) >= low.Cur {
			break
		}
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	addr, _ := resolve(ln.Addr())
	for _, fd := range clients {
		if err := syscall.Connect(fd, &syscall.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "three failures", func() bool { return failures.Load() >= 3 })
	if n := rounds.Load(); n > 50 {
		t.Errorf("%d rounds for %d failures", n, failures.Load())
	}
	write(t, ready, frame([]byte("others are served")))
	expect(t, ready, frame([]byte("others are served")))
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	await(t, "all accepted", func() bool { return h.opened.Load() == 6 })
	_ = c
}

// Requests cost no allocation in steady state: whole ones, split ones, large ones
// that pass through the buffer cache, and Sends.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	if invariants.Enabled {
		t.Skip("instrumented builds allocate")
	}
	var opened, closed atomic.Int64
	s, err := New(Config{Loops: 1}, &plain{opened: &opened, closed: &closed})
	if err != nil {
		t.Fatal(err)
	}
	defer shutdown(t, s)
	s.Start()
	fd := rawDial(t, listen(t, s, "tcp"))
	defer syscall.Close(fd)
	c := theConn(t, s.Loops()[0])
	got := make([]byte, 1<<20)
	exchange := func(b []byte, parts int) {
		for p := range parts {
			part := b[p*len(b)/parts : (p+1)*len(b)/parts]
			for len(part) > 0 {
				n, err := syscall.Write(fd, part)
				if err != nil {
					t.Fatal(err)
				}
				part = part[n:]
			}
		}
		for n := 0; n < len(b); {
			m, err := syscall.Read(fd, got)
			if err != nil || m == 0 {
				t.Fatal(m, err)
			}
			n += m
		}
	}
	message := []byte("message")
	send := func() { c.Send(message) }
	for _, test := range []struct {
		name string
		run  func()
	}{
		{"small", func() { exchange(smallFrame, 1) }},
		{"split", func() { exchange(smallFrame, 3) }},
		{"large", func() { exchange(largeFrame, 1) }},
		{"posted send", func() {
			c.Loop().Post(send)
			if n, err := syscall.Read(fd, got[:len(message)]); n != len(message) || err != nil {
				t.Fatal(n, err)
			}
		}},
	} {
		for range 20 {
			test.run()
		}
		if n := testing.AllocsPerRun(300, test.run); n > 0 {
			t.Errorf("%s: %v allocations", test.name, n)
		}
	}
}

var (
	smallFrame = frame(make([]byte, 50))
	largeFrame = frame(make([]byte, 200<<10))
)
