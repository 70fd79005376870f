//go:build !linux || portable

package netloop

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// The portable loop. A Loop is a mutex: whoever holds it is "on the loop". Each
// connection has a goroutine that reads, and one that writes while output is
// pending; the loop's own goroutine runs posts, kept input and Tick. Order and
// bounds are those of the Linux loop, cost is not: it is for development on other
// systems, and a second opinion for the tests.

const (
	portableRead = 16 << 10               // read buffer of a connection
	drainMax     = 200 * time.Millisecond // for output pending at Shutdown
)

// sysLoop is the system's part of a Loop.
type sysLoop struct {
	mu      sync.Mutex
	kick    chan struct{}
	writers sync.WaitGroup
}

// sysConn is the system's part of a Conn.
type sysConn struct {
	nc      net.Conn
	unix    string    // path of the listener
	moved   sync.Cond // input may be taken again, or the connection is closed
	writing bool      // writeLoop runs
}

// incoming is an accepted connection on its way to a loop.
type incoming struct {
	nc   net.Conn
	unix string
}

// discard closes a connection that no loop takes; its error says nothing more.
func (in incoming) discard() { _ = in.nc.Close() }

func (l *Loop) enter() { l.mu.Lock() }
func (l *Loop) leave() { l.mu.Unlock() }

func (l *Loop) sysInit() error {
	l.kick = make(chan struct{}, 1)
	return nil
}

func (l *Loop) sysRelease() {}

// sysWake has the loop's goroutine go round.
func (l *Loop) sysWake() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// run is the loop's goroutine.
func (l *Loop) run() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		l.mu.Lock()
		if l.stopping {
			l.teardown()
			l.mu.Unlock()
			return
		}
		delay := l.round()
		l.box.waiting.Store(true)
		again := delay == 0 || len(l.ready)+len(l.arrived) > 0 || l.stopping || l.box.nonEmpty.Load()
		l.mu.Unlock()
		if again {
			runtime.Gosched()
			continue
		}
		if delay < 0 {
			<-l.kick
			continue
		}
		timer.Reset(delay)
		select {
		case <-l.kick:
		case <-timer.C:
			l.mu.Lock()
			l.buffers.trim()
			l.mu.Unlock()
		}
	}
}

// round does what waits for the loop and returns Tick's delay.
func (l *Loop) round() time.Duration {
	l.Now = l.server.Mono()
	if l.box.nonEmpty.Load() {
		l.drain()
	}
	if len(l.arrived) > 0 {
		l.adoptSome()
	}
	if len(l.ready) > 0 {
		l.serveReady()
	}
	l.settle()
	delay := l.handler.Tick(l, l.server.Mono())
	l.settle()
	return delay
}

// adopt takes an accepted connection into the loop.
func (l *Loop) adopt(in incoming) {
	if l.stopping {
		in.discard()
		l.count.Add(-1)
		return
	}
	c := &Conn{loop: l}
	c.nc, c.unix = in.nc, in.unix
	c.moved.L = &l.mu
	l.add(c)
	l.open(c)
	go c.loop.guard(c.readLoop)
}

// readLoop is the goroutine that reads c.
func (c *Conn) readLoop() {
	l := c.loop
	buf := make([]byte, portableRead)
	for open := true; open; {
		n, err := c.nc.Read(buf)
		l.mu.Lock()
		open = c.receive(buf[:n], err)
		l.settle()
		for open && c.flags&flagClosing == 0 && c.flags&(flagPaused|flagReady) != 0 && len(c.in) >= readAheadMax {
			c.moved.Wait()
		}
		l.mu.Unlock()
		l.sysWake() // Tick follows every batch
	}
}

