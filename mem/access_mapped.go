//go:build !race && !memdebug

package mem

import (
	"fmt"
	"sync"
	"unsafe"
)

// debugBuild selects the checked twin of the allocator.
const debugBuild = false

const (
	rangeBytesMax = 1 << (HandleBits + unitShift)
	rangeBytesMin = 1 << 30
	hugeSize      = 2 << 20

	pagesMax  = rangeBytesMax >> pageShift
	firstPage = 1 // page 0 would hold handle 0

	// The first bytes of the range stay on small pages: an idle server
	// touches a little of many spans and should stay small.
	smallPagesBytes = 8 << 20

	growPagesSmall  = hugeSize >> pageShift  // growth step of a small heap
	growPagesLarge  = 16 << 20 >> pageShift  // and of a large one
	growLargeAtPage = 256 << 20 >> pageShift // where the large step begins
)

// The address range and the tables that describe it. They are reserved once,
// before the first arena exists, and never move; handles are process-wide, so
// these are too. Only touched parts of the tables cost memory.
var (
	rangeOnce sync.Once
	base      unsafe.Pointer     // first byte of the range, 2 MiB aligned
	limitPage uint32             // number of pages in the range
	pageTab   *[pagesMax]uint32  // page -> span id, or run id | runTag
	spanTab   *[pagesMax]span    // span id -> span; guarded by the owner's mutex
	runTab    *[pagesMax]freeRun // run id -> free run; guarded by heap.mu
	dirtyTab  *[pagesMax / 64]uint64
)

// reserveRange maps the range and its tables, half as large after each
// refusal. It panics if not even the smallest range can be mapped.
func reserveRange() {
	var err error
	for size := rangeBytesMax; size >= rangeBytesMin; size /= 2 {
		if err = mapRange(size); err == nil {
			return
		}
	}
	panic(fmt.Sprintf("mem: cannot reserve %d bytes of address space: %v", rangeBytesMin, err))
}

// mapRange maps a range of size bytes with its tables, or nothing.
func mapRange(size int) error {
	pages := size >> pageShift
	sizes := [...]int{
		size + hugeSize,
		pages * int(unsafe.Sizeof(pageTab[0])),
		pages * int(unsafe.Sizeof(spanTab[0])),
		pages * int(unsafe.Sizeof(runTab[0])),
		pages / 8,
	}
	var maps [len(sizes)][]byte
	for i, n := range sizes {
		m, err := sysReserve(n)
		if err != nil {
			for _, m := range maps[:i] {
				sysUnreserve(m)
			}
			return err
		}
		maps[i] = m
	}
	p := unsafe.Pointer(&maps[0][0])
	base = unsafe.Add(p, -uintptr(p)&(hugeSize-1))
	pageTab = (*[pagesMax]uint32)(unsafe.Pointer(&maps[1][0]))
	spanTab = (*[pagesMax]span)(unsafe.Pointer(&maps[2][0]))
	runTab = (*[pagesMax]freeRun)(unsafe.Pointer(&maps[3][0]))
	dirtyTab = (*[pagesMax / 64]uint64)(unsafe.Pointer(&maps[4][0]))
	limitPage = uint32(pages)
	return nil
}

// Ptr returns the address of h. It stays valid memory for ever, but its bytes
// belong to the caller only while the block lives. Ptr(0) is readable too.
//
//kvorum:inline
func Ptr(h Handle) unsafe.Pointer { return unsafe.Add(base, uintptr(h)<<unitShift) }

// at is Ptr(h)+off; size is what the checked twin wants to know.
func at(h Handle, off, _ int) unsafe.Pointer {
	return unsafe.Add(base, uintptr(h)<<unitShift+uintptr(off))
}

// Hint64 is Load64 for reads that may race with writers and may meet a freed
// block, where any value will do. h must be below Limit.
//
//kvorum:inline
func Hint64(h Handle, off int) uint64 { return *(*uint64)(at(h, off, 8)) }

// Limit returns the exclusive upper bound of handles.
func Limit() Handle {
	rangeOnce.Do(reserveRange)
	return handleOfPage(limitPage)
}

func pageEntry(page uint32) uint32       { return pageTab[page] }
func setPageEntry(page uint32, e uint32) { pageTab[page] = e }
func spanAt(id uint32) *span             { return &spanTab[id] }
func runAt(id uint32) *freeRun           { return &runTab[id] }
func dirtyWord(i uint32) *uint64         { return &dirtyTab[i] }

// onGoHeap tells whether pages are allocations of Go's.
const onGoHeap = false

// growsInPlace tells whether new pages join a free run just below them.
const growsInPlace = true

// joinable tells whether a free run may cross into page.
func joinable(uint32) bool { return true }

// growPages returns by how many pages to grow when n more are wanted at top.
func growPages(top, n uint32) uint32 {
	step := uint32(growPagesSmall)
	if top >= growLargeAtPage {
		step = growPagesLarge
	}
	return (top+n+step-1)/step*step - top
}

// backPages makes pages of the unused top usable. Called once for each page.
func backPages(start, n uint32) {
	from := max(uintptr(start)<<pageShift, smallPagesBytes)
	to := uintptr(start+n) << pageShift
	if from < to {
		sysHuge(unsafe.Add(base, from), to-from, heap.huge)
	}
}

// pageAddr returns the address of a page.
func pageAddr(page uint32) unsafe.Pointer {
	return unsafe.Add(base, uintptr(page)<<pageShift)
}

// storeCounter publishes v for readers that hold no lock. The mutex of the
// arena orders writers; a plain word-sized store is enough for readers that
// only want some recent value, and spares the 5 ns of an atomic exchange.
func storeCounter(p *int64, v int64) { *p = v }

// backSpan and backRun make a table entry usable: here all of them are.
func backSpan(uint32) {}
func backRun(uint32)  {}
