package mem

import (
	"math/bits"
	"sync"
)

const (
	returnAfterMs  = 1000                 // free pages younger than this stay
	returnPagesMax = 4 << 20 >> pageShift // returned in one piece
	trimEveryMs    = 1000

	// Populate-ahead begins at this growth, and looks ahead by as much as
	// grows in 1/aheadPerSec s, at most aheadPagesMax and 1/8 of what is
	// resident.
	growthPagesPerSecMin = 16 << 20 >> pageShift
	aheadPerSec          = 4
	aheadPagesMax        = 64 << 20 >> pageShift
	aheadPagesMin        = 2 << 20 >> pageShift
	populatePages        = 2 << 20 >> pageShift // faulted in by one system call

	// How many runs are looked at for pages worth faulting in.
	cleanTriesMax = 8
)

// keeper is the memory of Housekeep between calls, guarded by its mutex.
var keeper struct {
	mu        sync.Mutex
	started   bool
	lastMs    int64
	lastTrim  int64
	lastPages int64 // pages in spans at lastMs
}

// SetHugePages tells whether memory taken from the system from now on asks for
// huge pages. They take longer to fault in than a request may wait, so with them
// memory is faulted in ahead of fast growth. Without (the start) a page is faulted
// in by who needs it first.
func SetHugePages(on bool) {
	heap.mu.Lock()
	heap.huge = on
	heap.mu.Unlock()
}

// Housekeep does one slice of background work: it returns pages that stayed
// free for a second to the system (at most 4 MiB per call: a large piece keeps a
// processor for milliseconds), faults in huge pages ahead of fast growth, and
// lets go of empty spans. nowMs is any clock that only moves forward. Call it about every 50 to 100 ms from one goroutine
// that may block for a few milliseconds; a call while another one runs does
// nothing.
func Housekeep(nowMs int64) {
	if !keeper.mu.TryLock() {
		return
	}
	defer keeper.mu.Unlock()
	rangeOnce.Do(reserveRange)
	heap.mu.Lock()
	heap.nowMs = uint32(nowMs)
	pages := heap.spanPages
	heap.mu.Unlock()
	if !keeper.started || nowMs < keeper.lastMs {
		keeper.started = true
		keeper.lastMs, keeper.lastTrim, keeper.lastPages = nowMs, nowMs, pages
		return
	}
	if dt := nowMs - keeper.lastMs; dt > 0 {
		heap.populateAhead((pages - keeper.lastPages) * 1000 / dt)
		keeper.lastMs, keeper.lastPages = nowMs, pages
	}
	if nowMs-keeper.lastTrim >= trimEveryMs {
		keeper.lastTrim = nowMs
		for _, a := range openArenas() {
			a.trim()
		}
	}
	heap.returnOld(returnPagesMax, returnAfterMs)
}

// Purge returns up to about maxBytes of free pages to the system, however short
// they have been free, and lets go of empty spans. It returns how many bytes of
// resident memory went. It is for who needs memory now: MEMORY PURGE, and a process
// over its limit. Any goroutine may call it that may block: a MiB takes about
// 100 µs.
func Purge(maxBytes int64) (returned int64) {
	keeper.mu.Lock()
	defer keeper.mu.Unlock()
	rangeOnce.Do(reserveRange)
	for _, a := range openArenas() {
		a.trim()
	}
	heap.mu.Lock()
	before := heap.returned
	heap.mu.Unlock()
	heap.returnOld(uint32(min(maxBytes>>pageShift, int64(limitPage))), 0)
	heap.mu.Lock()
	defer heap.mu.Unlock()
	return (heap.returned - before) << pageShift
}

// trim lets go of current spans that were empty at the last trim as well.
func (a *Arena) trim() {
	a.flushQuarantine()
	a.mu.Lock()
	defer a.mu.Unlock()
	for c, sp := range &a.cur {
		word, bit := c/64, uint64(1)<<(c%64)
		switch {
		case sp == &noSpan || sp.live != 0:
			a.emptySeen[word] &^= bit
		case a.emptySeen[word]&bit == 0:
			a.emptySeen[word] |= bit
		default:
			a.emptySeen[word] &^= bit
			a.cur[c] = &noSpan
			a.releaseSpan(pageEntry(sp.start), sp)
		}
	}
}

