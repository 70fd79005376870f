package mem

import "sync/atomic"

// Compaction. The arena cannot move blocks: it does not know who holds their
// handles. It marks spans that are mostly empty; whoever knows the one place
// that refers to a block asks Evacuating and, if so, copies the block to a
// new one. A marked span gives no blocks, so it drains and its pages come
// back.

// sparseSpans counts marked spans of all arenas, so that Evacuating is one
// load while no compaction runs.
var sparseSpans atomic.Int64

// markScanMax bounds the spans one MarkSparse looks at: it holds the mutex.
const markScanMax = 2048

// MarkSparse marks spans of small blocks of which less than maxFill percent
// of the blocks are live, until about budget bytes of live blocks lie in the
// spans marked by this call. It returns the bytes of pages that would come
// back if all blocks of these spans were moved elsewhere. It looks at a
// bounded number of spans and goes on from there at the next call.
func (a *Arena) MarkSparse(maxFill, budget int) (gain int) {
	a.flushQuarantine()
	a.mu.Lock()
	defer a.mu.Unlock()
	for scans := markScanMax; scans > 0 && budget > 0; scans-- {
		id := a.nextScan()
		if id == 0 {
			return gain
		}
		sp := spanAt(id)
		c := &tab.classes[sp.class]
		blocks := int(sp.end-sp.first()) / int(c.stride)
		if int(sp.live)*100 >= blocks*maxFill {
			continue
		}
		a.partial[sp.class].remove(id)
		sp.state = stateSparse
		a.sparse.pushTail(id)
		atomic.StoreUint32(&sp.sparse, 1)
		sparseSpans.Add(1)
		gain += int(sp.pages)<<pageShift - int(sp.live)*int(c.stride)<<unitShift
		budget -= int(sp.live) * int(c.size)
	}
	return gain
}

// nextScan returns the next partial span for MarkSparse to look at, or 0 once
// each class had its turn since the last 0. It moves the span to the tail of
// its list, so that the next call meets another one.
func (a *Arena) nextScan() uint32 {
	for a.scanLeft == 0 || a.partial[a.scanClass].head == 0 {
		if a.scanNext == classCount {
			a.scanNext = 0
			return 0
		}
		a.scanClass = a.scanNext
		a.scanLeft = a.spans[a.scanClass]
		a.scanNext++
	}
	a.scanLeft--
	l := &a.partial[a.scanClass]
	id := l.head
	l.remove(id)
	l.pushTail(id)
	return id
}

// unmark takes a span out of the sparse list; its state is the caller's.
func (a *Arena) unmark(id uint32, sp *span) {
	a.sparse.remove(id)
	atomic.StoreUint32(&sp.sparse, 0)
	sparseSpans.Add(-1)
}

// UnmarkSparse ends the evacuation: what is left in marked spans stays.
func (a *Arena) UnmarkSparse() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.sparse.head != 0 {
		id := a.sparse.head
		sp := spanAt(id)
		a.unmark(id, sp)
		sp.state = statePartial
		a.partial[sp.class].pushTail(id)
	}
}

// Evacuating tells whether the block h, which the caller owns, lies in a
// marked span: the caller should move it. No lock; one load while nothing is
// marked.
//
//kvorum:inline
func Evacuating(h Handle) bool {
	return sparseSpans.Load() != 0 && atomic.LoadUint32(&spanOf(h).sparse) != 0
}
