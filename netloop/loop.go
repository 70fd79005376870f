package netloop

import (
	"sync"
	"sync/atomic"

	"kvorum/internal/invariants"
)

const (
	readSize = 64 << 10 // the read buffer of a loop
	outMin   = 64 << 10 // initial and resting capacity of Loop.Out
	outKeep  = 1 << 20  // Out may stay larger than this only while replies are that large
	outCalm  = 128      // small replies in a row after which a large Out is given up
	dirtyMax = 64       // connections with unflushed Sends before they are flushed early
)

// Loop is one event loop. Out belongs to the handler during callbacks.
type Loop struct {
	ID   int    // index in Server.Loops
	Out  []byte // replies to the connection that is being opened or served; empty before
	User any    // the handler's state of this loop
	Late bool   // set by the handler in Serve: Out is written at the end of the round
	Now  int64  // Server.Mono at the beginning of the current batch, nanoseconds

	// Reads and Writes count the attempts to read from and to write to connections.
	// They may be read on the loop only.
	Reads, Writes uint64

	server  *Server
	handler Handler

	serving    *Conn // the connection whose Open or Serve runs
	servingLen int   // bytes of input it was given

	slots []*Conn // open connections, with holes
	free  []int32 // holes in slots
	gens  uint32  // generation given to the last connection

	ready []*Conn // input to be served without reading (flagReady)
	turn  []*Conn // the ready connections of this round
	dirty []*Conn // output queued by Send (flagDirty)
	dying []*Conn // to be closed (flagClosing)

	buffers  bufferCache
	grants   int         // bytes of input buffers that connections keep (input.go)
	chunks   [][]byte    // free output chunks of chunkSize
	queues   []*outQueue // free queues
	calm     int         // replies since a large Out was last needed
	stopping bool
	name     *string    // LocalAddr of the last connection that was asked for it
	posts    []func()   // drained mailbox, reused
	arrived  []incoming // connections from other loops that are not open yet

	sysLoop

	_     [64]byte // what other goroutines write is on lines of its own
	count atomic.Int32
	box   mailbox
	_     [64]byte
}

// mailbox carries work from other goroutines to the loop.
type mailbox struct {
	waiting  atomic.Bool // the loop sleeps or is about to: a post must wake it
	nonEmpty atomic.Bool // posts or conns is not empty
	mu       sync.Mutex
	closed   bool
	posts    []func()
	conns    []incoming
}

// Post makes fn run on the loop soon. Any goroutine may call it, the loop itself
// included: fn then runs in the next round, never at once. Functions of one
// goroutine run in the order posted. It returns false, and fn never runs, when
// the loop has ended. A loop that is not asleep is not woken: a burst of posts
// costs one system call.
func (l *Loop) Post(fn func()) bool {
	b := &l.box
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return false
	}
	b.posts = append(b.posts, fn)
	l.notifyLocked()
	b.mu.Unlock()
	return true
}

// deliver hands an accepted connection to the loop, which has been counted in
// already; false if the loop has ended.
func (l *Loop) deliver(in incoming) bool {
	b := &l.box
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.conns = append(b.conns, in)
	l.notifyLocked()
	return true
}

// notifyLocked wakes the loop if it sleeps. The mailbox is locked, so the loop
// cannot have ended and released what sysWake uses.
//
// The order of the two flags is what makes a lost wakeup impossible: here
// nonEmpty is set before waiting is read; the loop sets waiting before it reads
// nonEmpty for the last time.
func (l *Loop) notifyLocked() {
	l.box.nonEmpty.Store(true)
	if l.box.waiting.CompareAndSwap(true, false) {
		l.sysWake()
	}
}

// Len returns the number of connections of the loop, those on their way to it
// included. Any goroutine may call it.
func (l *Loop) Len() int { return int(l.count.Load()) }

// Server returns the server of the loop.
func (l *Loop) Server() *Server { return l.server }

// Each calls fn for every open connection of the loop until it returns false.
// It must be called on the loop. fn may close connections.
func (l *Loop) Each(fn func(c *Conn) bool) {
	for _, c := range l.slots {
		if c != nil && c.flags&(flagOpened|flagClosing) == flagOpened && !fn(c) {
			return
		}
	}
}

