package server

import (
	"sync"
	"sync/atomic"
	"time"

	"kvorum/aof"
	"kvorum/feed"
	"kvorum/vfs"
)

// The writer carries the stream of effects to the newest file of the log. It is one
// goroutine that reads the feed by a holding cursor; clients never write or sync.
//
//	feed ─► cursor ─► write ─► sync
//	                    │        └ always: here; then the replies that wait are let go
//	                    │          everysec: by the syncer, so that writing goes on
//	                    └ error: cut the file back to the last whole write, and try
//	                      again each second; meanwhile writes of clients are refused
//
// What the disk has not taken waits in the window of the feed. While the disk stalls
// that grows up to aofLagMax; then writes of clients are refused until half of it is
// written. So nobody ever waits for the disk, except for the replies that "always"
// holds.
//
// COMPAT: aof-later: so replies to everysec and no do not wait for it either.
//
// W1: bytes reach the file in the order of the stream, each once, whatever fails.
// W2: synced is the number of an effect such that all effects up to it are in synced
// files. W3: with "always" the feed holds all bytes since synced, and after an error of
// a sync they are written anew, as the system may have dropped them.

const (
	// aofLagMax is how much may wait for the disk before writes are refused.
	aofLagMax = 1 << 30
	// aofLinger is the pause between looks at the stream while effects keep coming:
	// without it each batch of a loop would wake the writer. With "always" there is none.
	aofLinger = time.Millisecond
	aofRetry  = time.Second
	// aofSlowSync is how long a sync may take before it counts as delayed.
	aofSlowSync = 2 * time.Second
	// aofErrorLogEvery is the least time between two lines about errors of writing.
	aofErrorLogEvery = 30 * time.Second
)

// The policies of appendfsync.
const (
	fsyncNo int32 = iota
	fsyncEverySec
	fsyncAlways
)

// rotation tells the writer that the bytes from an offset on belong to another file.
type rotation struct {
	at    int64
	file  vfs.File
	ident aof.Identity
	db    int // that the stream has selected there, if it is a master's
}

// rotations are those that a writer has not come to yet, the first one first: there may
// be several, as rewrites do not wait for a writer that the disk holds up. Any goroutine.
type rotations struct {
	mu   sync.Mutex
	list []*rotation
}

func (q *rotations) add(r *rotation) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.list = append(q.list, r)
}

// first returns the one that comes next, nil if there is none.
func (q *rotations) first() *rotation {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.list) == 0 {
		return nil
	}
	return q.list[0]
}

// drop forgets the first one, which is done.
func (q *rotations) drop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.list = q.list[1:]
}

// aofWriter is the writer of a log. What is not atomic or a channel is its goroutine's.
type aofWriter struct {
	log    *aofLog
	feed   *feed.Feed
	cursor *feed.Cursor
	anchor *feed.Cursor // with "always": holds what is not synced

	file     vfs.File
	size     int64 // of the file, after the last whole write
	syncSize int64 // the same after the last sync
	unsynced bool  // there is something to sync
	damaged  bool  // the file may be longer than size
	syncedAt time.Time
	stamped  int64 // Unix time of the last annotation
	whole    int64 // offset in the stream: a command ends there
	past     aofPast
	opening  []byte // what the file is to begin with, before the stream; empty once it does
	chosen   []byte // the same, kept as long as nothing of the file is synced
	logged   time.Time

	wake     chan struct{}
	stop     chan struct{} // closed: write the rest and end
	done     chan struct{}
	turns    rotations
	barriers chan chan struct{} // somebody waits until all is written and synced

	written  atomic.Int64 // offset in the stream
	syncedTo atomic.Int64 // the same, of what is on the disk
	fileSize atomic.Int64 // bytes of the file
	syncer   syncer
}

// newAOFWriter returns a writer of a file from an offset of the stream on. The feed
// must be there: the caller has closed the gate, or nothing executes yet.
func newAOFWriter(log *aofLog, offset int64, file vfs.File, ident aof.Identity, size int64, db int) (*aofWriter, error) {
	w := &aofWriter{
		log: log, feed: log.s.eng.Feed, file: file, size: size, syncSize: size, whole: offset,
		wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}), barriers: make(chan chan struct{}),
		syncedAt: time.Now(),
	}
	w.written.Store(offset)
	w.syncedTo.Store(offset)
	w.fileSize.Store(size)
	w.syncer.init(log, w.nudge, w.tellSynced)
	w.past.init(log, ident)
	if size == 0 {
		w.openWith(db)
	}
	return w, w.place(offset)
}

