package server

import (
	"cmp"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"kvorum/config"
	"kvorum/feed"
)

// The stream on disk: behind the backlog in memory, for replicas that were away while
// much stream passed (repl-backlog-disk-size), and for those that are being given a
// snapshot and will want all that happens meanwhile. A goroutine follows the stream and
// writes it to segments, files without names; a replica that wants what memory no longer
// has is given it from there until it is where memory begins.
//
//	| segment | segment | segment.. |           files
//	                         ^at    | page | page.. |   memory, repl-backlog-size
//
// Without repl-backlog-disk-size there is a writer only while something is held, and it
// stays as far behind the end as the backlog reaches anyway: a synchronization that is
// over soon touches no file.
//
// F1: what is in files ends at or behind the beginning of the feed's window, as the
// writer's cursor holds it. F2: segments follow each other without a gap. F3: what is
// held is in files or in memory until it is let go, or lost for all who hold. F4: only the
// writer closes files, as it takes a while to free a large one.
//
// A disk that fails, or is slower than the stream for long, leaves the stream in memory
// while it is held, as much as replicas may be behind with (client-output-buffer-limit)
// and no less than streamLagMost; after that, or if nothing is held, the files are given
// up: replicas that need them then get a full synchronization, and nobody else notices.

const (
	// streamSegments is of how many segments the whole is made at least: so much of it
	// goes at once.
	streamSegments = 16
	segmentMin     = 1 << 20
	segmentMax     = 64 << 20
	segmentHeld    = 16 << 20 // of what is only held
	// streamLagMost is how much of the stream may wait in memory for the disk.
	streamLagMost = 64 << 20
	// heldInMemory is how much of what is held stays in memory at least.
	heldInMemory = 1 << 20
	// heldLook is the time between two looks of a writer that stays behind.
	heldLook = 10 * time.Millisecond
	// diskRest is how long a disk that has failed is left alone.
	diskRest = time.Second
)

var errStreamGone = errors.New("server: that part of the stream is not on disk")

// COMPAT: repl-backlog-disk: Redis has the backlog in memory only.

// spool is a file without a name.
type spool interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
}

// streamFile is the stream on disk. Any goroutine may call its methods, the loops
// included: none waits for the disk.
type streamFile struct {
	s      *Server
	create func() (spool, error)

	mu       sync.RWMutex // guards what follows; before the feed's
	limit    int64        // bytes to keep in any case
	lagMost  int64        // streamLagMost
	holds    []*streamHold
	writer   *streamWriter // nil: there is none, and no segments
	at       int64         // where the writer is
	segments []*segment
	ended    bool
}

// segment is a file that holds the stream from an offset on.
type segment struct {
	from, size int64
	f          spool
}

func (g *segment) end() int64 { return g.from + g.size }

// streamHold keeps the stream from an offset on in reach.
type streamHold struct {
	d    *streamFile
	from int64 // guarded by d.mu, as is lost
	lost bool
}

// streamWriter is the goroutine that writes, and the cursor that it reads from.
type streamWriter struct {
	d      *streamFile
	cursor *feed.Cursor
	more   chan struct{}
	stop   chan struct{}
	done   chan struct{}
	dead   []*segment // to be closed; guarded by d.mu
}

// prepare returns a writer that has not begun, whose cursor keeps the stream from an
// offset on in memory: for hold, or to be closed. Also while the world stands still.
func (d *streamFile) prepare(from int64) (*streamWriter, error) {
	w := &streamWriter{d: d, more: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	var err error
	w.cursor, err = d.s.eng.Feed.NewCursor(from, feed.CursorOptions{Hold: true, Notify: w.wake})
	return w, err
}

func (w *streamWriter) wake() {
	select {
	case w.more <- struct{}{}:
	default:
	}
}

// beginLocked has a writer follow the stream.
func (d *streamFile) beginLocked(w *streamWriter) {
	d.writer, d.at = w, w.cursor.Offset()
	go d.s.guard(nil, w.follow)
}

// setLimit has so many bytes kept from now on, 0: none but what is held. By one
// goroutine at a time.
func (d *streamFile) setLimit(bytes int64) {
	d.mu.Lock()
	d.limit = bytes
	d.resumeLocked()
	w := d.idleLocked()
	if d.writer != nil {
		d.writer.wake() // it may stay behind, or no longer
	}
	d.mu.Unlock()
	if w != nil {
		<-w.done
	}
}

// resumeLocked begins to keep the stream from its end on, if that is wanted.
func (d *streamFile) resumeLocked() {
	if d.limit == 0 || d.writer != nil || d.ended {
		return
	}
	for {
		if w, err := d.prepare(d.s.eng.Feed.Offset()); err == nil {
			d.beginLocked(w)
			return
		} // the stream was reset in between
	}
}

// resume is resumeLocked after a rest.
func (d *streamFile) resume() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.resumeLocked()
}