// drain runs what was posted and takes in connections that arrived, up to now:
// what these post waits for the next round.
func (l *Loop) drain() {
	b := &l.box
	b.mu.Lock()
	posts, conns := b.posts, b.conns
	b.posts, b.conns = l.posts[:0], nil
	b.nonEmpty.Store(false)
	b.mu.Unlock()
	l.arrived = append(l.arrived, conns...)
	for i, fn := range posts {
		fn()
		posts[i] = nil
	}
	l.posts = posts[:0]
	if cap(posts) > postsKeep {
		l.posts = nil
	}
}

// arrivalsMax is how many connections from other loops are opened in a round.
const arrivalsMax = 16

// adoptSome opens the oldest of the connections that arrived.
func (l *Loop) adoptSome() {
	n := min(len(l.arrived), arrivalsMax)
	for _, in := range l.arrived[:n] {
		l.adopt(in)
	}
	rest := copy(l.arrived, l.arrived[n:])
	clear(l.arrived[rest:])
	l.arrived = l.arrived[:rest]
}

// postsKeep is the largest drained mailbox that is kept for reuse.
const postsKeep = 4096

// add gives c a slot and a generation.
func (l *Loop) add(c *Conn) {
	l.gens++
	c.gen = l.gens
	if n := len(l.free); n > 0 {
		c.slot = l.free[n-1]
		l.free = l.free[:n-1]
		l.slots[c.slot] = c
		return
	}
	c.slot = int32(len(l.slots))
	l.slots = append(l.slots, c)
}

// begin prepares for Open or Serve.
func (l *Loop) begin(c *Conn, size int) {
	l.serving, l.servingLen, l.Out = c, size, l.Out[:0]
}

// open tells the handler of c, which has a slot and is known to the system.
func (l *Loop) open(c *Conn) {
	l.begin(c, 0)
	ok := l.handler.Open(l, c)
	l.serving = nil
	if ok {
		c.flags |= flagOpened
	} else {
		c.flags |= flagCloseAfter
	}
	if len(l.Out) > 0 {
		l.answer(c)
	}
	c.maybeFinish()
}

// serve hands in to the handler, sends what it answered and returns what it left
// unconsumed; nothing when c is at its end.
func (l *Loop) serve(c *Conn, in []byte) []byte {
	l.begin(c, len(in))
	consumed, need := l.handler.Serve(l, c, in[:len(in):len(in)])
	l.serving = nil
	if uint(consumed) > uint(len(in)) {
		invariants.Fail("netloop: Serve consumed %d of %d bytes", consumed, len(in))
	}
	if len(l.Out) > 0 {
		l.answer(c)
	}
	c.need = 0
	if c.flags&(flagClosing|flagCloseAfter) != 0 {
		c.maybeFinish()
		return nil
	}
	rest := in[consumed:]
	if len(rest) == 0 {
		return nil
	}
	if c.flags&flagPaused == 0 {
		if need > len(rest) {
			c.need = need
		} else if need < 0 {
			l.markReady(c)
		}
	}
	if !l.admit(c, rest) {
		return nil
	}
	return rest
}

// admit checks the size of the kept input against the limit and closes c when it
// is exceeded.
func (l *Loop) admit(c *Conn, input []byte) bool {
	cfg := &l.server.cfg
	if cfg.MaxInput == nil {
		return true
	}
	limit := cfg.MaxInput()
	if limit <= 0 || int64(len(input)) <= limit {
		return true
	}
	if cfg.Overflow != nil {
		cfg.Overflow(l, c, input)
	}
	c.Close()
	return false
}

// markReady has c served again from its kept input, in the next round.
func (l *Loop) markReady(c *Conn) {
	c.flags |= flagServe
	l.queueTurn(c)
}

// queueTurn gives c a turn in the next round.
func (l *Loop) queueTurn(c *Conn) {
	if c.flags&flagReady == 0 {
		c.flags |= flagReady
		l.ready = append(l.ready, c)
	}
}

// serveReady serves the kept input of the connections that were ready when it
// began; those that become so meanwhile wait for the next round.
func (l *Loop) serveReady() {
	l.ready, l.turn = l.turn[:0], l.ready
	for i, c := range l.turn {
		l.turn[i] = nil
		c.flags &^= flagReady
		if c.flags&(flagClosing|flagCloseAfter|flagPaused) != 0 {
			continue
		}
		served := c.flags&flagServe != 0 && len(c.in) > 0
		c.flags &^= flagServe
		if served {
			c.keep(l.serve(c, c.in))
		}
		c.sysServed(served)
	}
}

