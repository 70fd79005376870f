package feed

import (
	"encoding/binary"
	"runtime"
	"sync/atomic"

	"kvorum/internal/invariants"
	"kvorum/resp"
)

// A ring is a list of chunks with one producer, the owner, and one consumer,
// whoever merges.
//
//	chunk: | record | record | record | ... free ... |     link ─► next chunk
//	record: number u64 | size u64 | db u32 | flags u32 | size bytes of RESP
//
// R1: a chunk's state word says how many of its bytes are published and whether
// the chunk is sealed: complete, link set. It is stored once per publication,
// after everything it speaks of. R2: the records of a group are published
// together: chunks that a group entered are filled and sealed first, the state
// of the one in which it began is stored last. R3: only the first record of a
// group has a number. R4: the consumer gives drained chunks back through
// returned; the producer takes them all at once (so no ABA).
const (
	recordHead = 24

	flagMulti = 1 << 0 // first of several effects
	flagMore  = 1 << 1 // another effect of the group follows

	// chunkSize fits the second-level cache with room for the table.
	chunkSize = 64 << 10
	// sparesMax is how many drained chunks a ring keeps.
	sparesMax = 4

	// RingBytesMax is how much a ring may hold before Throttle acts.
	RingBytesMax = 8 << 20

	// lazyEffects and lazyFlushes say how long FlushLazy lets effects wait. The
	// state of the merge moves from one processor's cache to another's with
	// each merge (some hundred ns), so it pays to merge many at a time.
	lazyEffects = 256
	lazyFlushes = 4

	// throttleRounds bounds Throttle: each round merges or yields.
	throttleRounds = 64

	sealedBit = 1
)

// chunk is a piece of a ring.
type chunk struct {
	state atomic.Uint64 // bytes published << 1 | sealed
	size  int           // producer: bytes filled, valid when left behind
	link  *chunk        // set before the sealing store; free list: next free
	buf   []byte
}

// Ring takes the effects of one goroutine. See the package doc for its rules.
type Ring struct {
	f *Feed

	// Owner's side.
	cur      *chunk // nil until the first effect
	pos      int    // bytes filled in cur
	free     *chunk // chunks to use again
	group    *chunk // where the open group began; nil: none open or no effect yet
	groupPos int    // its first record
	lastIn   *chunk // where its last record is; nil: it has less than two
	lastPos  int
	count    int    // effects of the open group
	depth    int    // Begins without End
	last     uint64 // the last number published
	flushed  uint64 // last at the last Flush
	skipped  int    // lazy flushes since
	appended int64  // bytes of records published

	_ [64]byte // the consumer writes below

	// Merger's side, under Feed.mu but for the atomics.
	head     *chunk // nil until the first effect was seen
	headPos  int
	number   uint64 // number of the record at head; 0: not looked up
	taken    int64  // bytes of records merged
	closed   bool
	first    atomic.Pointer[chunk] // where head begins
	returned atomic.Pointer[chunk]
	spares   atomic.Int32
	merged   atomic.Int64 // taken, told to the owner once per slice
	_        [64]byte
}

// Append adds one effect, a command that ran in database db. The caller holds
// the locks under which it ran. args are borrowed and copied; a prepared slice
// is passed with "...". Never waits. Nothing happens unless enabled.
func (r *Ring) Append(db int, args ...[]byte) {
	if !r.f.enabled.Load() {
		return
	}
	c, need := r.cur, recordHead+resp.CommandRoom(args)
	if c == nil || len(c.buf)-r.pos < need {
		c = r.nextChunk(need)
	}
	r.add(c, db, resp.PutCommand(c.buf[r.pos+recordHead:], args))
}

// controlDB marks the database number of a record that is control.
const controlDB = 1 << 31

// AppendControl is Append of a command that concerns no data, such as PUBLISH: it has its
// place in the stream, but cursors may skip it.
func (r *Ring) AppendControl(db int, args ...[]byte) {
	if !r.f.enabled.Load() {
		return
	}
	c, need := r.cur, recordHead+resp.CommandRoom(args)
	if c == nil || len(c.buf)-r.pos < need {
		c = r.nextChunk(need)
	}
	r.add(c, db|controlDB, resp.PutCommand(c.buf[r.pos+recordHead:], args))
}