// receive treats the result of a read and reports whether to go on reading.
func (c *Conn) receive(data []byte, err error) bool {
	l := c.loop
	if c.flags&flagClosing != 0 || l.stopping {
		return false
	}
	l.Now = l.server.Mono()
	l.Reads++
	switch {
	case len(data) == 0 || c.flags&flagCloseAfter != 0:
	case c.flags&(flagPaused|flagReady) != 0:
		c.extend(data)
	case len(c.in) == 0:
		c.keep(l.serve(c, data))
	default:
		c.extend(data)
		if len(c.in) < c.need {
			c.grown()
		} else {
			c.keep(l.serve(c, c.in))
		}
	}
	if err == nil {
		return true
	}
	if !errors.Is(err, io.EOF) {
		c.Close()
		return false
	}
	if c.flags&flagCloseAfter == 0 && c.flags&(flagParked|flagReady) != 0 {
		c.flags |= flagEnded // closed when served
		return false
	}
	// The Linux loop has offered all output to the socket when it reads the end.
	c.CloseAfterWrite()
	return false
}

// sysChanged follows a change of the flags.
func (c *Conn) sysChanged() { c.moved.Signal() }

// sysServed follows the serving of kept input.
func (c *Conn) sysServed(bool) {
	c.moved.Signal()
	if c.flags&flagEnded != 0 && c.flags&(flagPaused|flagReady) == 0 {
		c.CloseAfterWrite()
	}
}

// sysWrite leaves writing to writeLoop.
func (c *Conn) sysWrite([]byte) int { return 0 }

// sysSendFile leaves it to the caller.
func (c *Conn) sysSendFile(*os.File, int64, int) (sent int, ok bool) { return 0, false }

// sysFlush has the queue written.
func (c *Conn) sysFlush() { c.sysAwaitWritable() }

// sysAwaitWritable has the queue written.
func (c *Conn) sysAwaitWritable() {
	if !c.writing {
		c.writing = true
		c.loop.writers.Add(1)
		go c.loop.guard(c.writeLoop)
	}
}

// sysWriting reports whether the queue's chunks are in use without the lock.
func (c *Conn) sysWriting() bool { return c.writing }

// writeLoop is the goroutine that writes the queue of c until it is empty.
func (c *Conn) writeLoop() {
	l := c.loop
	defer l.writers.Done()
	l.mu.Lock()
	defer l.mu.Unlock()
	for c.out != nil && c.flags&flagClosing == 0 {
		pieces := net.Buffers(c.out.gather(nil))
		l.mu.Unlock()
		n, err := pieces.WriteTo(c.nc)
		l.mu.Lock()
		l.Writes++
		if c.out == nil || c.flags&flagClosing != 0 {
			break
		}
		if err != nil {
			c.Close()
			break
		}
		c.out.advance(l, int(n))
		if c.out.size == 0 {
			l.putQueue(c.out)
			c.out = nil
		}
	}
	c.writing = false
	c.maybeFinish()
	l.settle()
}

// sysLastFlush waits a little for the writers. Nothing is served meanwhile, as
// the loop is stopping.
func (l *Loop) sysLastFlush() {
	for _, c := range l.slots {
		if c != nil && c.out != nil {
			// A connection that takes no deadline is closed without it.
			_ = c.nc.SetWriteDeadline(time.Now().Add(drainMax))
		}
	}
	l.mu.Unlock()
	l.writers.Wait()
	l.mu.Lock()
}

// sysClose closes the socket, which ends the goroutines; errors say nothing more.
func (c *Conn) sysClose() {
	_ = c.nc.Close()
	c.moved.Broadcast()
}

// Listener is a listening socket. Its methods may be called from any goroutine.
type Listener struct {
	server *Server
	id     int
	addr   string
	file   socketFile
	nl     net.Listener
	done   chan struct{}
	once   sync.Once
}

// listen makes a listener and has it accept.
func (s *Server) listen(o *ListenOptions) (*Listener, error) {
	ln := &Listener{server: s, done: make(chan struct{})}
	if err := ln.bind(o); err != nil {
		return nil, err
	}
	if err := s.addListener(ln); err != nil {
		_ = ln.shut() // err says more
		return nil, err
	}
	go ln.acceptLoop()
	return ln, nil
}

