package mem

import (
	"fmt"
	"sync"
	"sync/atomic"
	"unsafe"

	"kvorum/internal/invariants"
)

// State of a span within its arena.
const (
	stateNone    = iota // not a span of an arena
	stateCurrent        // Alloc takes from it; in no list
	statePartial        // has free blocks; in the partial list of its class
	stateFull           // no free block; in no list
	stateSparse         // being evacuated: Alloc avoids it; in the sparse list
	stateLarge          // one block of whole pages; in no list
)

// span is a run of pages cut into blocks of one class, or one large block.
// Guarded by the mutex of its arena, except start, pages, size and arena,
// which do not change while a block lives, and sparse, which is atomic.
// One cache line.
type span struct {
	free   Handle // first block of the free list; each links to the next
	bump   Handle // first block never handed out
	end    Handle // bump stops here
	size   uint64 // usable bytes of a block
	start  uint32 // first page
	pages  uint32
	live   uint32 // blocks handed out
	arena  uint32 // id of the owner, 0 = none; written under heap.mu too
	sparse uint32 // 1 while being evacuated; atomic
	prev   uint32 // list links: span ids
	next   uint32
	class  uint8
	state  uint8
	_      [2]byte
}

// The metadata arithmetic relies on one line per span.
var _ [0]struct{} = [unsafe.Sizeof(span{}) - 64]struct{}{}

// first returns the first block of the span.
func (sp *span) first() Handle { return handleOfPage(sp.start) }

// hasFree tells whether the span can give a block.
func (sp *span) hasFree() bool { return sp.free != 0 || sp.bump != sp.end }

// spanList is a list of spans linked by ids.
type spanList struct{ head, tail uint32 }

func (l *spanList) pushTail(id uint32) {
	sp := spanAt(id)
	sp.prev, sp.next = l.tail, 0
	if l.tail != 0 {
		spanAt(l.tail).next = id
	} else {
		l.head = id
	}
	l.tail = id
}

func (l *spanList) remove(id uint32) {
	sp := spanAt(id)
	if sp.prev != 0 {
		spanAt(sp.prev).next = sp.next
	} else {
		l.head = sp.next
	}
	if sp.next != 0 {
		spanAt(sp.next).prev = sp.prev
	} else {
		l.tail = sp.prev
	}
	sp.prev, sp.next = 0, 0
}

// noSpan stands for "no current span": it has nothing to give and is never
// written, so that Alloc needs no nil check.
var noSpan span

// Arena allocates blocks. Several arenas let goroutines allocate without
// meeting; a block must be freed in the arena it came from. Make one with
// NewArena. Safe for concurrent use.
type Arena struct {
	// Bytes of live blocks by kind and in sum. Written under mu, read by
	// anyone; on a line of their own, as readers would slow down the mutex.
	used  [KindCount]int64
	total int64
	held  int64 // bytes of the pages of its spans
	_     [64 - 8*(KindCount+2)]byte

	mu        sync.Mutex
	id        uint32
	emptySeen [2]uint64 // classes whose current span was empty at the last trim

	cur     [classCount]*span
	partial [classCount]spanList
	spans   [classCount]uint32 // spans held, by class
	sparse  spanList
	pages   int64 // pages held by spans

	// Where MarkSparse goes on: a class, how many of its spans to look at, and
	// the class after it.
	scanClass, scanNext int
	scanLeft            uint32

	quarantine quarantine
}

// registry holds all open arenas, for the sums. The slice is copied on write.
var registry struct {
	mu     sync.Mutex
	lastID uint32
	open   atomic.Pointer[[]*Arena]
}

// openArenas returns all open arenas; the slice must not be changed.
func openArenas() []*Arena {
	if p := registry.open.Load(); p != nil {
		return *p
	}
	return nil
}

// NewArena returns an empty arena. The first call reserves the address range.
// An arena holds memory until Close, even when it is no longer referenced.
func NewArena() *Arena {
	rangeOnce.Do(reserveRange)
	a := new(Arena)
	for c := range a.cur {
		a.cur[c] = &noSpan
	}
	registry.mu.Lock()
	defer registry.mu.Unlock()
	registry.lastID++
	a.id = registry.lastID
	old := openArenas()
	list := append(make([]*Arena, 0, len(old)+1), old...)
	list = append(list, a)
	registry.open.Store(&list)
	return a
}