// AppendEncoded is Append of commands that are RESP already.
func (r *Ring) AppendEncoded(db int, command []byte) {
	if !r.f.enabled.Load() {
		return
	}
	c, need := r.cur, recordHead+len(command)
	if c == nil || len(c.buf)-r.pos < need {
		c = r.nextChunk(need)
	}
	r.add(c, db, copy(c.buf[r.pos+recordHead:], command))
}

// Begin opens a group: effects up to the matching End are one unit. Groups may
// nest; the outermost counts.
func (r *Ring) Begin() { r.depth++ }

// End closes a group. The caller still holds the locks of all its effects.
func (r *Ring) End() {
	if r.depth <= 0 {
		invariants.Fail("feed: End without Begin: depth %d", r.depth)
	}
	r.depth--
	if r.depth > 0 || r.count == 0 {
		return
	}
	var flags uint32
	if r.count > 1 {
		flags = flagMulti | flagMore
	}
	if r.lastIn != nil {
		binary.LittleEndian.PutUint32(r.lastIn.buf[r.lastPos+20:], 0)
	}
	binary.LittleEndian.PutUint32(r.group.buf[r.groupPos+20:], flags)
	r.publish(r.group, r.groupPos)
	r.group, r.lastIn, r.count = nil, nil, 0
}

// Last returns the number of the last effect published, 0 before the first.
// When Feed.Merged has reached it, all that this goroutine did is in the stream.
func (r *Ring) Last() uint64 { return r.last }

// Flush lets the effects of a batch into the stream. The owner calls it after
// each batch, holding no shard locks. Cheap if there are none.
func (r *Ring) Flush() {
	if r.flushed != r.last {
		r.flushed, r.skipped = r.last, 0
		if r.f.mergedTo.Load() < r.last {
			r.f.flush()
		}
	}
}

// FlushLazy may stand for Flush after a batch if the owner calls Flush before
// it blocks (waits for events, parks) and where replies wait for the stream. It
// merges only when lazyEffects wait, or its own have waited for lazyFlushes
// calls.
func (r *Ring) FlushLazy() {
	if r.flushed == r.last {
		return
	}
	if r.skipped++; r.skipped >= lazyFlushes || r.last-r.f.mergedTo.Load() >= lazyEffects {
		r.Flush()
	}
}

// Throttle keeps the ring's memory bounded. The owner calls it between batches,
// holding no lock and outside the gate. Usually one load and a comparison; past
// RingBytesMax it helps to merge, in a bounded number of rounds.
func (r *Ring) Throttle() {
	if r.appended-r.merged.Load() > RingBytesMax {
		r.throttle()
	}
}

func (r *Ring) throttle() {
	for range throttleRounds {
		r.f.Merge()
		if r.appended-r.merged.Load() <= RingBytesMax {
			return
		}
		runtime.Gosched() // somebody is about to publish the number we lack
	}
	r.f.overruns.Add(1)
}

// Close gives the ring up after its last effect has been published. What it
// holds is still merged.
func (r *Ring) Close() {
	if r.depth != 0 {
		invariants.Fail("feed: Close in a group: depth %d", r.depth)
	}
	r.f.mu.Lock()
	r.closed = true
	r.f.stale.Store(true) // let the merger look at it
	r.f.unlock()
}

// add completes the record at pos of c, the current chunk, where size bytes are
// encoded, and publishes it unless a group is open.
func (r *Ring) add(c *chunk, db, size int) {
	at := r.pos
	h := c.buf[at : at+recordHead]
	binary.LittleEndian.PutUint64(h[8:], uint64(size))
	flags := uint32(0)
	if r.depth > 0 {
		flags = flagMore
	}
	binary.LittleEndian.PutUint64(h[16:], uint64(uint32(db))|uint64(flags)<<32)
	r.pos = at + recordHead + size
	r.appended += int64(recordHead + size)
	if r.depth == 0 {
		r.last = r.f.counter.Add(1)
		binary.LittleEndian.PutUint64(h, r.last)
		c.state.Store(uint64(r.pos) << 1)
		return
	}
	if r.count == 0 {
		r.group, r.groupPos = c, at
	} else {
		r.lastIn, r.lastPos = c, at
	}
	r.count++
}

