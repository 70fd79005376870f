package feed

import (
	"errors"
	"slices"

	"kvorum/internal/invariants"
)

// ErrGone means that the stream at a cursor's offset is not in memory: older
// than the window, beyond the end, or of another history (Reset). A replica
// then needs a full synchronization.
var ErrGone = errors.New("feed: offset is outside the window")

// CursorOptions says how a cursor reads.
type CursorOptions struct {
	// Notify is called, once, when there is something to read after Next
	// returned nothing, or when the cursor has lost its place. Any goroutine
	// may call it, after a Flush for instance: it must not block. nil: the
	// reader polls.
	Notify func()
	// Hold keeps everything from the cursor on in the window, whatever its
	// size: for readers that must not miss a byte (AOF, a full sync under
	// way). The owner watches Lag and closes the cursor at its limit.
	Hold bool
	// SkipControl leaves out what AppendControl added.
	SkipControl bool
}

// Cursor reads the stream. It belongs to one goroutine.
type Cursor struct {
	f      *Feed
	notify func()
	skip   bool

	page    *page // pinned: holds the bytes last returned
	size    int   // their number
	advance int   // how many of them were taken

	// Under Feed.mu.
	off   int64
	hold  bool
	armed bool
	gone  bool
}

// NewCursor returns a cursor at offset, which must be in the window or at its
// end; else ErrGone. The owner closes it.
func (f *Feed) NewCursor(offset int64, opt CursorOptions) (*Cursor, error) {
	c := &Cursor{f: f, notify: opt.Notify, skip: opt.SkipControl, off: offset, hold: opt.Hold}
	f.mu.Lock()
	defer f.unlock()
	if offset < f.win.start || offset > f.win.end {
		return nil, ErrGone
	}
	f.win.cursors = append(f.win.cursors, c)
	return c, nil
}

// Next returns the bytes at the cursor, as many as lie together (at most 64
// KiB), or none if it is at the end; then Notify is armed. The bytes are
// borrowed until the next call of Next or Close. Error: ErrGone, for good.
func (c *Cursor) Next() ([]byte, error) {
	w := &c.f.win
	c.f.mu.Lock()
	defer c.f.unlock()
	c.unpin()
	c.armed = false
	if c.hold && w.end-w.start > w.keep+2*pageSize {
		w.evict() // nothing may be written for long that would do it
	}
	for {
		if c.gone || c.off < w.start {
			c.gone = true
			return nil, ErrGone
		}
		if c.off == w.end {
			c.armed = c.notify != nil
			return nil, nil
		}
		p := w.page(c.off)
		from, to := int(c.off-p.at), p.size
		if c.skip {
			skipped := from
			if skipped, to = p.data(from); skipped != from {
				c.off = p.at + int64(skipped)
				continue
			}
		}
		c.page, c.size = p, to-from
		p.pins++
		return p.buf[from:to:to], nil
	}
}

// Advance moves the cursor over n of the bytes last returned; they stay
// readable. Next begins after them.
func (c *Cursor) Advance(n int) {
	if n < 0 || n > c.size-c.advance {
		invariants.Fail("feed: cursor advanced by %d over %d bytes", n, c.size-c.advance)
	}
	c.advance += n
}

// Offset returns the offset up to which the stream was taken.
func (c *Cursor) Offset() int64 { return c.off + int64(c.advance) }

// Lag returns how many bytes the cursor is behind the end.
func (c *Cursor) Lag() int64 { return c.f.Offset() - c.Offset() }

// Release ends a Hold: from now on the window moves on without the cursor.
func (c *Cursor) Release() {
	c.f.mu.Lock()
	c.hold = false
	c.f.win.evict()
	c.f.unlock()
}

// Hold begins a Hold at the cursor. Error: ErrGone.
func (c *Cursor) Hold() error {
	w := &c.f.win
	c.f.mu.Lock()
	defer c.f.unlock()
	if c.gone || c.Offset() < w.start {
		return ErrGone
	}
	c.hold = true
	return nil
}

// Close gives the cursor up.
func (c *Cursor) Close() {
	w := &c.f.win
	c.f.mu.Lock()
	c.unpin()
	if i := slices.Index(w.cursors, c); i >= 0 {
		w.cursors = slices.Delete(w.cursors, i, i+1)
		w.evict()
	}
	c.armed = false
	c.f.unlock()
}

// unpin lets go of the bytes last returned and accounts those taken.
func (c *Cursor) unpin() {
	c.off += int64(c.advance)
	c.advance, c.size = 0, 0
	if p := c.page; p != nil {
		c.page = nil
		p.pins--
		c.f.win.recycle(p)
	}
}

// data returns where the next bytes that are no control command begin at or
// after from, and where they end.
func (p *page) data(from int) (start, end int) {
	for _, s := range p.control {
		if from < s.from {
			return from, s.from
		}
		from = max(from, s.to)
	}
	return from, p.size
}
