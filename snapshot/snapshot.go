// Package snapshot makes what a walk over the keyspace gives, all keys as they were at
// one instant, into a stream for a file or another server.
//
//	loops, between batches ── Step ──┐
//	writers, before a change ────────┤ Keeper: copies frames, under the key's lock
//	                                 ▼
//	          buffers, one for each group of shards
//	          and one of the walk itself ───────────── full ──► queue
//	                                                              │
//	                    encoder, a goroutine in Run: Sink.Keys ◄──┘
//
// Under locks things are only copied. All that costs time, making bytes of frames,
// check sums and writing, is done by one goroutine, the encoder, with no lock. If it
// falls behind, the walk waits; what writers put in front of it then still grows the
// queue, and past its limits they are slowed down (Snapshot.Delay).
//
// S1: every key of the cut is given to the Sink exactly once, as it was then, unless
// the snapshot is cancelled or the Sink fails. S2: the Sink is called in Run only.
// S3: the walk makes the queue no longer than walkAhead and one step.
//
// The package carries the frames of package rdb without looking into them. It opens no
// files, reads no clock and starts no goroutine.
package snapshot

import (
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"

	"kvorum/keyspace"
	"kvorum/mem"
	"kvorum/object"
)

// Stager copies keys into frames: rdb.Form.
type Stager interface {
	StageKey(dst []byte, rec mem.Handle) []byte
	StageHead(dst []byte, rec mem.Handle, items, nodes int) []byte
	StageElement(dst []byte, t object.Type, timed bool, elem mem.Handle) []byte
	StageNode(dst []byte, t object.Type, node mem.Handle) []byte
	StageStreamTail(dst []byte, rec mem.Handle) []byte
}

// Sink takes the frames of a snapshot.
type Sink interface {
	// Keys takes whole frames, borrowed, of one key, or of a part of one that goes on with
	// the next call if more is set. db is the number of the database at the cut. An error
	// ends the snapshot.
	Keys(db int, frames []byte, more bool) error
}

// ErrCancelled is the error of a snapshot that was cancelled without a reason.
var ErrCancelled = errors.New("snapshot: cancelled")

const (
	// chunkBytes is the size of a buffer that goes to the queue.
	chunkBytes = 64 << 10
	// bufferCount is the number of buffers that goroutines copy into at a time.
	bufferCount = keyspace.GroupCount
	// walkAhead is the length of the queue, in bytes, from which the walk waits. Who
	// sleeps until there is room is woken when half of it has been dealt with.
	walkAhead = 8 << 20
	// wakeChunks is how many chunks wait before the encoder is woken: it costs as much
	// as the work for some hundred keys. The end of what it waits for wakes it, too.
	wakeChunks = 8
	// sparesMax is the number of empty buffers kept: none of the usual length of the
	// queue becomes garbage, of which a lot would gather until it is collected.
	sparesMax = delayFrom / chunkBytes
	// delayFrom is the length of the queue from which writers are slowed down;
	// delayStep more of it adds delayUsec to what each of their batches waits.
	delayFrom = 64 << 20
	delayStep = 1 << 20
	delayUsec = 20
	delayMost = 5000
)

// Snapshot is one snapshot under way. Any goroutine may call its methods; Step only in
// a batch, with a pass, or while the world stands still.
type Snapshot struct {
	stager Stager
	walk   *keyspace.Walk

	buffers [bufferCount]buffer // of writers
	stepped buffer              // of the one who steps, locked only at the end
	part    part

	queued  atomic.Int64 // bytes in the queues and with the encoder
	inParts atomic.Int64 // those of keys in parts
	peak    atomic.Int64

	mu     sync.Mutex
	queue  [][]byte // chunks of whole keys
	parts  [][]byte // chunks of keys in parts
	spares [][]byte
	closed bool // nothing more comes
	reason error

	wake    chan struct{} // to the encoder: there is something
	drained chan struct{} // from the encoder: there may be room again
}

// buffer is where keys of some shards are copied to.
type buffer struct {
	mu sync.Mutex
	b  []byte
	_  [32]byte
}

// part is where a key in parts is copied to, by the one who steps.
type part struct {
	open atomic.Bool
	db   int
	b    []byte
	from int // where the last part begins in b
}

// head is what stands before the frames of a key, or a part of one, in a chunk: its
// database and the length.
const head = 12

