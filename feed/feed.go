package feed

import (
	"encoding/binary"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"kvorum/internal/invariants"
	"kvorum/resp"
)

const (
	// sliceSize is how many bytes of stream are merged in one hold of the
	// mutex, so that readers wait for microseconds only.
	sliceSize = 64 << 10

	// combineRounds is how often one goroutine goes on merging for others
	// that found the mutex held before it leaves that to the sequencer.
	combineRounds = 4

	// notifyFew is how many cursors are woken without allocating.
	notifyFew = 8

	noDB = -1 // the next effect must be preceded by a SELECT
)

var (
	multiCommand = resp.AppendCommandStrings(nil, "MULTI")
	execCommand  = resp.AppendCommandStrings(nil, "EXEC")
	selectName   = []byte("SELECT")
)

// Feed is the stream, its window and the rings that lead to it.
type Feed struct {
	enabled atomic.Bool
	_       [63]byte
	counter atomic.Uint64 // the last number taken
	_       [56]byte

	stale    atomic.Bool // a flush found mu held: what it published may not be merged
	sleeping atomic.Bool // the sequencer waits for wakeup
	overruns atomic.Uint64
	wakeup   chan struct{}
	_        [40]byte

	mergedTo atomic.Uint64 // next-1 as of the last slice, for lazy flushes
	mu       sync.Mutex
	rings    []*Ring
	near     int    // ring that had the last number: likely to have the next
	next     uint64 // number to merge next
	db       int    // database the stream has selected, or noDB
	win      window
	selbuf   []byte
}

// New returns a disabled feed whose stream begins at offset and whose window
// keeps the last windowBytes.
func New(offset int64, windowBytes int64) *Feed {
	f := &Feed{next: 1, db: noDB, wakeup: make(chan struct{}, 1)}
	f.win.init(offset, windowBytes)
	return f
}

// NewRing returns a ring for the calling goroutine, or for the one it is
// handed to before its first use. It takes memory with its first effect.
func (f *Feed) NewRing() *Ring {
	r := &Ring{f: f}
	f.mu.Lock()
	f.rings = append(f.rings, r)
	f.mu.Unlock()
	return r
}

// Enabled reports whether effects are taken.
//
//kvorum:inline
func (f *Feed) Enabled() bool { return f.enabled.Load() }

// Enable starts taking effects. Exclusive (gate): every command before is not
// in the stream, every one after is. The first effect is preceded by SELECT.
func (f *Feed) Enable() {
	f.Cut()
	f.enabled.Store(true)
}

// Disable stops taking effects; those taken are in the stream when it returns.
// Exclusive (gate).
func (f *Feed) Disable() {
	f.Cut()
	f.enabled.Store(false)
}

// Cut returns the offset after the last effect: the place of a snapshot. The
// next effect is preceded by SELECT, so that a reader can begin here.
// COMPAT: repl-select: whoever wants the snapshot.
// Exclusive (gate): nobody is between taking a number and publishing it.
func (f *Feed) Cut() int64 {
	f.Merge()
	f.mu.Lock()
	defer f.unlock()
	if taken := f.counter.Load(); f.next != taken+1 {
		invariants.Fail("feed: cut while effects are under way: merged up to %d of %d", f.next-1, taken)
	}
	f.db = noDB
	return f.win.end
}

// Reset empties the window and lets the stream go on at offset, as after taking
// over another master's history. Cursors elsewhere get ErrGone. Exclusive (gate).
func (f *Feed) Reset(offset int64) {
	f.Cut()
	f.mu.Lock()
	f.win.reset(offset)
	f.unlock()
}

// SetWindow changes how many bytes of the stream are kept.
func (f *Feed) SetWindow(windowBytes int64) {
	f.mu.Lock()
	f.win.keep = windowBytes
	f.win.evict()
	f.unlock()
}

// AppendRaw adds bytes that are stream already, as a replica does with what its
// master sends. It comes after all effects merged so far. The next effect is
// preceded by SELECT. data is copied.
func (f *Feed) AppendRaw(data []byte) {
	f.mu.Lock()
	f.db = noDB
	f.win.write(data)
	f.win.wake()
	f.unlock()
}

// AppendControl adds a command between master and replicas (PING, REPLCONF
// GETACK), which concerns no data and which cursors may skip.
func (f *Feed) AppendControl(data []byte) {
	f.mu.Lock()
	f.win.writeControl(data)
	f.win.wake()
	f.unlock()
}

// Offset returns the end of the stream: the bytes merged so far, plus the
// offset it began at.
func (f *Feed) Offset() int64 {
	_, offset := f.Merged()
	return offset
}

// Taken returns the last number taken: effects numbered later happened later.
func (f *Feed) Taken() uint64 { return f.counter.Load() }

// Merged tells how far the stream is: all effects numbered up to number end at
// offset or before. With Ring.Last it answers "is my write in the stream".
func (f *Feed) Merged() (number uint64, offset int64) {
	f.mu.Lock()
	number, offset = f.next-1, f.win.end
	f.unlock()
	return number, offset
}

// Stats is a reading of a Feed. Sizes are bytes.
type Stats struct {
	Start, End  int64  // offsets of the window
	WindowBytes int64  // memory of the window
	RingBytes   int64  // records published and not merged
	Effects     uint64 // numbers merged
	Overruns    uint64 // times Throttle gave up
	Cursors     int
}