// answer writes Out to c, behind what is queued already, and queues what the
// socket does not take.
//
// Writing all replies of a round together at its end, as Redis does, was tried:
// with 50 unpipelined clients neither the time per request nor the number of
// sleeps changed, and replies would wait for slow requests of other clients.
func (l *Loop) answer(c *Conn) {
	if c.flags&flagClosing != 0 {
		return
	}
	if l.Late {
		l.Late = false
		c.sendLate()
		return
	}
	n := 0
	if c.out == nil {
		if n = c.sysWrite(l.Out); n == len(l.Out) {
			if cap(l.Out) > outKeep {
				l.shrinkOut()
			}
			return
		}
		if n < 0 {
			c.Close()
			return
		}
	}
	rest := l.Out[n:]
	if len(rest) >= stealMin && cap(rest) <= 2*len(rest) {
		// Long replies change hands instead of being copied.
		c.queue().give(rest)
		l.Out = make([]byte, 0, outMin)
	} else {
		c.queue().add(l, rest)
	}
	c.sysAwaitWritable()
	c.tellPending()
}

// sendLate queues Out for the end of the round, when Config.Flush has told others what
// they should know before this client knows that its requests are done.
func (c *Conn) sendLate() {
	l := c.loop
	waited := c.out != nil && c.flags&flagDirty == 0
	c.queue().add(l, l.Out)
	c.queued(waited)
}

// shrinkOut gives a large Out up when it has not been needed for a while.
func (l *Loop) shrinkOut() {
	if l.calm++; len(l.Out) > outKeep {
		l.calm = 0
	}
	if l.calm > outCalm {
		l.Out = make([]byte, 0, outMin)
		l.calm = 0
	}
}

// markDirty has the queue of c flushed at the end of the round, or now when many
// are waiting for that: chunks should not pile up in a wide publication.
func (l *Loop) markDirty(c *Conn) {
	if c.flags&flagDirty != 0 {
		return
	}
	c.flags |= flagDirty
	l.dirty = append(l.dirty, c)
	if len(l.dirty) >= dirtyMax {
		l.flushDirty()
	}
}

// flushDirty writes what Send queued.
func (l *Loop) flushDirty() {
	if l.server.cfg.Flush != nil {
		l.server.cfg.Flush(l)
	}
	for _, c := range l.dirty {
		c.flags &^= flagDirty
		if c.flags&flagClosing == 0 && c.out != nil {
			c.sysFlush()
			c.maybeFinish()
		}
	}
	clear(l.dirty)
	l.dirty = l.dirty[:0]
}

// settle flushes and closes until nothing is left of either. It ends every round.
func (l *Loop) settle() {
	for len(l.dirty)+len(l.dying) > 0 {
		l.flushDirty()
		l.reap()
	}
}

// reap closes the dying connections. Closed may make others die: they join the list.
func (l *Loop) reap() {
	for i := 0; i < len(l.dying); i++ {
		c := l.dying[i]
		if c.flags&flagOpened != 0 {
			l.handler.Closed(l, c)
			c.flags &^= flagOpened
		}
		c.release()
		c.sysClose()
		l.slots[c.slot] = nil
		l.free = append(l.free, c.slot)
		l.count.Add(-1)
	}
	clear(l.dying)
	l.dying = l.dying[:0]
}

// teardown ends the loop: last posts, last writes, Closed for all. Afterwards
// Post refuses and the system's resources are released.
func (l *Loop) teardown() {
	l.drain()
	l.settle()
	l.sysLastFlush()
	for _, c := range l.slots {
		if c != nil {
			c.Close()
		}
	}
	l.settle()
	b := &l.box
	b.mu.Lock()
	b.closed = true
	posts, conns := b.posts, b.conns
	b.posts, b.conns = nil, nil
	b.mu.Unlock()
	conns = append(l.arrived, conns...)
	l.arrived = nil
	for i := range conns {
		conns[i].discard()
		l.count.Add(-1)
	}
	for _, fn := range posts {
		fn() // Post has promised it; connections are closed by now
	}
	l.settle()
	l.sysRelease()
}
