package netloop

import (
	"math"
	"slices"
)

// How unconsumed input is kept.
//
// Input is read into the loop's buffer. What Serve leaves there, the beginning
// of a request, moves to a buffer of the connection that is just large enough.
// At the next read a short rest is copied to the front of the loop's buffer and
// the read continues behind it, so that a stream of pipelined requests costs one
// read per 64 KiB and one copy of a fraction of a request (prefix mode). A long
// rest, or one whose need is long, is read into its own buffer (direct mode), so
// that a large value is copied by the kernel to where Serve gets it.
//
// The buffer for direct mode grows towards need as input arrives: a client that
// announces 512 MB and sends nothing costs 64 KiB. Each step allocates growFactor
// times what has been received, and more than that (growFactorLarge) once a
// megabyte was received, which is progress enough to believe the client and keeps
// the copying of a 512 MB value below 190 MB.
//
// Grants. Within grantsMax per loop a connection gets more than that: grantMin at
// least, and all the room that a need of up to growLarge asks for, so that a value
// of half a megabyte is not copied while it grows; and it keeps its buffer when the
// request is complete, since who sends in parts goes on like that. TrimInput takes
// back what was not used. A loop whose grants are given out does without.

const (
	prefixMax = 16 << 10 // longest rest that is copied to the loop's buffer
	directMin = 32 << 10 // needs from this on are read directly, as Redis's PROTO_MBULK_BIG_ARG
	bufferMin = 64 << 10 // least buffer in direct mode, when need asks for as much

	growFactor      = 2
	growFactorLarge = 4
	growLarge       = 1 << 20 // received bytes from which growFactorLarge holds

	grantMin  = 16 << 10 // least buffer that is granted
	grantCalm = 32 << 10 // granted buffers up to this size are kept until their client is idle
	grantsMax = 4 << 20  // bytes that a loop grants; the last may come as a larger buffer from the cache

	readMax      = 1 << 20  // most bytes of one read, for fairness
	readAheadMax = 64 << 10 // portable: bytes read while paused, to notice a hang-up
)

// direct reports whether the next read goes to the connection's own buffer.
func (c *Conn) direct() bool {
	return len(c.in) > prefixMax || c.need >= directMin && len(c.in) > 0
}

// target returns the capacity for a buffer that holds have bytes and shall be
// read into directly, on the way to need (0 unknown).
func target(have, need int) int {
	size := max(bufferMin, growFactor*have)
	if have >= growLarge {
		size = growFactorLarge * have
	}
	if need > have {
		size = min(size, need)
	}
	return size
}

// room returns the free space of the connection's buffer, at least a byte.
func (c *Conn) room() []byte {
	if cap(c.in) == len(c.in) {
		c.move(c.in, target(len(c.in), c.need))
	}
	free := c.in[len(c.in):cap(c.in)]
	return free[:min(len(free), readMax)]
}

// keep makes rest the kept input of c. rest may lie in c.in.
func (c *Conn) keep(rest []byte) {
	switch {
	case len(rest) == 0:
		c.emptyInput()
	case c.flags&flagClosing == 0:
		c.store(rest)
		c.tellKept()
	}
}

// grown follows the growth of kept input that is not served yet.
func (c *Conn) grown() {
	if c.loop.admit(c, c.in) {
		c.tellKept()
	}
}

// tellKept tells the handler's hook that input is kept.
func (c *Conn) tellKept() {
	if hook := c.loop.server.cfg.Kept; hook != nil && c.flags&flagClosing == 0 {
		hook(c.loop, c)
	}
}

// store puts rest, which is not empty, where kept input lies.
func (c *Conn) store(rest []byte) {
	size := len(rest)
	if size > prefixMax || c.need >= directMin {
		size = target(size, c.need)
	}
	n := cap(c.in)
	if n > 0 && &rest[:cap(rest)][cap(rest)-1] == &c.in[:n][n-1] && (c.granted == 0 || len(rest) > prefixMax) {
		n = cap(rest) // in place, as it already lies in c.in
		if n <= 4*size || n <= bufferSmall || c.granted > 0 {
			c.in = rest
			return
		}
	}
	if n = cap(c.in); n >= len(rest) && (n <= 4*size || n <= bufferSmall || c.granted > 0) {
		c.in = append(c.in[:0], rest...)
		c.noteUse()
		return
	}
	c.move(rest, size)
}