// publish numbers the group that begins at c.buf[at] and publishes it (R2).
func (r *Ring) publish(c *chunk, at int) {
	r.last = r.f.counter.Add(1)
	binary.LittleEndian.PutUint64(c.buf[at:], r.last)
	if c == r.cur {
		c.state.Store(uint64(r.pos) << 1)
		return
	}
	for g := c.link; g != r.cur; g = g.link {
		g.state.Store(uint64(g.size)<<1 | sealedBit)
	}
	r.cur.state.Store(uint64(r.pos) << 1)
	c.state.Store(uint64(c.size)<<1 | sealedBit)
}

// nextChunk leaves the current chunk for one with room for need bytes.
func (r *Ring) nextChunk(need int) *chunk {
	c := r.newChunk(need)
	old := r.cur
	if old == nil {
		r.first.Store(c) // only now: an idle ring has no memory
	} else {
		old.size, old.link = r.pos, c
		if r.group == nil {
			old.state.Store(uint64(r.pos)<<1 | sealedBit)
		}
	}
	r.cur, r.pos = c, 0
	return c
}

// newChunk returns an empty chunk with room for need bytes.
func (r *Ring) newChunk(need int) *chunk {
	if need > chunkSize {
		return &chunk{buf: make([]byte, need)}
	}
	if r.free == nil {
		r.free = r.returned.Swap(nil)
		for c := r.free; c != nil; c = c.link {
			r.spares.Add(-1)
		}
	}
	c := r.free
	if c == nil {
		return &chunk{buf: make([]byte, chunkSize)}
	}
	r.free = c.link
	c.link = nil
	return c
}

// peek returns the number of the next record to merge, 0 if none is published.
// Under Feed.mu.
func (r *Ring) peek() uint64 {
	if r.head == nil {
		r.head = r.first.Load()
	}
	if r.number == 0 && r.head != nil && r.available() > 0 {
		r.number = binary.LittleEndian.Uint64(r.head.buf[r.headPos:])
	}
	return r.number
}

// available returns how many bytes are published at head, leaving drained
// chunks behind. Under Feed.mu.
func (r *Ring) available() int {
	for {
		c := r.head
		state := c.state.Load()
		if n := int(state>>1) - r.headPos; n > 0 {
			return n
		}
		if state&sealedBit == 0 {
			return 0
		}
		r.head, r.headPos = c.link, 0
		r.giveBack(c)
	}
}

// giveBack returns a drained chunk to the producer, or drops it.
func (r *Ring) giveBack(c *chunk) {
	if len(c.buf) != chunkSize || r.spares.Load() >= sparesMax {
		c.link = nil
		return
	}
	r.spares.Add(1)
	c.state.Store(0)
	for {
		c.link = r.returned.Load()
		if r.returned.CompareAndSwap(c.link, c) {
			return
		}
	}
}

// record returns the record at head and moves past it. Under Feed.mu; the
// record is published.
func (r *Ring) record() (command []byte, db int, flags uint32) {
	h := r.head.buf[r.headPos:]
	size := int(binary.LittleEndian.Uint64(h[8:]))
	db = int(binary.LittleEndian.Uint32(h[16:]))
	flags = binary.LittleEndian.Uint32(h[20:])
	r.headPos += recordHead + size
	r.taken += int64(recordHead + size)
	return h[recordHead : recordHead+size], db, flags
}

// tell lets the owner know how much was merged, in steps coarse enough to cost
// nothing.
func (r *Ring) tell() {
	if r.taken-r.merged.Load() >= chunkSize {
		r.merged.Store(r.taken)
	}
}

// waiting returns the bytes published and not merged. Under Feed.mu.
func (r *Ring) waiting() (size int64) {
	if r.peek() == 0 {
		return 0
	}
	size = -int64(r.headPos)
	for c := r.head; c != nil; c = c.link {
		state := c.state.Load()
		size += int64(state >> 1)
		if state&sealedBit == 0 {
			break
		}
	}
	return size
}
