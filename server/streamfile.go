package server

import (
	"errors"
	"os"
	"slices"
	"sync"
	"time"

	"kvorum/feed"
)

// The stream on disk: behind the backlog in memory, for replicas that were away while
// much stream passed. A goroutine follows the stream and writes all of it to segments,
// files without names; a replica that wants what memory no longer has is given it from
// there until it is where memory begins.
//
//	| segment | segment | segment.. |           files, repl-backlog-disk-size
//	                        | page | page.. |   memory, repl-backlog-size
//
// F1: what is in files ends at or behind the beginning of the feed's window, as the
// writer's cursor holds it. F2: segments follow each other without a gap. A disk that
// fails, or is slower than the stream for long, empties the files: replicas that need
// them then get a full synchronization, and nobody else notices.

const (
	// streamSegments is of how many segments the whole is made at least: so much of it
	// goes at once.
	streamSegments = 16
	segmentMin     = 1 << 20
	segmentMax     = 64 << 20
	// streamLagMost is how much of the stream may wait in memory for the disk.
	streamLagMost = 64 << 20
)

var errStreamGone = errors.New("server: that part of the stream is not on disk")

// COMPAT: repl-backlog-disk: Redis has the backlog in memory only.

// streamFile is the stream on disk.
type streamFile struct {
	s    *Server
	stop chan struct{} // closed to end the writer; nil without one
	done chan struct{}

	mu       sync.RWMutex // guards what follows
	limit    int64        // bytes to keep
	epoch    int          // counts the streams that there were
	segments []*segment
}

// segment is a file that holds the stream from an offset on.
type segment struct {
	from, size int64
	f          *os.File
}

func (g *segment) end() int64 { return g.from + g.size }

// setLimit has so many bytes kept from now on, 0: none. By one goroutine at a time.
func (d *streamFile) setLimit(bytes int64) {
	d.mu.Lock()
	d.limit = bytes
	d.mu.Unlock()
	switch {
	case bytes > 0 && d.stop == nil:
		d.stop, d.done = make(chan struct{}), make(chan struct{})
		more := make(chan struct{}, 1)
		first, err := d.cursor(more) // here: not a byte from now on is to be missed
		go d.s.guard(nil, func() { d.follow(first, err, more) })
	case bytes == 0 && d.stop != nil:
		close(d.stop)
		<-d.done
		d.stop = nil
		d.clear()
	}
}

// start returns the offset at which the stream on disk begins; ok is false without any.
func (d *streamFile) start() (offset int64, ok bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if len(d.segments) == 0 {
		return 0, false
	}
	return d.segments[0].from, true
}

// behind returns how much of a stream that ends at an offset is not on disk yet, 0 if
// none is to be.
func (d *streamFile) behind(end int64) int64 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if n := len(d.segments); d.limit > 0 && n > 0 {
		return end - d.segments[n-1].end()
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

// cursor returns one at the end of the stream, which tells of more. Error: the stream was
// reset in between.
func (d *streamFile) cursor(more chan<- struct{}) (*feed.Cursor, error) {
	return d.s.eng.Feed.NewCursor(d.s.eng.Feed.Offset(), feed.CursorOptions{Hold: true, Notify: func() {
		select {
		case more <- struct{}{}:
		default:
		}
	}})
}

// follow is the goroutine that writes.
func (d *streamFile) follow(cursor *feed.Cursor, err error, more chan struct{}) {
	defer close(d.done)
	for ; ; cursor, err = d.cursor(more) {
		d.clear()
		d.mu.RLock()
		epoch := d.epoch
		d.mu.RUnlock()
		if err != nil {
			continue // the stream was reset in between
		}
		err = d.copy(cursor, epoch, more)
		cursor.Close()
		if err == nil {
			return
		}
		if !errors.Is(err, feed.ErrGone) {
			d.s.log.Warningf("The stream for replicas cannot be kept on disk, what was there is given up: %s", strerror(err))
			select { // the disk has to get well
			case <-d.stop:
				return
			case <-time.After(time.Second):
			}
		}
	}
}

var errDiskSlow = errors.New("the disk is slower than the stream")

// copy writes what the cursor reads. It returns nil when it is told to stop.
func (d *streamFile) copy(cursor *feed.Cursor, epoch int, more <-chan struct{}) error {
	for {
		b, err := cursor.Next()
		switch {
		case err != nil:
			return err
		case cursor.Lag() > streamLagMost:
			return errDiskSlow
		case len(b) == 0:
			select {
			case <-d.stop:
				return nil
			case <-more:
			}
			continue
		}
		if err := d.write(b, cursor.Offset(), epoch); err != nil {
			return err
		}
		cursor.Advance(len(b))
		select {
		case <-d.stop:
			return nil
		default:
		}
	}
}

// write adds to the last segment, or begins one and lets the oldest go.
func (d *streamFile) write(b []byte, at int64, epoch int) error {
	d.mu.RLock()
	stale := epoch != d.epoch
	size := min(max(d.limit/streamSegments, segmentMin), segmentMax)
	var last *segment
	if n := len(d.segments); n > 0 && d.segments[n-1].size < size {
		last = d.segments[n-1]
	}
	d.mu.RUnlock()
	if stale {
		return feed.ErrGone
	}
	if last == nil {
		f, err := d.s.spoolFile()
		if err != nil {
			return err
		}
		last = &segment{from: at, f: f}
		d.mu.Lock()
		if epoch != d.epoch {
			d.mu.Unlock()
			f.Close()
			return feed.ErrGone
		}
		d.segments = append(d.segments, last)
		d.trim()
		d.mu.Unlock()
	}
	if _, err := last.f.WriteAt(b, last.size); err != nil {
		if errors.Is(err, os.ErrClosed) {
			return feed.ErrGone // clear was faster
		}
		return err
	}
	d.mu.Lock()
	last.size += int64(len(b))
	d.mu.Unlock()
	return nil
}

// trim lets the oldest segments go that are not needed for the limit. mu is held.
func (d *streamFile) trim() {
	end := d.segments[len(d.segments)-1].end()
	for len(d.segments) > 1 && end-d.segments[1].from >= d.limit {
		d.segments[0].f.Close()
		d.segments = slices.Delete(d.segments, 0, 1)
	}
}

// clear gives all up: another stream follows, or none. What is still being written of
// the old one gets nowhere.
func (d *streamFile) clear() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, g := range d.segments {
		g.f.Close()
	}
	d.segments = nil
	d.epoch++
}