// hold keeps what w was prepared for in reach; w is used up. Error: feed.ErrGone.
func (d *streamFile) hold(w *streamWriter) (*streamHold, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	from := w.cursor.Offset()
	switch {
	case d.ended || d.writer != nil && from < d.reachLocked():
		w.cursor.Close()
		return nil, feed.ErrGone
	case d.writer == nil:
		d.beginLocked(w)
	default:
		w.cursor.Close()
	}
	h := &streamHold{d: d, from: from}
	d.holds = append(d.holds, h)
	return h, nil
}

// reachLocked returns where that begins which is in files or held for the writer.
func (d *streamFile) reachLocked() int64 {
	if len(d.segments) > 0 {
		return d.segments[0].from
	}
	return d.at
}

// share returns another hold of the same. Error: feed.ErrGone.
func (h *streamHold) share() (*streamHold, error) {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if h.lost {
		return nil, feed.ErrGone
	}
	other := &streamHold{d: h.d, from: h.from}
	h.d.holds = append(h.d.holds, other)
	return other, nil
}

// advance lets go of what is before an offset.
func (h *streamHold) advance(to int64) {
	h.d.mu.Lock()
	h.from = to
	h.d.trimLocked()
	h.d.mu.Unlock()
}

// release lets go of all. nil is let go of already, as is what was before.
func (h *streamHold) release() {
	if h == nil {
		return
	}
	d := h.d
	d.mu.Lock()
	defer d.mu.Unlock()
	if i := slices.Index(d.holds, h); i >= 0 {
		d.holds = slices.Delete(d.holds, i, i+1)
		d.trimLocked()
		d.idleLocked()
	}
	h.lost = true
}

// isLost reports whether what was held could not be kept.
func (h *streamHold) isLost() bool {
	h.d.mu.RLock()
	defer h.d.mu.RUnlock()
	return h.lost
}

// start returns the offset at which the stream on disk begins that is kept in any case;
// ok is false without any.
func (d *streamFile) start() (offset int64, ok bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.limit == 0 || len(d.segments) == 0 {
		return 0, false
	}
	return d.segments[0].from, true
}

// bytes returns how much is in files.
func (d *streamFile) bytes() int64 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.at - d.reachLocked()
}

// behind returns how much of a stream that ends at an offset is not on disk yet, 0 if
// none is to be.
func (d *streamFile) behind(end int64) int64 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.limit > 0 && d.writer != nil {
		return end - d.at
	}
	return 0
}

// read reads from an offset on, less than b if a segment ends.
func (d *streamFile) read(b []byte, at int64) (int, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for _, g := range d.segments {
		if at >= g.from && at < g.end() {
			return g.f.ReadAt(b[:min(int64(len(b)), g.end()-at)], at-g.from)
		}
	}
	return 0, errStreamGone
}

// trimLocked lets the oldest segments go that nobody needs.
func (d *streamFile) trimLocked() {
	if len(d.segments) == 0 {
		return
	}
	least := d.at - d.limit
	for _, h := range d.holds {
		least = min(least, h.from)
	}
	n := 0
	for n < len(d.segments)-1 && d.segments[n].end() <= least {
		n++
	}
	if n > 0 {
		d.buryLocked(n)
	}
}

// buryLocked has the writer close the oldest segments.
func (d *streamFile) buryLocked(n int) {
	d.writer.dead = append(d.writer.dead, d.segments[:n]...)
	d.segments = slices.Delete(d.segments, 0, n)
	d.writer.wake()
}

// idleLocked ends the writer if there is nothing to keep, and returns it then.
func (d *streamFile) idleLocked() *streamWriter {
	if d.writer == nil || !d.ended && (d.limit > 0 || len(d.holds) > 0) {
		return nil
	}
	return d.forgetLocked()
}

// forgetLocked gives up all that is on disk, and what is held is lost.
func (d *streamFile) forgetLocked() *streamWriter {
	w := d.writer
	d.buryLocked(len(d.segments))
	d.writer = nil
	close(w.stop)
	for _, h := range d.holds {
		h.lost = true
	}
	d.holds = nil
	return w
}

