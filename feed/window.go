package feed

import "kvorum/internal/invariants"

// The window is the tail of the stream in pages of equal size, so that an
// offset finds its page by division. Bytes of a page that were published never
// change while it is in the window or pinned by a cursor: readers use them in
// place and without the mutex, while more is written behind them.
//
//	| page | page | page | page.. |
//	^start           ^pinned      ^end
//
// Pages come from the Go heap, not from mem: they are few, hold no pointers,
// outlive their place in the window while a reader is slow, and are used again.

// pageSize is what one reader call gives at most.
const pageSize = 64 << 10

// freePagesMax is how many pages are kept for use.
const freePagesMax = 4

type page struct {
	at      int64 // offset of the first byte
	size    int   // bytes written
	pins    int   // cursors whose borrowed bytes are here
	out     bool  // no longer in the window
	control []span
	buf     [pageSize]byte
}

// span is a range of a page that holds control commands.
type span struct{ from, to int }

// window is guarded by Feed.mu.
type window struct {
	start, end int64
	keep       int64 // bytes to keep at least
	pages      []*page
	free       []*page
	cursors    []*Cursor
	notify     []func() // to call once the mutex is released
}

func (w *window) init(offset, keep int64) {
	if offset < 0 || keep < 0 {
		invariants.Fail("feed: window at %d of %d bytes", offset, keep)
	}
	w.start, w.end, w.keep = offset, offset, keep
}

// write appends b to the stream.
func (w *window) write(b []byte) {
	if n := len(w.pages); n > 0 {
		if p := w.pages[n-1]; len(b) <= pageSize-p.size {
			copy(p.buf[p.size:], b)
			p.size += len(b)
			w.end += int64(len(b))
			return
		}
	}
	for len(b) > 0 {
		p := w.tail()
		n := copy(p.buf[p.size:], b)
		p.size += n
		w.end += int64(n)
		b = b[n:]
	}
}

// writeControl appends b and marks it.
func (w *window) writeControl(b []byte) {
	for len(b) > 0 {
		p := w.tail()
		n := copy(p.buf[p.size:], b)
		p.control = append(p.control, span{p.size, p.size + n})
		p.size += n
		w.end += int64(n)
		b = b[n:]
	}
}

// tail returns a page with room.
func (w *window) tail() *page {
	if n := len(w.pages); n > 0 && w.pages[n-1].size < pageSize {
		return w.pages[n-1]
	}
	w.evict()
	var p *page
	if n := len(w.free); n > 0 {
		p, w.free = w.free[n-1], w.free[:n-1]
		p.size, p.out, p.control = 0, false, nil
	} else {
		p = new(page)
	}
	p.at = w.end
	w.pages = append(w.pages, p)
	return p
}

// evict drops the pages that nothing asks to keep (I4).
func (w *window) evict() {
	limit := w.end - w.keep
	for _, c := range w.cursors {
		if c.hold && !c.gone {
			limit = min(limit, c.off)
		}
	}
	n := 0
	for n < len(w.pages) && w.pages[n].at+pageSize <= limit {
		w.drop(w.pages[n])
		w.pages[n] = nil
		n++
	}
	if n > 0 {
		w.pages = w.pages[n:]
		w.start += int64(n) * pageSize
	}
}

// drop takes p out of the window.
func (w *window) drop(p *page) {
	p.out = true
	w.recycle(p)
}

// recycle keeps p for use if nobody needs it any more.
func (w *window) recycle(p *page) {
	if p.out && p.pins == 0 && len(w.free) < freePagesMax {
		w.free = append(w.free, p)
	}
}

// reset empties the window; all cursors lose their place.
func (w *window) reset(offset int64) {
	for _, p := range w.pages {
		w.drop(p)
	}
	w.pages = nil
	w.start, w.end = offset, offset
	for _, c := range w.cursors {
		c.gone = true
	}
	w.wake()
}

// page returns the page that holds the byte at off, start <= off < end.
func (w *window) page(off int64) *page { return w.pages[(off-w.start)/pageSize] }

// memory returns the bytes of all pages but those pinned outside the window.
func (w *window) memory() int64 { return int64(len(w.pages)+len(w.free)) * pageSize }

// wake collects the calls for cursors that wait.
func (w *window) wake() {
	for _, c := range w.cursors {
		if c.armed {
			c.armed = false
			w.notify = append(w.notify, c.notify)
		}
	}
}