// openWith has the file begin with a SELECT: a master's stream goes on without one, and
// who reads the file begins in database 0.
func (w *aofWriter) openWith(db int) {
	w.chosen = nil
	if db > 0 {
		w.chosen = aof.AppendSelect(nil, db)
	}
	w.opening = w.chosen
}

// place puts the cursor at an offset.
func (w *aofWriter) place(offset int64) error {
	cursor, err := w.feed.NewCursor(offset, feed.CursorOptions{Notify: w.nudge, Hold: true, SkipControl: true})
	if err != nil {
		return err
	}
	if w.cursor != nil {
		w.cursor.Close()
	}
	w.cursor = cursor
	return nil
}

// nudge lets the writer look at the stream. Any goroutine.
func (w *aofWriter) nudge() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// run writes until stop is closed.
func (w *aofWriter) run() {
	defer close(w.done)
	go w.log.s.guard(nil, w.syncer.run)
	defer w.past.close()
	defer w.syncer.end()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		again := w.round()
		wake, wait := w.wake, time.Hour
		switch policy := w.log.policy.Load(); {
		case again < 0 && policy != fsyncAlways:
			wake, wait = nil, aofLinger
		case again < 0:
			wait = 0
		case again > 0:
			wait = again
		}
		timer.Reset(wait)
		select {
		case <-wake:
		case <-timer.C:
		case b := <-w.barriers:
			w.settle()
			close(b)
		case <-w.stop:
			w.settle()
			w.close()
			return
		}
	}
}

// round writes and syncs what there is. It returns the time after which it must be
// called again, 0 when the stream will say, negative when effects keep coming.
func (w *aofWriter) round() (again time.Duration) {
	number, end := w.feed.Merged()
	wrote, err := w.writeUpTo(end)
	rest := w.past.rest(w, false)
	if err == nil {
		err = w.sync(number)
	}
	if err != nil {
		w.failed(err)
		return w.log.retry
	}
	w.log.recovered()
	if wrote {
		return -1
	}
	if w.unsynced && w.log.policy.Load() == fsyncEverySec {
		if again = max(time.Until(w.syncedAt.Add(time.Second)), aofLinger); rest == 0 || again < rest {
			return again
		}
	}
	return rest
}

// writeUpTo writes the stream up to an offset that is the end of an effect, and
// reports whether there was anything to write. When it returns without an error the
// cursor is armed, unless more has come.
func (w *aofWriter) writeUpTo(end int64) (wrote bool, err error) {
	if w.damaged {
		if err := w.file.Truncate(w.size); err != nil {
			return false, err
		}
		w.damaged = false
	}
	for {
		if len(w.opening) > 0 {
			if err := w.put(w.opening); err != nil {
				return wrote, err
			}
			w.opening = nil
		}
		limit := end
		r := w.turns.first()
		if r != nil && r.at <= w.cursor.Offset() {
			if err := w.turn(r); err != nil {
				return wrote, err
			}
			continue
		}
		if r != nil {
			limit = min(limit, r.at)
		}
		before := w.cursor.Offset()
		b, err := w.cursor.Next()
		if err != nil {
			return wrote, err
		}
		if w.cursor.Offset() != before { // what was skipped stands between commands
			w.whole = w.cursor.Offset()
		}
		left := limit - w.cursor.Offset()
		if len(b) == 0 || left <= 0 {
			w.whole = w.cursor.Offset()
			w.written.Store(w.whole)
			return wrote || len(b) > 0, nil
		}
		b = b[:min(int64(len(b)), left)]
		if err := w.write(b, !wrote && w.whole == w.cursor.Offset()); err != nil {
			return wrote, err
		}
		w.cursor.Advance(len(b))
		wrote = true
	}
}

// write appends bytes to the file. first: they begin an effect, so that an annotation
// may stand before them.
func (w *aofWriter) write(b []byte, first bool) error {
	if us := w.log.flushSleepUs.Load(); us > 0 {
		time.Sleep(time.Duration(us) * time.Microsecond)
	}
	if first && w.log.timestamps.Load() {
		// COMPAT: aof-timestamps: the time at which it is written, not executed.
		if now := w.log.s.clock.NowMs() / msPerSec; now > w.stamped {
			if err := w.put(aof.AppendTimestamp(nil, now)); err != nil {
				return err
			}
			w.stamped = now
		}
	}
	start := time.Now()
	w.past.before(w)
	err := w.put(b)
	w.past.at += int64(len(b))
	w.log.noteWrite(time.Since(start), w.syncer.busy.Load())
	return err
}

