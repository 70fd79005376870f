package mem

import "sync/atomic"

// Stats tells where memory is. All fields but Returned and Populated are
// gauges, in bytes.
type Stats struct {
	Used      [KindCount]int64 // live blocks by kind: sums of BlockSize
	Total     int64            // sum of Used
	Spans     int64            // pages held by spans; Spans-Total is fragmentation
	Free      int64            // free pages, resident or not
	Resident  int64            // pages of spans and free pages not yet returned; at most this much is in memory
	Metadata  int64            // tables that describe the pages
	Returned  int64            // ever returned to the system
	Populated int64            // ever faulted in ahead of use
}

// Stats returns the figures of one arena; only Used, Total and Spans are set.
func (a *Arena) Stats() Stats {
	var s Stats
	a.mu.Lock()
	defer a.mu.Unlock()
	s.add(a)
	return s
}

// add adds the figures of an arena whose mutex is held.
func (s *Stats) add(a *Arena) {
	for k := range s.Used {
		s.Used[k] += a.used[k]
	}
	s.Total += a.total
	s.Spans += a.pages << pageShift
}

// ReadStats returns the figures of all arenas and of the page heap. Each
// arena is read under its mutex, one after the other: with writers at work
// the sums are not of one instant.
func ReadStats() Stats {
	var s Stats
	for _, a := range openArenas() {
		a.mu.Lock()
		s.add(a)
		a.mu.Unlock()
	}
	heap.mu.Lock()
	defer heap.mu.Unlock()
	s.Free = (heap.freePages + heap.busyPages) << pageShift
	s.Resident = (heap.spanPages + heap.dirtyFree + heap.busyPages) << pageShift
	s.Metadata = int64(heap.lastSpanID)*spanMetaSize + int64(heap.lastRunID)*runMetaSize +
		int64(heap.top)*pageMetaSize
	s.Returned = heap.returned << pageShift
	s.Populated = heap.populated << pageShift
	return s
}

// GoHeapBytes returns how much of the Go heap the pages are: none but in builds with checks,
// where all that were ever in use stay there.
func GoHeapBytes() int64 {
	if !onGoHeap {
		return 0
	}
	heap.mu.Lock()
	defer heap.mu.Unlock()
	return int64(heap.top) << pageShift
}

// UsedBytes returns the bytes of all live blocks of all arenas. It takes no
// lock and reads one cache line per arena: cheap enough before every write.
// With writers at work the sum is not of one instant.
//
//kvorum:inline
func UsedBytes() int64 {
	var sum int64
	for _, a := range openArenas() {
		sum += a.UsedBytes()
	}
	return sum
}

// UsedBytes returns the bytes of all live blocks of the arena, without a lock.
func (a *Arena) UsedBytes() int64 {
	return atomic.LoadInt64(&a.total)
}

// SpanBytes returns the bytes of the pages that the arena's spans hold, without a
// lock: what lies beyond UsedBytes is free blocks and the tails of spans, memory
// that only other blocks of the same classes can use until compaction empties
// spans.
func (a *Arena) SpanBytes() int64 {
	return atomic.LoadInt64(&a.held)
}

// Bytes of metadata per span, free run and page.
const (
	spanMetaSize = 64
	runMetaSize  = 32
	pageMetaSize = 4
)