// Stats returns a reading.
func (f *Feed) Stats() Stats {
	f.mu.Lock()
	s := Stats{
		Start: f.win.start, End: f.win.end, WindowBytes: f.win.memory(),
		Effects: f.next - 1, Overruns: f.overruns.Load(), Cursors: len(f.win.cursors),
	}
	for _, r := range f.rings {
		s.RingBytes += r.waiting()
	}
	f.unlock()
	return s
}

// Merge merges all that is published when it is called, and perhaps more.
func (f *Feed) Merge() {
	target := f.counter.Load()
	for more := true; more; {
		f.mu.Lock()
		more = f.mergeSlice() && f.next <= target
		f.unlock()
	}
}

// Run is the sequencer: it merges what flushes leave, until stop is closed;
// then it merges the rest and returns. One goroutine, started by the owner.
func (f *Feed) Run(stop <-chan struct{}) {
	for {
		f.Merge()
		// Asleep first, then a last look: a flush that this look misses finds
		// the sequencer asleep and wakes it.
		f.sleeping.Store(true)
		if f.stale.Load() {
			f.sleeping.Store(false)
			continue
		}
		select {
		case <-f.wakeup:
		case <-stop:
			f.sleeping.Store(false)
			f.Merge()
			return
		}
	}
}

// flush merges one slice if nobody else holds the mutex. If somebody does, he
// sees stale when he has released it; if he had released it before that was
// set, the second try succeeds.
func (f *Feed) flush() {
	if !f.mu.TryLock() {
		f.stale.Store(true)
		if !f.mu.TryLock() {
			return
		}
	}
	f.mergeSlice()
	f.unlock()
}

// unlock releases the mutex and wakes the cursors that now have something to
// read. What was published by goroutines that found the mutex held is merged
// here, for a few rounds; what is left then is the sequencer's.
func (f *Feed) unlock() {
	for round := 0; ; round++ {
		if len(f.win.notify) > 0 {
			f.unlockAndNotify()
		} else {
			f.mu.Unlock()
		}
		if !f.stale.Load() {
			return
		}
		if round == combineRounds {
			break
		}
		if !f.mu.TryLock() {
			return
		}
		f.mergeSlice()
	}
	if f.sleeping.Load() && f.sleeping.CompareAndSwap(true, false) {
		select {
		case f.wakeup <- struct{}{}:
		default: // a token from before will do
		}
	}
}

// unlockAndNotify releases the mutex and then calls back.
func (f *Feed) unlockAndNotify() {
	var few [notifyFew]func()
	wake := append(few[:0], f.win.notify...)
	clear(f.win.notify)
	f.win.notify = f.win.notify[:0]
	f.mu.Unlock()
	for _, fn := range wake {
		fn()
	}
}

// mergeSlice merges published effects in the order of their numbers and reports
// whether it stopped because the slice is full. Under mu.
func (f *Feed) mergeSlice() (more bool) {
	if f.stale.Load() {
		f.stale.Store(false)
	}
	from := f.win.end
	limit := from + sliceSize
	for r := f.find(); r != nil; r = f.find() {
		f.mergeRun(r, limit)
		if more = f.win.end >= limit; more {
			f.stale.Store(true)
			break
		}
	}
	if f.win.end != from {
		f.mergedTo.Store(f.next - 1)
		f.win.wake()
		for _, r := range f.rings {
			r.tell()
		}
	}
	return more
}

// find returns the ring that holds the next number, nil if it is not published.
func (f *Feed) find() *Ring {
	if f.near < len(f.rings) {
		if r := f.rings[f.near]; r.peek() == f.next {
			return r
		}
	}
	for i := 0; i < len(f.rings); i++ {
		switch r := f.rings[i]; {
		case r.peek() == f.next:
			f.near = i
			return r
		case r.number == 0 && r.closed:
			f.rings = slices.Delete(f.rings, i, i+1)
			i--
		}
	}
	return nil
}

// mergeRun moves effects from r, which holds the next number, to the stream as
// long as numbers follow each other there and the stream ends before limit.
func (f *Feed) mergeRun(r *Ring, limit int64) {
	for r.number == f.next && f.win.end < limit {
		c, end := r.head, r.headPos+r.available()
		for r.headPos < end {
			number := binary.LittleEndian.Uint64(c.buf[r.headPos:])
			if number != f.next || f.win.end >= limit {
				r.number = number
				return
			}
			command, db, flags := r.record()
			f.next++
			if flags != 0 {
				f.mergeGroup(r, command, db)
				break // perhaps in another chunk now
			}
			f.put(command, db)
		}
		r.number = 0
		r.peek()
	}
}

// mergeGroup moves a group of several effects, of which first was taken already. A
// SELECT comes behind the MULTI, as in Redis 7.2.
func (f *Feed) mergeGroup(r *Ring, first []byte, db int) {
	f.win.write(multiCommand)
	f.put(first, db)
	for flags := uint32(flagMore); flags&flagMore != 0; {
		if r.available() == 0 {
			invariants.Fail("feed: group of effect %d ends early", f.next-1)
		}
		var command []byte
		command, db, flags = r.record()
		f.put(command, db)
	}
	f.win.write(execCommand)
}

// put moves a command that ran in a database to the stream.
func (f *Feed) put(command []byte, db int) {
	if index := db &^ controlDB; index != f.db {
		f.selectDB(index)
	}
	if db&controlDB != 0 {
		f.win.writeControl(command)
		return
	}
	f.win.write(command)
}

// selectDB adds a SELECT to the stream.
func (f *Feed) selectDB(db int) {
	f.db = db
	var digits [20]byte
	f.selbuf = resp.AppendCommand(f.selbuf[:0], selectName, strconv.AppendInt(digits[:0], int64(db), 10))
	f.win.write(f.selbuf)
}