func (w *aofWriter) put(b []byte) error {
	w.damaged = true // until it is known to be whole
	w.past.announce(b)
	n, err := w.file.Write(b)
	if err != nil {
		w.past.unannounce()
		if n > 0 && w.file.Truncate(w.size) == nil {
			w.damaged = false
		}
		return err
	}
	w.damaged = false
	w.unsynced = true
	w.size += int64(len(b))
	w.fileSize.Store(w.size)
	return nil
}

// sync does what the policy wants: number is that of the last effect written.
func (w *aofWriter) sync(number uint64) error {
	if w.log.noFsyncNow() {
		return nil
	}
	switch w.log.policy.Load() {
	case fsyncAlways:
		return w.syncNow(number)
	case fsyncEverySec:
		if w.anchor != nil {
			w.dropAnchor()
		}
		if w.syncer.failed.Swap(false) {
			w.unsynced = true
		}
		if !w.unsynced && !w.syncer.busy.Load() {
			w.tellSynced(w.cursor.Offset()) // what has passed since is no data
		}
		if w.unsynced && time.Since(w.syncedAt) >= time.Second && !w.syncer.busy.Load() {
			w.syncer.start(w.file, w.past.file, w.cursor.Offset())
			w.unsynced, w.syncedAt, w.syncSize = false, time.Now(), w.size
		}
	default:
		if w.anchor != nil {
			w.dropAnchor()
		}
	}
	return nil
}

// syncNow brings what is written to the disk and lets the replies go that waited.
func (w *aofWriter) syncNow(number uint64) error {
	if w.unsynced {
		start := time.Now()
		if err := w.file.Sync(); err != nil {
			w.rewind()
			return err
		}
		w.log.noteLatency("aof-fsync-always", time.Since(start))
		w.unsynced, w.syncedAt, w.syncSize = false, time.Now(), w.size
		if err := w.moveAnchor(); err != nil {
			return err
		}
	} else if w.anchor == nil {
		if err := w.moveAnchor(); err != nil {
			return err
		}
	}
	w.tellSynced(w.cursor.Offset())
	w.log.release(number)
	return nil
}

// tellSynced notes how much of the stream is on the disk, and lets those know who wait
// for that.
func (w *aofWriter) tellSynced(offset int64) {
	for {
		old := w.syncedTo.Load()
		if offset <= old {
			return
		}
		if w.syncedTo.CompareAndSwap(old, offset) {
			break
		}
	}
	w.log.s.repl.AcksChanged()
}

// moveAnchor makes the feed hold what comes from here on (W3).
func (w *aofWriter) moveAnchor() error {
	next, err := w.feed.NewCursor(w.cursor.Offset(), feed.CursorOptions{Hold: true})
	if err != nil {
		return err
	}
	w.dropAnchor()
	w.anchor = next
	return nil
}

func (w *aofWriter) dropAnchor() {
	if w.anchor != nil {
		w.anchor.Close()
		w.anchor = nil
	}
}

// rewind goes back to what was synced last, after a sync has failed: what the system
// had taken since may be lost without another error.
func (w *aofWriter) rewind() {
	if w.anchor == nil || w.place(w.anchor.Offset()) != nil {
		return
	}
	w.size, w.damaged = w.syncSize, true
	w.whole = w.anchor.Offset()
	w.fileSize.Store(w.size)
	w.past.drop()
	if w.size == 0 {
		w.opening = w.chosen
	}
}

// turn goes on with another file: the running one has all that belongs to it. It is
// synced first, whatever the policy: what is missing at its end could not be told from
// damage once the next file has data.
func (w *aofWriter) turn(r *rotation) error {
	if err := w.file.Sync(); err != nil {
		w.rewind()
		return err
	}
	if w.anchor != nil {
		if err := w.moveAnchor(); err != nil {
			return err
		}
	}
	w.syncer.finish(w.file)
	w.file, w.size, w.syncSize = r.file, 0, 0
	w.past.turn(r.ident)
	w.openWith(r.db)
	w.unsynced, w.syncedAt = false, time.Now()
	w.fileSize.Store(0)
	w.turns.drop()
	return nil
}