// Alloc returns a block of at least size bytes with undefined contents,
// 1 <= size <= MaxBlock. The caller owns it until Free. It panics when the
// address range is exhausted, and never for want of memory: the system kills.
func (a *Arena) Alloc(size int, k Kind) Handle {
	if k >= KindCount {
		badKind(k)
	}
	if uint(size-1) >= smallMax {
		return a.allocLarge(size, k)
	}
	c := classOf(size)
	a.mu.Lock()
	sp := a.cur[c]
	if !sp.hasFree() {
		sp = a.refill(c)
	}
	h := sp.free
	if h != 0 {
		if debugBuild {
			a.debugReuse(sp, h)
		}
		next := Handle(*(*uint64)(Ptr(h)))
		if next != 0 && (next < sp.first() || next >= sp.end) {
			a.badLink(h, next)
		}
		sp.free = next
	} else {
		h = sp.bump
		sp.bump = h + Handle(tab.classes[c].stride)
	}
	sp.live++
	storeCounter(&a.used[k], a.used[k]+int64(sp.size))
	storeCounter(&a.total, a.total+int64(sp.size))
	if debugBuild {
		debugAlloc(sp, h)
	}
	a.mu.Unlock()
	return h
}

// Free ends the life of a block that Alloc of the same arena returned for the
// same kind. h and all views of the block are dead afterwards.
func (a *Arena) Free(h Handle, k Kind) {
	if k >= KindCount {
		badKind(k)
	}
	id := pageEntry(h.page())
	if id == 0 || id&runTag != 0 {
		notBlock(h)
	}
	sp := spanAt(id)
	a.mu.Lock()
	if sp.arena != a.id || sp.live == 0 {
		a.notOurs(h, sp)
	}
	storeCounter(&a.used[k], a.used[k]-int64(sp.size))
	storeCounter(&a.total, a.total-int64(sp.size))
	if debugBuild {
		a.debugFree(sp, h)
	} else {
		a.freeBlock(id, sp, h)
	}
	a.mu.Unlock()
}

// freeBlock puts a block back into its span.
func (a *Arena) freeBlock(id uint32, sp *span, h Handle) {
	sp.live--
	if sp.class != classLarge {
		*(*uint64)(Ptr(h)) = uint64(sp.free)
		sp.free = h
	}
	if sp.live == 0 || sp.state == stateFull {
		a.spanChanged(id, sp)
	}
}

// spanChanged moves a span that was full, or became empty, to where it
// belongs now. An empty current span stays, so that a lone block allocated
// and freed again and again costs no page traffic.
func (a *Arena) spanChanged(id uint32, sp *span) {
	if sp.state == stateFull {
		// To the tail: it gathers more free blocks before its turn comes.
		sp.state = statePartial
		a.partial[sp.class].pushTail(id)
	}
	if sp.live != 0 || sp.state == stateCurrent {
		return
	}
	switch sp.state {
	case statePartial:
		a.partial[sp.class].remove(id)
	case stateSparse:
		a.unmark(id, sp)
	}
	a.releaseSpan(id, sp)
}

// refill makes a span with free blocks the current one of class c.
func (a *Arena) refill(c uint8) *span {
	if old := a.cur[c]; old != &noSpan {
		old.state = stateFull
		a.cur[c] = &noSpan // stays true if the range is exhausted below
	}
	id := a.partial[c].head
	var sp *span
	if id != 0 {
		a.partial[c].remove(id)
		sp = spanAt(id)
	} else {
		sp = a.newSpan(c)
	}
	sp.state = stateCurrent
	a.cur[c] = sp
	return sp
}

// newSpan takes pages for class c. The first spans are small and double.
func (a *Arena) newSpan(c uint8) *span {
	cl := &tab.classes[c]
	pages := min(cl.pages, cl.firstPages<<min(a.spans[c], 6))
	_, sp := a.takeSpan(pages, true)
	sp.class = c
	sp.size = uint64(cl.size)
	sp.bump = sp.first()
	blocks := pages << pageUnits / cl.stride
	sp.end = sp.bump + Handle(blocks*cl.stride)
	a.spans[c]++
	return sp
}

// takeSpan gets a span from the page heap or panics.
func (a *Arena) takeSpan(pages uint32, small bool) (uint32, *span) {
	id := heap.allocSpan(pages, a.id, small || debugBuild)
	if id == 0 {
		a.mu.Unlock()
		panic(fmt.Sprintf("mem: address range of %d pages exhausted, %d more wanted", limitPage, pages))
	}
	a.holdPages(int64(pages))
	return id, spanAt(id)
}

// holdPages counts n more pages (fewer, if negative) in spans.
func (a *Arena) holdPages(n int64) {
	a.pages += n
	storeCounter(&a.held, a.pages<<pageShift)
}

// releaseSpan gives an empty span, that is in no list, back to the page heap.
func (a *Arena) releaseSpan(id uint32, sp *span) {
	touched := sp.pages
	if sp.class != classLarge {
		a.spans[sp.class]--
		touched = (sp.bump + 1<<pageUnits - 1).page() - sp.start
	}
	a.holdPages(-int64(sp.pages))
	sp.state = stateNone
	sp.free, sp.bump, sp.end = 0, 0, 0
	heap.freeSpan(id, touched)
}