func (ln *Listener) bind(o *ListenOptions) error {
	lc := net.ListenConfig{KeepAlive: -1}
	network, addr := o.Network, o.Addr
	switch network {
	case "unix":
		if strings.HasPrefix(addr, "@") {
			addr = "./" + addr // package net would take it for a socket without a file
		}
		ln.file.path = addr
		if err := ln.file.clear(); err != nil {
			return err
		}
	case "tcp":
		tcp, err := resolve(addr)
		if err != nil {
			return err
		}
		addr, network = tcp.String(), "tcp6"
		if tcp.Addr().Is4() {
			network = "tcp4"
		}
	default:
		return errors.New("unknown network")
	}
	nl, err := lc.Listen(context.Background(), network, addr)
	if err != nil {
		return err
	}
	ln.nl = nl
	ln.addr = nl.Addr().String()
	if unix, ok := nl.(*net.UnixListener); ok {
		unix.SetUnlinkOnClose(false)
		ln.file.note(o.Mode)
		ln.addr = o.Addr
	}
	return nil
}

// applyKeepAlive has nothing to do: every connection is asked for.
func (ln *Listener) applyKeepAlive() {}

// shut removes the file and closes the socket.
func (ln *Listener) shut() error { return errors.Join(ln.file.remove(), ln.nl.Close()) }

// Addr returns the bound address, "ip:port", or the path of a Unix socket.
func (ln *Listener) Addr() string { return ln.addr }

// Close closes the socket and removes the file of a Unix socket, unless another
// process has replaced it. Connections that were accepted stay; those that wait to
// be are refused. Closing twice is harmless.
func (ln *Listener) Close() (err error) {
	ln.once.Do(func() {
		ln.server.removeListener(ln)
		close(ln.done)
		err = ln.shut()
	})
	return err
}

// acceptLoop is the goroutine of a listener.
func (ln *Listener) acceptLoop() {
	s := ln.server
	turn := 0
	for {
		nc, err := ln.nl.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if s.cfg.AcceptError != nil {
				s.cfg.AcceptError(err)
			}
			select {
			case <-time.After(acceptRetryMs * time.Millisecond):
				continue
			case <-ln.done:
				return
			}
		}
		if tcp, ok := nc.(*net.TCPConn); ok {
			if sec := s.keepAliveSec(); sec > 0 {
				interval := time.Duration(max(sec/3, 1)) * time.Second
				// Not worth refusing a client.
				_ = tcp.SetKeepAliveConfig(net.KeepAliveConfig{
					Enable: true, Idle: time.Duration(sec) * time.Second, Interval: interval, Count: 3,
				})
			}
		}
		in := incoming{nc: nc}
		if ln.file.path != "" {
			in.unix = ln.addr
		}
		to := s.assign(turn)
		turn = to.ID + 1
		if !to.deliver(in) {
			in.discard()
			to.count.Add(-1)
		}
	}
}

func (c *Conn) sysFD() int {
	fd := -1
	if nc, ok := c.nc.(syscall.Conn); ok {
		if raw, err := nc.SyscallConn(); err == nil {
			if err = raw.Control(func(p uintptr) { fd = int(p) }); err != nil {
				return -1 // closed
			}
		}
	}
	return fd
}

func (c *Conn) sysNoDelay(on bool) {
	if tcp, ok := c.nc.(*net.TCPConn); ok {
		_ = tcp.SetNoDelay(on) // fails if the peer is gone
	}
}

func (c *Conn) sysUnix() bool { return c.unix != "" }

func (c *Conn) sysRemoteIP() netip.Addr {
	if tcp, ok := c.nc.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

func (c *Conn) sysRemoteAddr() string { return c.address(c.nc.RemoteAddr()) }
func (c *Conn) sysLocalAddr() string  { return c.address(c.nc.LocalAddr()) }

func (c *Conn) address(a net.Addr) string {
	if c.unix != "" {
		return c.unix + ":0"
	}
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return a.String()
	}
	at := tcp.AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port()).String()
}