// clear gives all up: another stream follows.
func (d *streamFile) clear() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.writer != nil {
		d.forgetLocked()
		d.resumeLocked()
	}
}

// end gives all up for good.
func (d *streamFile) end() {
	d.mu.Lock()
	d.ended = true
	var w *streamWriter
	if d.writer != nil {
		w = d.forgetLocked()
	}
	d.mu.Unlock()
	if w != nil {
		<-w.done
	}
}

// follow is the goroutine that writes.
func (w *streamWriter) follow() {
	defer close(w.done)
	err := w.copy()
	w.cursor.Close()
	w.d.failed(w, err)
	w.bury()
}

// failed gives up what a writer has written that cannot go on. Without an error it was
// told to stop.
func (d *streamFile) failed(w *streamWriter, err error) {
	if err == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.writer != w {
		return
	}
	d.forgetLocked()
	if errors.Is(err, feed.ErrGone) {
		d.resumeLocked()
		return
	}
	d.s.log.Warningf("The stream for replicas cannot be kept on disk, what was there is given up: %s", strerror(err))
	time.AfterFunc(diskRest, d.resume) // the disk has to get well
}

var errDiskSlow = errors.New("the disk is slower than the stream")

// copy writes what the cursor reads. It returns nil when it is told to stop.
func (w *streamWriter) copy() error {
	failing := error(nil)
	for {
		w.bury()
		b, err := w.cursor.Next()
		if err != nil {
			return err
		}
		lag := w.cursor.Lag()
		behind, most, held := w.d.bounds()
		rest := time.Duration(0)
		switch {
		case most > 0 && lag > behind+most:
			return cmp.Or(failing, errDiskSlow)
		case len(b) == 0 && behind == 0:
			rest = -1
		case lag <= behind:
			rest = heldLook
		default:
			if err = w.write(b); err == nil {
				failing = nil
				break
			}
			if !held {
				return err
			}
			if failing == nil {
				w.d.s.log.Warningf("Can't write the stream for replicas to disk, it stays in memory until that works: %s", strerror(err))
			}
			failing, rest = err, diskRest
		}
		if !w.rest(rest) {
			return nil
		}
	}
}

// bounds returns how far the writer stays behind the end of the stream, by how much more
// it may be late, 0: without a limit, and whether something is held.
func (d *streamFile) bounds() (behind, most int64, held bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.limit == 0 {
		behind = max(d.s.repl.settings.Load().backlog, heldInMemory)
	}
	if len(d.holds) == 0 {
		return behind, d.lagMost, false
	}
	if most = int64(d.s.outLimits.Load()[config.ClassReplica].HardBytes); most > 0 {
		most = max(most, d.lagMost)
	}
	return behind, most, true
}

// rest waits for so long, or until there is more when it is negative. It reports
// whether to go on.
func (w *streamWriter) rest(d time.Duration) bool {
	var timer <-chan time.Time
	switch {
	case d == 0:
		select {
		case <-w.stop:
			return false
		default:
			return true
		}
	case d > 0:
		timer = time.After(d)
	}
	select {
	case <-w.stop:
		return false
	case <-timer:
	case <-w.more:
	}
	return true
}

// bury closes the files that nobody needs.
func (w *streamWriter) bury() {
	w.d.mu.Lock()
	dead := w.dead
	w.dead = nil
	w.d.mu.Unlock()
	for _, g := range dead {
		g.f.Close()
	}
}

// write adds what stands at the cursor to the last segment, or begins one and lets the
// oldest go.
func (w *streamWriter) write(b []byte) error {
	d, at := w.d, w.cursor.Offset()
	d.mu.RLock()
	create, size := d.create, int64(segmentHeld)
	if d.limit > 0 {
		size = min(max(d.limit/streamSegments, segmentMin), segmentMax)
	}
	var last *segment
	if n := len(d.segments); d.writer == w && n > 0 && d.segments[n-1].size < size {
		last = d.segments[n-1]
	}
	d.mu.RUnlock()
	if last == nil {
		f, err := create()
		if err != nil {
			return err
		}
		last = &segment{from: at, f: f}
	}
	_, err := last.f.WriteAt(b, last.size)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.writer != w || err != nil {
		if last.size == 0 && !slices.Contains(d.segments, last) {
			w.dead = append(w.dead, last)
		}
		return err
	}
	if last.size == 0 {
		d.segments = append(d.segments, last)
	}
	last.size += int64(len(b))
	w.cursor.Advance(len(b))
	d.at = w.cursor.Offset()
	d.trimLocked()
	return nil
}