// extend appends more to the kept input.
func (c *Conn) extend(more []byte) {
	if need := len(c.in) + len(more); need > cap(c.in) {
		size := need
		if need > prefixMax || c.need >= directMin {
			size = max(need, target(need, c.need))
		}
		c.move(c.in, size)
	}
	c.in = append(c.in, more...)
	c.noteUse()
}

// move makes a copy of input, in a buffer of at least size bytes, the kept input.
func (c *Conn) move(input []byte, size int) {
	granted := max(size, grantMin)
	if c.need <= growLarge {
		granted = max(granted, c.need)
	}
	if c.loop.grants-int(c.granted)+granted > grantsMax {
		granted = 0
	}
	moved := append(c.loop.buffers.take(max(size, granted)), input...)
	c.dropInput(c.need)
	c.in = moved
	if granted > 0 {
		c.grant()
	}
}

// grant counts the buffer of c, which was not counted, among the grants.
func (c *Conn) grant() {
	c.granted = int32(cap(c.in))
	c.loop.grants += cap(c.in)
	c.usedKB = 0
	c.noteUse()
}

// noteUse remembers how much of a granted buffer is in use.
func (c *Conn) noteUse() { c.usedKB = max(c.usedKB, inKB(len(c.in))) }

// inKB returns bytes in KiB, rounded up; MaxUint16 is more than any grant.
func inKB(bytes int) uint16 { return uint16(min((bytes+1023)>>10, math.MaxUint16)) }

// emptyInput forgets the kept input, which has been consumed, and its buffer unless that
// is granted. One that was consumed from its front is not whole any more.
func (c *Conn) emptyInput() {
	if cap(c.in) != int(c.granted) {
		c.dropInput(0)
		return
	}
	c.in, c.need = c.in[:0], 0
}

// dropInput forgets the kept input and its buffer; need is how much is to come.
func (c *Conn) dropInput(need int) {
	if c.in != nil {
		c.loop.buffers.put(c.in)
		c.in = nil
	}
	c.loop.grants -= int(c.granted)
	c.granted, c.need = 0, need
}

// TrimInput gives back what c was granted and does not use: everything that is empty if
// the client is idle; if it is not, what a large buffer has beyond twice of what was
// used since the last call.
func (c *Conn) TrimInput(idle bool) {
	used := int(c.usedKB) << 10
	c.usedKB = inKB(len(c.in))
	switch {
	case c.granted == 0 || c.loop.serving == c:
		// Nothing is there to give, or it is being looked at.
	case idle && len(c.in) == 0:
		c.dropInput(0)
	case idle && len(c.in) < cap(c.in):
		c.resize(len(c.in))
	case !idle && cap(c.in) > grantCalm && cap(c.in)/2 > used && c.need <= len(c.in):
		c.resize(max(used, grantMin))
	}
}

// resize moves a granted buffer to one of size bytes, which all of the input fits in.
func (c *Conn) resize(size int) {
	resized := append(make([]byte, 0, size), c.in...)
	c.dropInput(c.need)
	c.in = resized
	c.grant()
}

const (
	bufferSmall   = 4 << 10 // buffers up to this size fit any smaller request
	bufferLarge   = 2 << 20 // larger ones are left to the collector
	cacheBytesMax = 4 << 20
	cacheCountMax = 32
)

// bufferCache keeps a few input buffers of a loop between uses, so that values
// larger than the read buffer do not cost an allocation each.
type bufferCache struct {
	free  [][]byte
	bytes int
	used  bool // since the last trim
}

// take returns an empty buffer with at least the capacity size.
func (b *bufferCache) take(size int) []byte {
	b.used = true
	best := -1
	for i, buf := range b.free {
		if n := cap(buf); n >= size && (n <= 4*size || n <= bufferSmall) && (best < 0 || n < cap(b.free[best])) {
			best = i
		}
	}
	if best < 0 {
		return slices.Grow([]byte(nil), size)
	}
	buf := b.free[best]
	b.bytes -= cap(buf)
	b.free = slices.Delete(b.free, best, best+1)
	return buf[:0]
}

// put takes a buffer back, or leaves it to the collector.
func (b *bufferCache) put(buf []byte) {
	n := cap(buf)
	if n == 0 || n > bufferLarge || b.bytes+n > cacheBytesMax || len(b.free) == cacheCountMax {
		return
	}
	b.free = append(b.free, buf[:0])
	b.bytes += n
}

// trim empties a cache that has not been used since the last trim.
func (b *bufferCache) trim() {
	if !b.used {
		b.free, b.bytes = nil, 0
	}
	b.used = false
}