// returnOld gives up to left pages of free runs that are at least ageMs old back
// to the system, in pieces. The pages are taken out of the free runs meanwhile, so
// that nobody waits for the system.
func (p *pageHeap) returnOld(left, ageMs uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for left > 0 {
		id := p.qhead
		if id == 0 || p.nowMs-runAt(id).stamp < ageMs {
			return
		}
		start, n, dirty := p.oldPiece(id, min(left, returnPagesMax))
		left -= n
		p.busyPages += int64(n)
		p.mu.Unlock()
		sysReturn(pageAddr(start), uintptr(n)<<pageShift)
		p.mu.Lock()
		p.busyPages -= int64(n)
		p.returned += int64(dirty)
		p.insert(start, n, 0)
	}
}

// oldPiece takes up to n pages from the first resident page of a run on out
// of the run. It returns them and how many of them are resident. Pages before
// them become a run of their own.
func (p *pageHeap) oldPiece(id, n uint32) (start, count, dirty uint32) {
	r := runAt(id)
	runStart, runPages := r.start, r.pages
	start = firstDirty(runStart, runPages)
	skip := start - runStart
	count = min(n, runPages-skip)
	before := p.dirtyFree
	p.take(id, skip+count)
	dirty = uint32(before - p.dirtyFree)
	p.markBusy(start, count)
	if skip > 0 {
		p.insert(runStart, skip, 0)
	}
	return start, count, dirty
}

// markBusy makes the ends of a piece that is in no run look like a span's.
func (p *pageHeap) markBusy(start, n uint32) {
	setPageEntry(start, 0)
	setPageEntry(start+n-1, 0)
}

// firstDirty returns the first resident page of a run that has one.
func firstDirty(start, n uint32) uint32 {
	end := start + n
	for w := start / 64; w*64 < end; w++ {
		if m := *dirtyWord(w) & dirtyMask(w, start, end); m != 0 {
			return w*64 + uint32(bits.TrailingZeros64(m))
		}
	}
	return start
}

// populateAhead keeps enough resident free pages for the next moments if the
// pages in spans grow by growth per second, so that the goroutines that
// allocate do not take the page faults.
func (p *pageHeap) populateAhead(growth int64) {
	if growth < growthPagesPerSecMin {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.huge {
		return
	}
	target := min(growth/aheadPerSec, aheadPagesMax, (p.spanPages+p.dirtyFree)/8)
	want := target - p.dirtyFree
	if want < aheadPagesMin {
		return
	}
	start, n := p.cleanPiece(uint32(want))
	if n == 0 {
		return
	}
	p.busyPages += int64(n)
	p.mu.Unlock()
	for done := uint32(0); done < n; done += populatePages {
		sysPopulate(pageAddr(start+done), uintptr(min(populatePages, n-done))<<pageShift)
	}
	p.mu.Lock()
	p.busyPages -= int64(n)
	p.populated += int64(n)
	setDirty(start, n)
	p.insert(start, n, n)
}

// cleanPiece takes up to n free pages that are not resident: from a large
// run, or from the unused top of the range.
func (p *pageHeap) cleanPiece(n uint32) (start, count uint32) {
	tries := cleanTriesMax
	for b := binCount - 1; b >= binOf(aheadPagesMin); b-- {
		for id := p.bins[b]; id != 0 && tries > 0; id = runAt(id).next {
			tries--
			if r := runAt(id); r.dirty == 0 {
				start, count = r.start, min(n, r.pages)
				p.take(id, count)
				p.markBusy(start, count)
				return start, count
			}
		}
	}
	if p.top == 0 || uint64(p.top)+uint64(n) > uint64(limitPage) {
		return 0, 0
	}
	n = growPages(p.top, n)
	if uint64(p.top)+uint64(n) > uint64(limitPage) {
		return 0, 0
	}
	start = p.top
	backPages(start, n)
	p.top += n
	p.markBusy(start, n)
	return start, n
}
