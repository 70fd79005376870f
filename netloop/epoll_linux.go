//go:build !portable

package netloop

import (
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

// The Linux loop: one epoll set, edge-triggered for connections.
//
// A connection is registered once, for input and hang-up, when it is opened. In
// steady state there is no epoll_ctl: interest in writability is added when a
// write came up short and removed when the queue is empty. Closing a socket
// removes it from the set by itself.
//
// An event is told once, so whoever does not read until the socket is empty must
// remember that (flagUnread): a read that filled its buffer, an event of the end of
// the stream, which may stand behind data, and an event of a connection that must
// not be read now. A read that brought less than it had room for has emptied the
// socket. Level-triggered, the kernel looks at each connection once more at the
// next poll: measured, 0.15 of 5.8 us of CPU time per unpipelined request.
//
// While events keep coming the set is polled without blocking, by a raw system
// call, so that the goroutine keeps its processor; only when pollsMax polls found
// nothing does the loop sleep, through the scheduler's system call path. It is the
// client that pays for waking a sleeping loop: measured, 16 us of its time on a
// virtual machine, a fifth of what 50 unpipelined clients cost (docs/design/0001).
//
// A loop whose last sleep was long sleeps in the runtime's poller instead (see
// parker). Waking up there takes a little longer, but a goroutine in a system call
// keeps the scheduler's monitor awake for its first 10 ms: measured, ten timeouts a
// second cost 1.3 % of a core that way and 0.15 % parked (Redis 7.0: 0.09 %).
//
// The goroutine is not locked to its thread: measured, that changes nothing.

const (
	eventsMin = 512
	eventsMax = 4096

	evIn   = uint32(syscall.EPOLLIN)
	evOut  = uint32(syscall.EPOLLOUT)
	evHup  = uint32(syscall.EPOLLHUP)
	evErr  = uint32(syscall.EPOLLERR)
	evHalf = uint32(syscall.EPOLLRDHUP) // the peer has shut down its sending side
	evEdge = uint32(1) << 31            // EPOLLET, a negative constant in syscall

	// idWake is the event descriptor, idListener-i listener i, other ids are slots.
	idWake     = -1
	idListener = -2

	// pollsMax is how often a loop that is not idle polls before it sleeps, some
	// 0.3 us each: the throughput of redis-server with 50 unpipelined clients on two
	// cores at no more CPU time. Only loops that leave a processor to others do so (spare).
	// Figures in docs/design/0001.
	pollsMax = 44

	// yieldNs is how long the loop's goroutine runs before it yields. The
	// scheduler's monitor preempts what runs for 10 ms and takes the processor of
	// what is in a system call then; having done so it wakes up every 20 us for a
	// while. Yielding earlier avoids that: measured, the monitor's 0.3 us per
	// request become 0.02.
	yieldNs = 4_000_000

	idleNs = 5_000_000 // a sleep from which on the loop counts as idle

	flushMax = 1 << 20 // bytes written to one connection before the others' turn; measured: 0.14 ms

	// hangupsMax and acceptsMax are how many connections that ended, and how many
	// new ones of a listener, a round treats: a storm of thousands of both shares
	// the loop with those who are served. Measured, the system calls for the end of a
	// connection cost 5 us, those for a new one 2 us. Hang-ups come first, so that who takes the
	// place of a connection that ended is not counted beside it.
	hangupsMax = 16
	acceptsMax = 16
)

// sysLoop is the system's part of a Loop.
type sysLoop struct {
	epfd    int
	park    *parker
	wakeFd  int
	events  []syscall.EpollEvent
	rbuf    []byte
	iov     [batchMax]syscall.Iovec
	gather  [][]byte
	idle    bool    // the last sleep was long
	yielded int64   // Mono at which the loop yielded last
	retryAt int64   // Mono at which failed listeners are tried again; 0 none
	hung    []*Conn // connections whose peer shut down sending, from hungAt on (flagHung)
	hungAt  int
	waiting []int           // listeners with connections to accept in this round
	accepts [acceptsMax]int // descriptors and addresses of one accept batch
	peers   [acceptsMax]peerAddr
	turns   int // loop that is first in line for the next connection
}

// sysConn is the system's part of a Conn.
type sysConn struct {
	fd    int32
	armed uint32 // events registered
	peer  peerAddr
	unix  *Listener // the listener, for connections of a Unix socket
}

// incoming is an accepted connection on its way to a loop.
type incoming struct {
	fd   int
	peer peerAddr
	unix *Listener
}

// discard closes a connection that no loop takes.
func (in incoming) discard() { closeFd(in.fd) }

func (l *Loop) enter() {}
func (l *Loop) leave() {}

func (l *Loop) sysInit() (err error) {
	l.epfd, l.wakeFd = -1, -1
	if l.epfd, err = syscall.EpollCreate1(syscall.EPOLL_CLOEXEC); err != nil {
		return err
	}
	if l.wakeFd, err = eventFd(); err != nil {
		l.sysRelease()
		return err
	}
	// Edge-triggered: every write to the descriptor is an event, and it need not be read.
	if err = l.control(syscall.EPOLL_CTL_ADD, l.wakeFd, evIn|evEdge, idWake, 0); err != nil {
		l.sysRelease()
		return err
	}
	if l.park, err = newParker(l); err != nil {
		l.sysRelease()
		return err
	}
	l.events = make([]syscall.EpollEvent, eventsMin)
	l.rbuf = make([]byte, readSize)
	return nil
}

func (l *Loop) sysRelease() {
	for _, fd := range []int{l.epfd, l.wakeFd} {
		if fd >= 0 {
			closeFd(fd)
		}
	}
	if l.park != nil {
		l.park.close()
	}
	l.epfd, l.wakeFd, l.park = -1, -1, nil
}

// sysWake ends the loop's sleep.
func (l *Loop) sysWake() {
	one := uint64(1)
	// The only possible error is a full counter, and then the loop is awake.
	syscall.RawSyscall(syscall.SYS_WRITE, uintptr(l.wakeFd), uintptr(unsafe.Pointer(&one)), 8)
}

// run is the loop's goroutine.
func (l *Loop) run() {
	timeoutMs, now := 0, l.server.Mono()
	for !l.stopping {
		n := l.poll(timeoutMs)
		l.Now = l.server.Mono()
		l.idle = l.Now-now > idleNs
		if l.Now-l.yielded > yieldNs {
			l.yielded = l.Now
			runtime.Gosched()
		}
		for i := range l.events[:n] {
			l.dispatch(&l.events[i])
		}
		if n == len(l.events) && n < eventsMax {
			l.events = make([]syscall.EpollEvent, 2*n)
		}
		if l.box.nonEmpty.Load() {
			l.drain()
		}
		if len(l.arrived) > 0 {
			l.adoptSome()
		}
		if len(l.ready) > 0 {
			l.serveReady()
		}
		l.settle() // replies do not wait for background work
		if l.hungAt < len(l.hung) {
			l.hearOut()
			l.settle()
		}
		if len(l.waiting) > 0 {
			for _, id := range l.waiting {
				l.accept(id)
			}
			l.waiting = l.waiting[:0]
			l.settle()
		}
		now = l.server.Mono()
		delay := l.handler.Tick(l, now)
		l.settle()
		timeoutMs = l.timeout(delay, now)
	}
	l.teardown()
}

// timeout returns how long the next poll may sleep, in milliseconds, -1 for ever.
func (l *Loop) timeout(delay time.Duration, now int64) int {
	if l.retryAt != 0 {
		if now >= l.retryAt {
			l.retryListeners()
		} else if left := time.Duration(l.retryAt - now); delay < 0 || left < delay {
			delay = left
		}
	}
	if delay == 0 || len(l.ready)+len(l.hung)+len(l.arrived) > 0 || l.stopping {
		return 0
	}
	if delay < 0 {
		return -1
	}
	return int((delay + time.Millisecond - 1) / time.Millisecond)
}

// poll fills l.events, sleeping up to timeoutMs if there are none.
func (l *Loop) poll(timeoutMs int) int {
	polls := 0
	if !l.idle && l.server.spare {
		polls = pollsMax
	}
	if timeoutMs == 0 {
		polls = 1
	}
	for range polls {
		if n := epollPoll(l.epfd, l.events); n > 0 {
			return n
		}
	}
	if timeoutMs == 0 {
		return 0
	}
	l.box.waiting.Store(true)
	if l.box.nonEmpty.Load() {
		l.box.waiting.Store(false)
		return 0
	}
	n := 0
	if l.idle {
		n = l.park.sleep(timeoutMs)
	} else {
		n = epollSleep(l.epfd, l.events, timeoutMs)
	}
	l.box.waiting.Store(false)
	if n == 0 {
		l.buffers.trim()
	}
	return n
}

// dispatch treats one event.
func (l *Loop) dispatch(ev *syscall.EpollEvent) {
	if ev.Fd < 0 {
		if ev.Fd <= idListener {
			l.waiting = append(l.waiting, int(idListener-ev.Fd))
		}
		return
	}
	if int(ev.Fd) >= len(l.slots) {
		return
	}
	c := l.slots[ev.Fd]
	if c == nil || c.gen != uint32(ev.Pad) || c.flags&flagClosing != 0 {
		return // of a connection that ended earlier in this batch
	}
	events := ev.Events
	if events&evOut != 0 {
		c.sysFlush()
		c.maybeFinish()
		if c.flags&flagClosing != 0 {
			return
		}
	}
	if events&(evIn|evHalf|evHup|evErr) == 0 {
		return
	}
	if c.flags&(flagPaused|flagCloseAfter|flagReady) == 0 {
		if events&(evHalf|evHup|evErr) != 0 {
			c.hangUp()
			return
		}
		l.readable(c)
	} else {
		c.unreadable(events)
	}
}

// unreadable treats events of a connection that must not be read now.
func (c *Conn) unreadable(events uint32) {
	c.flags |= flagUnread
	if c.flags&(flagPaused|flagCloseAfter) == 0 { // ready: it is read when its kept input is served
		if events&(evHalf|evHup|evErr) != 0 {
			c.flags |= flagGone
		}
		return
	}
	if events&(evHup|evErr) != 0 || events&evHalf != 0 && c.flags&(flagParked|flagCloseAfter) == 0 {
		c.Close()
	}
}

// hangUp has c read to its end when its turn comes.
func (c *Conn) hangUp() {
	c.flags |= flagUnread | flagGone
	if c.flags&flagHung == 0 {
		c.flags |= flagHung
		c.loop.hung = append(c.loop.hung, c)
	}
}

// hearOut reads the oldest of the connections whose peer has shut down sending.
// Requests may stand before the end of the stream: what is read again for it takes
// its turn with the others.
func (l *Loop) hearOut() {
	end := min(l.hungAt+hangupsMax, len(l.hung))
	for i := l.hungAt; i < end; i++ {
		c := l.hung[i]
		l.hung[i] = nil
		c.flags &^= flagHung
		if c.flags&(flagClosing|flagPaused|flagCloseAfter|flagReady) != 0 {
			// Paused meanwhile; flagUnread reminds those who go on with the others.
			if c.flags&(flagPaused|flagParked|flagCloseAfter) == flagPaused {
				c.Close()
			}
			continue
		}
		c.flags &^= flagUnread
		l.readable(c)
		switch {
		case c.flags&(flagClosing|flagCloseAfter) != 0:
		case c.flags&(flagPaused|flagParked) == flagPaused:
			c.hangUp() // what it sent last was to wait: it goes in the next round, its replies first
		default:
			c.unread()
		}
	}
	if l.hungAt = end; end == len(l.hung) {
		l.hung, l.hungAt = l.hung[:0], 0
	}
}

// unread has c read again in the next round.
func (c *Conn) unread() {
	c.flags |= flagUnread
	c.loop.queueTurn(c)
}

// readable reads once and serves what there is.
func (l *Loop) readable(c *Conn) {
	l.Reads++
	if len(c.in) == 0 {
		n := recv(c.fd, l.rbuf)
		if n <= 0 {
			c.readFailed(n)
			return
		}
		if n == len(l.rbuf) {
			c.unread()
		}
		if rest := l.serve(c, l.rbuf[:n]); len(rest) > 0 {
			c.keep(rest)
		}
		return
	}
	if c.direct() {
		room := c.room()
		n := recv(c.fd, room)
		if n <= 0 {
			c.readFailed(n)
			return
		}
		if n == len(room) {
			c.unread()
		}
		c.in = c.in[:len(c.in)+n]
		c.noteUse()
		if len(c.in) < c.need {
			c.grown()
			return
		}
		c.keep(l.serve(c, c.in))
		return
	}
	prefix := copy(l.rbuf, c.in)
	n := recv(c.fd, l.rbuf[prefix:])
	if n <= 0 {
		c.readFailed(n)
		return
	}
	if prefix+n == len(l.rbuf) {
		c.unread()
	}
	if prefix+n < c.need {
		c.extend(l.rbuf[prefix : prefix+n])
		c.grown()
		return
	}
	c.keep(l.serve(c, l.rbuf[:prefix+n]))
}

// readFailed treats the result of a read that gave no bytes: 0 at the end of
// the stream, -errno otherwise.
func (c *Conn) readFailed(n int) {
	switch syscall.Errno(-n) {
	case syscall.EAGAIN, syscall.EINTR:
	default:
		c.Close()
	}
}

// adopt takes an accepted connection into the loop.
func (l *Loop) adopt(in incoming) {
	if l.stopping {
		in.discard()
		l.count.Add(-1)
		return
	}
	c := &Conn{loop: l}
	c.fd, c.peer, c.unix = int32(in.fd), in.peer, in.unix
	l.add(c)
	c.armed = evIn | evHalf | evEdge
	if err := l.control(syscall.EPOLL_CTL_ADD, in.fd, c.armed, c.slot, c.gen); err != nil {
		if hook := l.server.cfg.AcceptError; hook != nil {
			hook(err)
		}
		c.Close()
		return
	}
	l.open(c)
}

// arm changes the registered events.
func (c *Conn) arm(events uint32) {
	if c.armed == events {
		return
	}
	c.armed = events
	if err := c.loop.control(syscall.EPOLL_CTL_MOD, int(c.fd), events, c.slot, c.gen); err != nil {
		c.Close()
	}
}

func (l *Loop) control(op, fd int, events uint32, id int32, gen uint32) error {
	ev := syscall.EpollEvent{Events: events, Fd: id, Pad: int32(gen)}
	return syscall.EpollCtl(l.epfd, op, fd, &ev)
}

// sysChanged follows a change of the flags. Events that came meanwhile are remembered:
// a client that begins to wait when its peer is gone already is closed in a later round.
func (c *Conn) sysChanged() {
	if c.flags&(flagGone|flagPaused|flagParked) == flagGone|flagPaused {
		c.hangUp()
	}
}

// sysServed follows the serving of kept input: what waits in the socket is read
// now, or in the next round if there are replies to be written first: the end of
// the stream may wait there.
func (c *Conn) sysServed(served bool) {
	if c.flags&flagUnread == 0 || c.flags&(flagClosing|flagCloseAfter|flagPaused|flagReady) != 0 {
		return
	}
	if served || c.flags&flagDirty != 0 {
		c.loop.queueTurn(c)
		return
	}
	c.flags &^= flagUnread
	c.loop.readable(c)
}

// sysWriting reports whether the queue is in use elsewhere: never here.
func (c *Conn) sysWriting() bool { return false }

// sysAwaitWritable has the queue written when the socket takes more.
func (c *Conn) sysAwaitWritable() { c.arm(c.armed | evOut) }

// sysWrite writes b and returns the bytes written, -1 when the connection is broken.
func (c *Conn) sysWrite(b []byte) int {
	c.loop.Writes++
	n := send(c.fd, b)
	if n >= 0 {
		return n
	}
	if e := syscall.Errno(-n); e == syscall.EAGAIN || e == syscall.EINTR {
		return 0
	}
	return -1
}

// sysFlush writes queued output until it is all written or the socket is full.
func (c *Conn) sysFlush() {
	l := c.loop
	for written := 0; c.out != nil; {
		if c.out.size == 0 {
			c.emptied()
			return
		}
		l.gather = c.out.gather(l.gather[:0])
		total, pieces := 0, 0
		for i, chunk := range l.gather {
			chunk = chunk[:min(len(chunk), flushMax-written-total)]
			if len(chunk) == 0 {
				break
			}
			l.iov[i].Base = &chunk[0]
			l.iov[i].SetLen(len(chunk))
			total += len(chunk)
			pieces++
		}
		l.Writes++
		n := sendAll(c.fd, l.iov[:pieces])
		clear(l.iov[:pieces])
		clear(l.gather)
		if n < 0 {
			if e := syscall.Errno(-n); e != syscall.EAGAIN && e != syscall.EINTR {
				c.Close()
				return
			}
			n = 0
		}
		c.out.advance(l, n)
		if c.out.size == 0 {
			c.emptied()
			return
		}
		if written += n; n < total || written >= flushMax {
			if n == total {
				c.armed &^= evOut // the socket takes more: only arming again tells so
			}
			c.sysAwaitWritable()
			c.tellPending()
			return
		}
	}
}

// emptied gives the queue back, all of which is written.
func (c *Conn) emptied() {
	c.loop.putQueue(c.out)
	c.out = nil
	c.arm(c.armed &^ evOut)
}

// sysSendFile is SendFile when nothing waits.
func (c *Conn) sysSendFile(f *os.File, from int64, n int) (sent int, ok bool) {
	for sent < n {
		at := from + int64(sent)
		c.loop.Writes++
		took, err := syscall.Sendfile(int(c.fd), int(f.Fd()), &at, n-sent)
		switch {
		case took > 0:
			sent += took
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return sent, true
		case err == syscall.EPIPE || err == syscall.ECONNRESET:
			c.Close()
			return sent, true
		default: // not for such files or sockets, or the file is shorter than we were told
			return sent, sent > 0
		}
	}
	return sent, true
}

// sysLastFlush writes what the sockets take before the loop ends.
func (l *Loop) sysLastFlush() {
	for _, c := range l.slots {
		if c != nil && c.flags&flagClosing == 0 && c.out != nil {
			c.sysFlush()
		}
	}
}

func (c *Conn) sysClose() {
	closeFd(int(c.fd))
	c.fd = -1
}
