package mem

import (
	"math/bits"
	"sync"
)

// The page heap hands out runs of pages and takes them back.
//
//	free runs: bins[1..64] hold runs of exactly that many pages,
//	           bins[65..]  hold runs by power of two
//	pageTab:   first and last page of a free run hold runTag | run id;
//	           all pages of a span of small blocks, and the first and last
//	           of a large one, hold the span id; inner pages of free runs
//	           and large blocks hold stale values that nobody reads
//	dirtyTab:  one bit per page, set only for pages in free runs that are
//	           believed to be resident
//
// Taking and giving back are O(1) for small runs: two neighbours to join, one
// bit map to find a bin. Joined runs keep the stamp and the place in the queue
// of the part with more resident pages, so that a big run nibbled at its edges
// still gets old, and a piece returned in between makes nothing young.

const (
	runTag    = 1 << 31 // in pageTab: the page starts or ends a free run
	exactBins = 64
	binCount  = exactBins + 32

	// How many runs of a power-of-two bin are tried before a larger bin,
	// where every run fits, is used.
	binTriesMax = 16
)

// freeRun is a maximal run of free pages. Guarded by heap.mu.
type freeRun struct {
	start, pages uint32
	dirty        uint32 // pages believed resident
	stamp        uint32 // time it became free, ms, wrapping
	prev, next   uint32 // list of its bin
	qprev, qnext uint32 // queue of runs with dirty > 0, oldest stamp first
}

// pageHeap is the state of the page heap; all fields are guarded by mu.
type pageHeap struct {
	mu     sync.Mutex
	top    uint32 // pages from here on were never used
	bins   [binCount]uint32
	binMap [2]uint64 // bins that are not empty
	qhead  uint32
	qtail  uint32

	freeSpanIDs, lastSpanID uint32 // ids linked through next; 0 = none
	freeRunIDs, lastRunID   uint32

	nowMs     uint32 // coarse time, from Housekeep
	spanPages int64  // pages in spans
	freePages int64  // pages in free runs
	dirtyFree int64  // of these believed resident
	busyPages int64  // pages Housekeep is working on, in no run
	returned  int64  // pages ever returned to the system
	populated int64  // pages ever faulted in ahead
	huge      bool   // ask for huge pages, and fault memory in ahead
}

// heap is process-wide, as handles are.
var heap pageHeap

// binOf returns the bin for runs of n pages.
func binOf(n uint32) int {
	if n <= exactBins {
		return int(n)
	}
	return exactBins + bits.Len32(n) - 6
}

// allocSpan gives a span of n pages to an arena: its id, or 0 if the range is
// exhausted. all asks for the page table entries of inner pages too.
func (p *pageHeap) allocSpan(n, arena uint32, all bool) uint32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	runID := p.find(n)
	if runID == 0 {
		if !p.grow(n) {
			return 0
		}
		runID = p.find(n)
	}
	start := runAt(runID).start
	p.take(runID, n)
	p.spanPages += int64(n)
	id := p.newSpanID()
	sp := spanAt(id)
	sp.start, sp.pages, sp.arena = start, n, arena
	setPageEntry(start, id)
	setPageEntry(start+n-1, id)
	if all {
		for i := start + 1; i < start+n-1; i++ {
			setPageEntry(i, id)
		}
	}
	return id
}

// freeSpan takes a span back, of which the first touched pages were used.
func (p *pageHeap) freeSpan(id, touched uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	sp := spanAt(id)
	start, n := sp.start, sp.pages
	sp.arena = 0
	sp.next = p.freeSpanIDs
	p.freeSpanIDs = id
	p.spanPages -= int64(n)
	setDirty(start, touched)
	p.insert(start, n, touched)
}

func (p *pageHeap) newSpanID() uint32 {
	id := p.freeSpanIDs
	if id != 0 {
		p.freeSpanIDs = spanAt(id).next
		spanAt(id).next = 0
		return id
	}
	p.lastSpanID++
	backSpan(p.lastSpanID)
	return p.lastSpanID
}

func (p *pageHeap) newRunID() uint32 {
	id := p.freeRunIDs
	if id != 0 {
		p.freeRunIDs = runAt(id).next
		return id
	}
	p.lastRunID++
	backRun(p.lastRunID)
	return p.lastRunID
}

func (p *pageHeap) dropRunID(id uint32) {
	runAt(id).next = p.freeRunIDs
	p.freeRunIDs = id
}

// spansOf returns the ids of all spans of an arena.
func (p *pageHeap) spansOf(arena uint32) []uint32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	var ids []uint32
	for id := uint32(1); id <= p.lastSpanID; id++ {
		if spanAt(id).arena == arena {
			ids = append(ids, id)
		}
	}
	return ids
}

// find returns a run of at least n pages, the best fit among small ones, or 0.
func (p *pageHeap) find(n uint32) uint32 {
	b := binOf(n)
	if n > exactBins {
		id := p.bins[b]
		for range binTriesMax {
			if id == 0 {
				break
			}
			if runAt(id).pages >= n {
				return id
			}
			id = runAt(id).next
		}
		b++
	}
	word := b / 64
	m := p.binMap[word] >> (b % 64) << (b % 64)
	if m == 0 && word == 0 {
		word = 1
		m = p.binMap[1]
	}
	if m == 0 {
		return 0
	}
	return p.bins[word*64+bits.TrailingZeros64(m)]
}