// moreBit stands beside the database of what goes on in the next one.
const moreBit = 1 << 31

// Begin makes the cut. The caller is exclusive, and lets somebody call Run. Error:
// keyspace.ErrWalks.
func Begin(ks *keyspace.Keyspace, st Stager) (*Snapshot, error) {
	s := &Snapshot{stager: st, wake: make(chan struct{}, 1), drained: make(chan struct{}, 1)}
	var err error
	s.walk, err = ks.BeginWalk(s)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Key implements keyspace.Keeper.
func (s *Snapshot) Key(shard, db int, rec mem.Handle, inTurn bool) (n int) {
	if inTurn {
		s.stepped.b, n = s.stage(s.stepped.b, db, rec)
		return n
	}
	b := &s.buffers[shard%bufferCount]
	b.mu.Lock()
	b.b, n = s.stage(b.b, db, rec)
	b.mu.Unlock()
	return n
}

// stage copies a key to a buffer, and returns what the buffer is afterwards and the
// length of the key's frames.
func (s *Snapshot) stage(b []byte, db int, rec mem.Handle) (after []byte, n int) {
	if b == nil {
		b = s.spare()
	}
	from := len(b)
	b = s.stager.StageKey(appendHead(b, db), rec)
	n = closeHead(b, from)
	if len(b) >= chunkBytes {
		s.push(b)
		b = nil
	}
	return b, n
}

// Head implements keyspace.Keeper.
func (s *Snapshot) Head(_ int, rec mem.Handle, left int) (before, after []byte) {
	items := left
	switch object.Load(rec).Type() {
	case object.List:
		items = object.Items(rec)
	case object.Stream:
		after = s.stager.StageStreamTail(nil, rec)
	}
	return s.stager.StageHead(nil, rec, items, left), after
}

// Open implements keyspace.Keeper.
func (s *Snapshot) Open(db int, before []byte) {
	s.part.open.Store(true)
	s.part.db = db
	s.beginPart(true)
	s.part.b = append(s.part.b, before...)
}

// Close implements keyspace.Keeper.
func (s *Snapshot) Close(after []byte) {
	s.endPart()
	s.beginPart(false)
	s.part.b = append(s.part.b, after...)
	s.endPart()
	s.pushPart()
	signal(s.wake) // who waits for this may have a queue before it that is long enough
	s.part.open.Store(false)
}

// Element implements keyspace.Keeper.
func (s *Snapshot) Element(t object.Type, timed bool, elem mem.Handle) int {
	from := len(s.part.b)
	s.part.b = s.stager.StageElement(s.part.b, t, timed, elem)
	return s.added(from)
}

// Node implements keyspace.Keeper.
func (s *Snapshot) Node(t object.Type, node mem.Handle) int {
	from := len(s.part.b)
	s.part.b = s.stager.StageNode(s.part.b, t, node)
	return s.added(from)
}

// added lets a chunk go that is full, and returns how many bytes have come.
func (s *Snapshot) added(from int) (bytes int) {
	bytes = len(s.part.b) - from
	if len(s.part.b) >= chunkBytes {
		s.endPart()
		s.pushPart()
		s.beginPart(true)
	}
	return bytes
}

// beginPart begins a part of the open key in the chunk. more says that others follow.
func (s *Snapshot) beginPart(more bool) {
	if s.part.b == nil {
		s.part.b = s.spare()
	}
	word := s.part.db
	if more {
		word |= moreBit
	}
	s.part.from = len(s.part.b)
	s.part.b = appendHead(s.part.b, word)
}

func (s *Snapshot) endPart() { closeHead(s.part.b, s.part.from) }

func (s *Snapshot) pushPart() {
	n := int64(len(s.part.b))
	s.inParts.Add(n)
	s.count(n)
	s.mu.Lock()
	s.parts = append(s.parts, s.part.b)
	enough := worthWaking(s.parts)
	s.mu.Unlock()
	s.part.b = nil
	if enough {
		signal(s.wake)
	}
}

func appendHead(dst []byte, db int) []byte {
	return append(binary.LittleEndian.AppendUint32(dst, uint32(db)), 0, 0, 0, 0, 0, 0, 0, 0)
}

// closeHead writes the length of the frames behind the head at from, and returns it.
func closeHead(b []byte, from int) int {
	n := len(b) - from - head
	binary.LittleEndian.PutUint64(b[from+4:], uint64(n))
	return n
}

// spare returns an empty buffer.
func (s *Snapshot) spare() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.spares); n > 0 {
		b := s.spares[n-1]
		s.spares = s.spares[:n-1]
		return b
	}
	return make([]byte, 0, chunkBytes+chunkBytes/4)
}