// allocLarge gives a block of whole pages.
func (a *Arena) allocLarge(size int, k Kind) Handle {
	if size <= 0 || size > MaxBlock {
		invariants.Fail("mem: size %d out of 1..%d", size, MaxBlock)
	}
	usable := (size + pageSize - 1) &^ (pageSize - 1)
	pages := (usable + largeRedZone) >> pageShift
	a.mu.Lock()
	_, sp := a.takeSpan(uint32(pages), false)
	sp.class = classLarge
	sp.state = stateLarge
	sp.size = uint64(usable)
	sp.bump, sp.end = sp.first()+1, sp.first()+1
	sp.live = 1
	storeCounter(&a.used[k], a.used[k]+int64(usable))
	storeCounter(&a.total, a.total+int64(usable))
	h := sp.first()
	if debugBuild {
		debugAlloc(sp, h)
	}
	a.mu.Unlock()
	return h
}

// failLocked reports a broken invariant found under the arena's mutex. It
// drops the mutex first, so that a crash report can still read the figures.
//
//go:noinline
func (a *Arena) failLocked(format string, args ...any) {
	a.mu.Unlock()
	invariants.Fail(format, args...)
}

// badKind reports a kind that is none.
//
//go:noinline
func badKind(k Kind) {
	invariants.Fail("mem: kind %d, there are %d", k, KindCount)
}

// notBlock reports a handle that lies in no span.
//
//go:noinline
func notBlock(h Handle) {
	invariants.Fail("mem: free of %#x: not a block (page %d)", uint64(h), h.page())
}

// notOurs reports a handle that this arena never gave or already took back.
//
//go:noinline
func (a *Arena) notOurs(h Handle, sp *span) {
	a.failLocked("mem: free of %#x in arena %d: its span is of arena %d and has %d live blocks",
		uint64(h), a.id, sp.arena, sp.live)
}

// badLink reports a free block that was written after Free.
//
//go:noinline
func (a *Arena) badLink(h, next Handle) {
	a.failLocked("mem: free block %#x of arena %d was written: its link is %#x", uint64(h), a.id, uint64(next))
}

// Close frees all blocks of the arena at once and unregisters it. The caller
// must be its last user. For tests and for throwing away a whole data set.
func (a *Arena) Close() {
	registry.mu.Lock()
	old := openArenas()
	list := make([]*Arena, 0, len(old))
	for _, o := range old {
		if o != a {
			list = append(list, o)
		}
	}
	registry.open.Store(&list)
	registry.mu.Unlock()

	a.UnmarkSparse()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.quarantine = quarantine{}
	for _, id := range heap.spansOf(a.id) {
		sp := spanAt(id)
		sp.live = 0
		a.releaseSpan(id, sp)
	}
	for c := range a.cur {
		a.cur[c] = &noSpan
		a.partial[c] = spanList{}
	}
	for k := range a.used {
		storeCounter(&a.used[k], 0)
	}
	storeCounter(&a.total, 0)
}

// Walk calls fn for every live block, in no order. It holds no lock during
// fn; blocks allocated or freed meanwhile may be seen or not. Debug only: it
// allocates and takes the arena's mutex once per span. In checked builds it
// also verifies every red zone.
func (a *Arena) Walk(fn func(h Handle, size int)) {
	a.mu.Lock()
	ids := heap.spansOf(a.id)
	a.mu.Unlock()
	var live []Handle
	for _, id := range ids {
		sp := spanAt(id)
		a.mu.Lock()
		live = live[:0]
		size := 0
		if sp.arena == a.id && sp.live > 0 {
			size = int(sp.size)
			live = a.appendLive(live, sp)
		}
		a.mu.Unlock()
		for _, h := range live {
			fn(h, size)
		}
	}
}

// appendLive appends the live blocks of a span.
func (a *Arena) appendLive(dst []Handle, sp *span) []Handle {
	if sp.class == classLarge {
		if debugBuild && !a.debugLive(sp, sp.first()) {
			return dst
		}
		return append(dst, sp.first())
	}
	stride := Handle(tab.classes[sp.class].stride)
	first := sp.first()
	isFree := make([]bool, (sp.end-first)/stride)
	for h := sp.free; h != 0; h = Handle(*(*uint64)(Ptr(h))) {
		isFree[(h-first)/stride] = true
	}
	for h := first; h < sp.bump; h += stride {
		if isFree[(h-first)/stride] || debugBuild && !a.debugLive(sp, h) {
			continue
		}
		dst = append(dst, h)
	}
	return dst
}