// grow extends the used part of the range so that n pages in a row are free.
func (p *pageHeap) grow(n uint32) bool {
	if p.top == 0 {
		p.top = firstPage
	}
	// A free run just below the top is part of what is wanted.
	if e := pageEntry(p.top - 1); e&runTag != 0 && growsInPlace {
		n -= min(n-1, runAt(e&^runTag).pages)
	}
	more := growPages(p.top, n)
	if uint64(p.top)+uint64(more) > uint64(limitPage) {
		more = n
	}
	if uint64(p.top)+uint64(more) > uint64(limitPage) {
		return false
	}
	start := p.top
	backPages(start, more)
	p.top += more
	p.insert(start, more, 0)
	return true
}

// insert makes [start, start+n) a free run, joined with its neighbours. Of
// its pages dirty are resident; their bits are set already.
func (p *pageHeap) insert(start, n, dirty uint32) {
	p.freePages += int64(n)
	p.dirtyFree += int64(dirty)
	id := p.newRunID()
	*runAt(id) = freeRun{start: start, pages: n, dirty: dirty}
	if dirty > 0 {
		p.enqueue(id)
	}
	if e := pageEntry(start - 1); e&runTag != 0 && joinable(start) {
		p.unbin(e &^ runTag)
		id = p.join(e&^runTag, id)
	}
	if after := start + n; after < p.top {
		if e := pageEntry(after); e&runTag != 0 && joinable(after) {
			p.unbin(e &^ runTag)
			id = p.join(id, e&^runTag)
		}
	}
	p.bin(id)
}

// join makes one run of two neighbours, both in no bin. The one with more
// resident pages lives on, with its stamp and its place in the queue.
func (p *pageHeap) join(left, right uint32) uint32 {
	l, r := runAt(left), runAt(right)
	keep, drop := left, right
	if r.dirty > l.dirty {
		keep, drop = right, left
	}
	if runAt(drop).dirty > 0 {
		p.dequeue(drop)
	}
	k := runAt(keep)
	k.start, k.pages, k.dirty = l.start, l.pages+r.pages, l.dirty+r.dirty
	p.dropRunID(drop)
	return keep
}

// take removes the first n pages of a run from the free pages.
func (p *pageHeap) take(id, n uint32) {
	r := runAt(id)
	p.unbin(id)
	dirty := clearDirty(r.start, n)
	p.freePages -= int64(n)
	p.dirtyFree -= int64(dirty)
	if dirty > 0 && r.dirty == dirty {
		p.dequeue(id)
	}
	r.start += n
	r.pages -= n
	r.dirty -= dirty
	if r.pages == 0 {
		p.dropRunID(id)
		return
	}
	p.bin(id)
}

// bin files a run and marks its ends in the page table.
func (p *pageHeap) bin(id uint32) {
	r := runAt(id)
	b := binOf(r.pages)
	r.prev, r.next = 0, p.bins[b]
	if r.next != 0 {
		runAt(r.next).prev = id
	}
	p.bins[b] = id
	p.binMap[b/64] |= 1 << (b % 64)
	setPageEntry(r.start, id|runTag)
	setPageEntry(r.start+r.pages-1, id|runTag)
}

func (p *pageHeap) unbin(id uint32) {
	r := runAt(id)
	b := binOf(r.pages)
	if r.prev != 0 {
		runAt(r.prev).next = r.next
	} else {
		p.bins[b] = r.next
		if r.next == 0 {
			p.binMap[b/64] &^= 1 << (b % 64)
		}
	}
	if r.next != 0 {
		runAt(r.next).prev = r.prev
	}
}

// enqueue puts a run that has resident pages at the young end of the queue.
func (p *pageHeap) enqueue(id uint32) {
	r := runAt(id)
	r.stamp = p.nowMs
	r.qprev, r.qnext = p.qtail, 0
	if p.qtail != 0 {
		runAt(p.qtail).qnext = id
	} else {
		p.qhead = id
	}
	p.qtail = id
}

func (p *pageHeap) dequeue(id uint32) {
	r := runAt(id)
	if r.qprev != 0 {
		runAt(r.qprev).qnext = r.qnext
	} else {
		p.qhead = r.qnext
	}
	if r.qnext != 0 {
		runAt(r.qnext).qprev = r.qprev
	} else {
		p.qtail = r.qprev
	}
}

// dirtyMask returns the bits of word w that lie in [from, to) pages.
func dirtyMask(w, from, to uint32) uint64 {
	m := ^uint64(0)
	if w == from/64 {
		m &= ^uint64(0) << (from % 64)
	}
	if w == to/64 {
		m &= 1<<(to%64) - 1
	}
	return m
}

// setDirty marks n pages from start as resident.
func setDirty(start, n uint32) {
	end := start + n
	for w := start / 64; w*64 < end; w++ {
		*dirtyWord(w) |= dirtyMask(w, start, end)
	}
}

// clearDirty clears the marks of n pages from start and returns how many of
// them were set.
func clearDirty(start, n uint32) (count uint32) {
	end := start + n
	for w := start / 64; w*64 < end; w++ {
		p, m := dirtyWord(w), dirtyMask(w, start, end)
		count += uint32(bits.OnesCount64(*p & m))
		*p &^= m
	}
	return count
}
