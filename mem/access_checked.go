//go:build race || memdebug

package mem

import (
	"fmt"
	"sync"
	"sync/atomic"
	"unsafe"
)

// debugBuild selects the checked twin of the allocator.
const debugBuild = true

// The twin's range is made of segments of Go memory, so that the race
// detector and checkptr see every access. Segments are never freed.
const (
	segShift   = 20 // bytes of a segment
	segPages   = 1 << (segShift - pageShift)
	segUnits   = segShift - unitShift
	rangeBytes = 16 << 30
	segCount   = rangeBytes >> segShift
	pagesMax   = rangeBytes >> pageShift
	firstPage  = segPages // the first segment, that of handle 0, stays unused

	slabShift = 10
	slabSize  = 1 << slabShift
)

// The range and its tables; process-wide, as handles are.
var (
	rangeOnce sync.Once
	limitPage uint32 = pagesMax
	pageTab   [pagesMax]uint32

	spanSlabs [pagesMax / slabSize]*[slabSize]span
	runSlabs  [pagesMax / slabSize]*[slabSize]freeRun
	dirtyTab  [pagesMax / 64]uint64

	// segments are read without a lock, hence atomic. Those not backed yet
	// point to noSegment, which keeps them readable.
	segments  [segCount]unsafe.Pointer
	noSegment [1 << segShift]byte

	// segStart tells which segments begin a Go allocation: a free run must
	// not cross into them. Guarded by heap.mu.
	segStart [segCount]bool
)

func reserveRange() {
	for i := range segments {
		atomic.StorePointer(&segments[i], unsafe.Pointer(&noSegment))
	}
}

// Ptr returns the address of h. It stays valid memory for ever, but its bytes
// belong to the caller only while the block lives. Ptr(0) is readable too.
func Ptr(h Handle) unsafe.Pointer {
	seg := atomic.LoadPointer(&segments[h>>segUnits])
	return unsafe.Add(seg, uintptr(h)<<unitShift&(1<<segShift-1))
}

// at is Ptr(h)+off after checking that size bytes from there on belong to the
// live block that h lies in.
func at(h Handle, off, size int) unsafe.Pointer {
	checkAccess(h, off, size)
	return unsafe.Add(Ptr(h), off)
}

// Hint64 is Load64 for reads that may race with writers and may meet a freed
// block, where any value will do. The twin does not read at all: 0 is as good
// an answer as any other, and no race to report.
func Hint64(Handle, int) uint64 { return 0 }

// Limit returns the exclusive upper bound of handles.
func Limit() Handle { return handleOfPage(limitPage) }

func pageEntry(page uint32) uint32       { return pageTab[page] }
func setPageEntry(page uint32, e uint32) { pageTab[page] = e }
func spanAt(id uint32) *span             { return &spanSlabs[id>>slabShift][id&(slabSize-1)] }
func runAt(id uint32) *freeRun           { return &runSlabs[id>>slabShift][id&(slabSize-1)] }
func dirtyWord(i uint32) *uint64         { return &dirtyTab[i] }

// backSpan makes spanAt(id) usable.
func backSpan(id uint32) {
	if s := &spanSlabs[id>>slabShift]; *s == nil {
		*s = new([slabSize]span)
	}
}

// backRun makes runAt(id) usable.
func backRun(id uint32) {
	if s := &runSlabs[id>>slabShift]; *s == nil {
		*s = new([slabSize]freeRun)
	}
}

// onGoHeap tells whether pages are allocations of Go's.
const onGoHeap = true

// growsInPlace tells whether new pages join a free run just below them: each
// growth is a Go allocation of its own here.
const growsInPlace = false

// joinable tells whether a free run may cross into page.
func joinable(page uint32) bool {
	return page%segPages != 0 || !segStart[page/segPages]
}

// growPages returns by how many pages to grow when n more are wanted at top:
// whole segments, as each growth is one Go allocation.
func growPages(top, n uint32) uint32 {
	return (top+n+segPages-1)/segPages*segPages - top
}

// backPages makes pages of the unused top usable. Called once for each page.
func backPages(start, n uint32) {
	start, end := start/segPages, (start+n)/segPages
	mem := make([]byte, int(end-start)<<segShift)
	if p := uintptr(unsafe.Pointer(&mem[0])); p%pageSize != 0 {
		panic(fmt.Sprintf("mem: Go allocation of %d bytes at %#x is not page aligned", len(mem), p))
	}
	segStart[start] = true
	for i := start; i < end; i++ {
		atomic.StorePointer(&segments[i], unsafe.Pointer(&mem[int(i-start)<<segShift]))
	}
}

// The twin keeps its pages: there is nothing to return or to fault in.
func pageAddr(page uint32) unsafe.Pointer { return Ptr(handleOfPage(page)) }
func sysReturn(unsafe.Pointer, uintptr)   {}
func sysPopulate(unsafe.Pointer, uintptr) {}

// storeCounter publishes v for readers that hold no lock.
func storeCounter(p *int64, v int64) { atomic.StoreInt64(p, v) }
