package netloop

import (
	"net/netip"
	"os"
)

type connFlags uint16

const (
	flagOpened     connFlags = 1 << iota // Open accepted it, Closed is due
	flagClosing                          // on the dying list
	flagCloseAfter                       // close when the output is written
	flagPaused                           // neither read nor served
	flagParked                           // paused, and a hang-up waits for Resume
	flagReady                            // on the ready list
	flagDirty                            // on the dirty list
	flagServe                            // kept input is to be served when its turn comes
	flagUnread                           // Linux: may have input that no event will tell of
	flagEnded                            // portable: the peer hung up while parked
	flagHung                             // Linux: on the hung list
	flagGone                             // Linux: the peer sends no more, and no event will tell again
)

// Conn is a connection. Its methods may only be called on its loop, Loop
// excepted, and do nothing once it is closed. Data may be read from elsewhere
// if the handler does not change it after Open.
type Conn struct {
	Data any // the handler's state of this connection

	loop *Loop
	in   []byte    // unconsumed input, or an empty buffer that is granted; nil when there is neither
	need int       // bytes of in before Serve can go on; 0 unknown
	out  *outQueue // unwritten output; nil when there is none
	name *string   // LocalAddr; nil before it is asked for
	slot int32
	gen  uint32
	sysConn
	flags   connFlags
	usedKB  uint16 // KiB, the most of a granted buffer that were in use since TrimInput
	granted int32  // bytes of in's buffer that count in Loop.grants; 0: it is not granted
}

// Loop returns the loop of c. Any goroutine may call it.
func (c *Conn) Loop() *Loop { return c.loop }

// Send queues b, which is copied, for c. While c is being served it is appended
// to Loop.Out, so that it keeps its place among the replies; otherwise it is
// written at the end of the loop's round, together with other Sends. It is
// dropped after Close and CloseAfterWrite.
func (c *Conn) Send(b []byte) {
	l := c.loop
	if len(b) == 0 || c.flags&(flagClosing|flagCloseAfter) != 0 {
		return
	}
	if l.serving == c {
		l.Out = append(l.Out, b...)
		return
	}
	waited := c.out != nil && c.flags&flagDirty == 0
	c.queue().add(l, b)
	c.queued(waited)
}

// Give is Send for bytes that are the connection's from now on: long ones are
// queued without a copy.
func (c *Conn) Give(b []byte) {
	if len(b) < stealMin || c.loop.serving == c {
		c.Send(b)
		return
	}
	if c.flags&(flagClosing|flagCloseAfter) != 0 {
		return
	}
	waited := c.out != nil && c.flags&flagDirty == 0
	c.queue().give(b)
	c.queued(waited)
}

// Share is Send for bytes that nobody changes any more and that owners connections
// get: except for short ones all queue the same bytes, and each counts its part of
// them in BufferBytes. PendingOut counts all of them.
func (c *Conn) Share(b []byte, owners int) {
	if len(b) < shareMin || c.loop.serving == c {
		c.Send(b)
		return
	}
	if c.flags&(flagClosing|flagCloseAfter) != 0 {
		return
	}
	waited := c.out != nil && c.flags&flagDirty == 0
	c.queue().share(b, owners)
	c.queued(waited)
}

// queued follows an addition to the queue; waited: output waited before it.
func (c *Conn) queued(waited bool) {
	if waited {
		c.tellPending()
		return
	}
	c.loop.markDirty(c)
}

// Close ends c without writing what is pending. The socket is closed, and Closed
// called, after the current callback.
func (c *Conn) Close() {
	if c.flags&flagClosing != 0 {
		return
	}
	c.flags |= flagClosing
	c.loop.dying = append(c.loop.dying, c)
}

// CloseAfterWrite ends c when everything answered so far, and what the running
// Serve still appends to Loop.Out, is written. Input is not served any more.
func (c *Conn) CloseAfterWrite() {
	c.flags |= flagCloseAfter
	c.sysChanged()
	if c.loop.serving != c {
		c.maybeFinish()
	}
}

// Closing reports whether Close or CloseAfterWrite was called or the peer is gone.
func (c *Conn) Closing() bool { return c.flags&(flagClosing|flagCloseAfter) != 0 }

// Pause stops reading and serving c. Input that Serve leaves is kept, and output
// is still written. When the peer hangs up, c is closed. For a client that waits,
// as in BLPOP. Calls do not nest.
func (c *Conn) Pause() {
	c.flags = c.flags&^flagParked | flagPaused
	c.need = 0
	c.sysChanged()
}

// Park is Pause for a client whose request is being worked on elsewhere: when the
// peer only shuts down its sending side, as "printf ... | nc" does, c stays until
// Resume so that it gets its reply. A broken connection is closed all the same.
func (c *Conn) Park() {
	c.flags |= flagPaused | flagParked
	c.need = 0
}

// Paused reports whether c is paused or parked.
func (c *Conn) Paused() bool { return c.flags&flagPaused != 0 }