// failed notes an error: of the write just tried, or of a sync.
func (w *aofWriter) failed(err error) {
	if now := time.Now(); now.Sub(w.logged) > aofErrorLogEvery {
		w.logged = now
		w.log.s.log.Warningf("Error writing to the AOF file: %s", strerror(err))
	}
	w.log.setError(err)
}

// settle writes and syncs all that is in the stream, as well as it goes.
func (w *aofWriter) settle() {
	w.feed.Merge()
	number, end := w.feed.Merged()
	_, err := w.writeUpTo(end)
	if err == nil {
		w.past.rest(w, true)
	}
	if err == nil && w.unsynced {
		if err = w.file.Sync(); err != nil {
			w.log.s.log.Warningf("Fail to fsync the AOF file: %s", strerror(err))
			w.rewind()
		}
	}
	if err != nil {
		w.failed(err)
		return
	}
	w.unsynced, w.syncedAt, w.syncSize = false, time.Now(), w.size
	if w.anchor != nil {
		if err := w.moveAnchor(); err != nil {
			w.failed(err)
			return
		}
	}
	w.log.release(number)
}

func (w *aofWriter) close() {
	w.cursor.Close()
	w.dropAnchor()
	for r := w.turns.first(); r != nil; r = w.turns.first() {
		_ = r.file.Close() // nothing was written to it
		w.turns.drop()
	}
	if err := w.file.Close(); err != nil {
		w.log.s.log.Warningf("Fail to close the AOF file: %s", strerror(err))
	}
}

// flush returns when all that has happened is written and synced, or an error was
// noted. Not by the writer.
func (w *aofWriter) flush() {
	b := make(chan struct{})
	select {
	case w.barriers <- b:
		<-b
	case <-w.done:
	}
}

// end lets the writer write the rest and waits for it.
func (w *aofWriter) end() {
	close(w.stop)
	<-w.done
}

// lag returns how many bytes wait for the disk.
func (w *aofWriter) lag() int64 { return max(w.feed.Offset()-w.written.Load(), 0) }

// syncer syncs files beside the writer, one at a time.
type syncer struct {
	log    *aofLog
	jobs   chan syncJob
	nudge  func()       // has the writer look again
	told   func(int64)  // learns how much of the stream is on the disk
	busy   atomic.Bool  // a sync of the running file is under way
	failed atomic.Bool  // the last one has failed
	since  atomic.Int64 // Mono at its beginning
	closed chan struct{}
}

// syncJob is a file to sync.
type syncJob struct {
	file vfs.File
	past *aof.HistoryLog // goes to the disk with it; may be nil
	to   int64           // offset in the stream that it has
	last bool            // it is synced: close it
}

// syncJobsMax bounds the files that wait: one, and those that rotations leave.
const syncJobsMax = 64

func (s *syncer) init(log *aofLog, nudge func(), told func(int64)) {
	s.nudge, s.told = nudge, told
	s.log, s.jobs, s.closed = log, make(chan syncJob, syncJobsMax), make(chan struct{})
}

// start hands the running file over, which has the stream up to an offset.
func (s *syncer) start(f vfs.File, past *aof.HistoryLog, to int64) {
	s.since.Store(s.log.s.clock.MonoNs())
	s.busy.Store(true)
	s.jobs <- syncJob{file: f, past: past, to: to}
}

// finish hands a file over to which nothing more is written.
func (s *syncer) finish(f vfs.File) { s.jobs <- syncJob{file: f, last: true} }

func (s *syncer) run() {
	defer close(s.closed)
	for job := range s.jobs {
		if job.last {
			if err := job.file.Close(); err != nil {
				s.log.s.log.Warningf("Fail to close the AOF file: %s", strerror(err))
			}
			continue
		}
		if job.past != nil {
			_ = job.past.Sync() // after a power failure it is compared with the log
		}
		err := job.file.Sync()
		s.log.setSyncError(err)
		s.failed.Store(err != nil)
		s.busy.Store(false)
		if err != nil {
			s.log.s.log.Warningf("Fail to fsync the AOF file: %s", strerror(err))
			s.nudge()
		} else {
			s.told(job.to)
			s.nudge() // what has passed since may be no data
		}
	}
}

// end waits until all files are synced.
func (s *syncer) end() {
	close(s.jobs)
	<-s.closed
}