// push puts a chunk into the queue.
func (s *Snapshot) push(b []byte) {
	s.count(int64(len(b)))
	s.mu.Lock()
	s.queue = append(s.queue, b)
	enough := worthWaking(s.queue)
	s.mu.Unlock()
	if enough {
		signal(s.wake)
	}
}

// worthWaking reports whether the encoder is to be woken for a queue: also for one chunk
// that is long, as the walk may wait for it to be gone.
func worthWaking(queue [][]byte) bool {
	n := len(queue)
	return n >= wakeChunks || len(queue[n-1]) > 2*chunkBytes
}

// count counts bytes that go into a queue.
func (s *Snapshot) count(n int64) {
	if n = s.queued.Add(n); n > s.peak.Load() {
		s.peak.Store(n)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Step goes on with the walk until about budget bytes are copied, the queue is long
// enough, or others are at it, and returns how many bytes that were. more is false when
// the walk has come to its end; only the encoder has work then.
func (s *Snapshot) Step(budget int) (bytes int, more bool) {
	if !s.Room() {
		return 0, true
	}
	bytes, more = s.walk.Step(budget)
	if !more {
		s.flush()
	}
	return bytes, more
}

// Room reports whether the encoder wants more from the walk. While a key comes in parts
// all others have to wait, so that they do not count.
func (s *Snapshot) Room() bool { return s.waiting() < walkAhead }

// waiting returns the bytes that count for what the walk may add.
func (s *Snapshot) waiting() int64 {
	if s.part.open.Load() {
		return s.inParts.Load()
	}
	return s.queued.Load()
}

// flush gives the last buffers to the encoder. The walk has ended. Two goroutines may
// find that at a time: neither comes to the end before all is in the queue.
func (s *Snapshot) flush() {
	for i := range s.buffers {
		s.flushBuffer(&s.buffers[i])
	}
	s.flushBuffer(&s.stepped)
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	signal(s.wake)
}

func (s *Snapshot) flushBuffer(b *buffer) {
	b.mu.Lock()
	if len(b.b) > 0 {
		s.push(b.b)
	}
	b.b = nil
	b.mu.Unlock()
}

// Delay returns for how many microseconds a goroutine that has changed data should
// pause, after its batch, so that the encoder keeps up. Usually one load.
func (s *Snapshot) Delay() int64 {
	over := s.queued.Load() - delayFrom
	if over <= 0 {
		return 0
	}
	return min((over/delayStep+1)*delayUsec, delayMost)
}

// Drained gets a word when the encoder has made much room, for who steps and does
// nothing else.
func (s *Snapshot) Drained() <-chan struct{} { return s.drained }

// Cancel gives the snapshot up: Run returns the reason soon. The walk must still be
// stepped to its end, which is cheap. Later calls change nothing.
func (s *Snapshot) Cancel(reason error) {
	if reason == nil {
		reason = ErrCancelled
	}
	s.mu.Lock()
	if s.reason == nil {
		s.reason = reason
	}
	s.mu.Unlock()
	s.walk.Cancel()
	s.empty()
	signal(s.wake)
}

// Cancelled reports whether the snapshot was given up.
func (s *Snapshot) Cancelled() bool { return s.walk.Cancelled() }

// Walked reports whether the walk has come to its end and needs no more steps.
func (s *Snapshot) Walked() bool { return s.walk.Ended() }

// Stats are figures of a snapshot.
type Stats struct {
	Keys      int64 // taken so far
	Total     int64 // keys at the cut
	Bytes     int64 // of the frames of those taken
	Preserved int64 // of those that writers gave
	Queued    int64 // bytes that wait for the encoder
	Peak      int64 // the most that ever did
}

// Stats returns figures.
func (s *Snapshot) Stats() Stats {
	return Stats{
		Keys: s.walk.Keys(), Total: s.walk.Total(), Bytes: s.walk.Bytes(), Preserved: s.walk.Preserved(),
		Queued: s.queued.Load(), Peak: s.peak.Load(),
	}
}