// Resume ends Pause and Park. Kept input is served in the loop's next round.
func (c *Conn) Resume() {
	if c.flags&flagPaused == 0 {
		return
	}
	c.flags &^= flagPaused | flagParked
	c.need = 0
	c.sysChanged()
	if len(c.in) > 0 || c.flags&(flagEnded|flagUnread) != 0 || c.loop.serving == c {
		c.loop.markReady(c)
	}
}

// FD returns the descriptor of the socket, -1 when there is none. It is for
// inspection and socket options: reading, writing and closing are the loop's.
func (c *Conn) FD() int { return c.sysFD() }

// SetNoDelay chooses whether small output leaves at once, as it does unless told
// otherwise, or may wait for what was sent before to arrive. Nothing happens to a Unix
// socket.
func (c *Conn) SetNoDelay(on bool) {
	if !c.Unix() {
		c.sysNoDelay(on)
	}
}

// PendingOut returns the bytes of output that the socket has not taken yet,
// Loop.Out included while c is being served.
func (c *Conn) PendingOut() int {
	n := 0
	if c.out != nil {
		n = c.out.size
	}
	if c.loop.serving == c {
		n += len(c.loop.Out)
	}
	return n
}

// SendFile writes up to n bytes, more than none, of a file from an offset on: straight
// from the system's memory of it to the socket, without a copy. They must be there, and
// must not change any more. It returns how many the socket has taken: fewer when it is
// full, none while output waits. ok is false where that is not possible: the caller reads
// and Sends then, now and later.
func (c *Conn) SendFile(f *os.File, from int64, n int) (sent int, ok bool) {
	if c.out != nil || c.loop.serving == c || c.Closing() {
		return 0, true
	}
	return c.sysSendFile(f, from, n)
}

// Writable has fn called on the loop, once, when the socket takes output again, after a
// SendFile that came up short, or no output waits any more, also because c is closed.
func (c *Conn) Writable(fn func()) {
	if c.out == nil && !c.Closing() {
		c.out = c.loop.takeQueue() // an empty one: its end is what fn waits for
		c.sysAwaitWritable()
	}
	c.Drained(fn)
}

// Drained has fn called on the loop, once, when no output waits any more, also
// because c is closed.
func (c *Conn) Drained(fn func()) {
	if c.out == nil {
		c.loop.Post(fn)
		return
	}
	c.out.drained = fn
}

// InputBuffered returns the bytes of kept input, or of the input given to the
// running Serve.
func (c *Conn) InputBuffered() int {
	if c.loop.serving == c {
		return c.loop.servingLen
	}
	return len(c.in)
}

// InputRoom returns the free bytes of the buffer that c has for kept input.
func (c *Conn) InputRoom() int {
	if c.loop.serving == c && len(c.in) > 0 {
		return 0 // it is the loop's, or its rest is given back in a moment
	}
	return cap(c.in) - len(c.in)
}

// PendingChunks returns in how many pieces output waits.
func (c *Conn) PendingChunks() int {
	if c.out == nil {
		return 0
	}
	return len(c.out.chunks) - c.out.head
}

// BufferBytes returns the memory of the buffers that c holds, input and output.
func (c *Conn) BufferBytes() int {
	n := cap(c.in)
	if c.out != nil {
		n += c.out.capacity
	}
	return n
}

// Owner returns Data.
func (c *Conn) Owner() any { return c.Data }

// RemoteAddr returns the peer's address as Redis prints it: "ip:port",
// "[ip6]:port", or "path:0" for a Unix socket. Any goroutine may call it.
func (c *Conn) RemoteAddr() string { return c.sysRemoteAddr() }

// LocalAddr returns the address of the server's side of c in the same format. It asks
// the system once; most connections of a loop share the text.
func (c *Conn) LocalAddr() string {
	if c.name == nil {
		l := c.loop
		if name := c.sysLocalAddr(); l.name == nil || *l.name != name {
			l.name = &name
		}
		c.name = l.name
	}
	return *c.name
}

// RemoteIP returns the peer's address; the zero Addr for a Unix socket.
func (c *Conn) RemoteIP() netip.Addr { return c.sysRemoteIP() }

// Unix reports whether c came through a Unix socket.
func (c *Conn) Unix() bool { return c.sysUnix() }

// maybeFinish closes c if it was to be closed after writing and all is written.
func (c *Conn) maybeFinish() {
	if c.flags&flagCloseAfter != 0 && c.out == nil {
		c.Close()
	}
}

// queue returns the output queue of c, a new one if it has none.
func (c *Conn) queue() *outQueue {
	if c.out == nil {
		c.out = c.loop.takeQueue()
	}
	return c.out
}

// tellPending tells the handler's hook how much output waits.
func (c *Conn) tellPending() {
	if hook := c.loop.server.cfg.Pending; hook != nil && c.out != nil && c.flags&flagClosing == 0 {
		hook(c.loop, c, c.out.size)
	}
}

// release gives the buffers of c back to the loop.
func (c *Conn) release() {
	c.dropInput(0)
	if c.out != nil {
		if !c.sysWriting() {
			c.loop.putQueue(c.out)
		} else if fn := c.out.drained; fn != nil { // the chunks are in use, nobody else tells
			c.loop.Post(fn)
		}
		c.out = nil
	}
}
