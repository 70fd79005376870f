package mem

import "testing"

// validateHeap checks I1 and I2 and all counters, lists and bit maps of the
// page heap. No Housekeep may run meanwhile.
func validateHeap(t testing.TB) {
	t.Helper()
	p := &heap
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.top == 0 {
		return
	}
	var spanPages, freePages, dirtyPages int64
	runs := map[uint32]bool{}
	wasRun := false
	for page := uint32(firstPage); page < p.top; {
		e := pageEntry(page)
		if e&runTag == 0 {
			sp := spanAt(e)
			if e == 0 || sp.arena == 0 || sp.start != page || pageEntry(page+sp.pages-1) != e {
				t.Fatalf("page %d: bad span %d %+v", page, e, *sp)
			}
			if d := countDirty(page, sp.pages); d != 0 {
				t.Fatalf("span %d has %d dirty bits", e, d)
			}
			spanPages += int64(sp.pages)
			page += sp.pages
			wasRun = false
			continue
		}
		id := e &^ runTag
		r := runAt(id)
		if r.start != page || r.pages == 0 || pageEntry(page+r.pages-1) != e {
			t.Fatalf("page %d: bad run %d %+v", page, id, *r)
		}
		if wasRun && joinable(page) {
			t.Fatalf("page %d: two free runs side by side", page)
		}
		if d := countDirty(page, r.pages); d != r.dirty {
			t.Fatalf("run %d has %d dirty bits, counts %d", id, d, r.dirty)
		}
		runs[id] = true
		freePages += int64(r.pages)
		dirtyPages += int64(r.dirty)
		page += r.pages
		wasRun = true
	}
	if spanPages != p.spanPages || freePages != p.freePages || dirtyPages != p.dirtyFree || p.busyPages != 0 {
		t.Fatalf("pages: spans %d/%d free %d/%d dirty %d/%d busy %d", spanPages, p.spanPages,
			freePages, p.freePages, dirtyPages, p.dirtyFree, p.busyPages)
	}
	binned := 0
	for b := range p.bins {
		if (p.bins[b] != 0) != (p.binMap[b/64]>>(b%64)&1 != 0) {
			t.Fatalf("bin %d: head %d, map %#x", b, p.bins[b], p.binMap[b/64])
		}
		for prev, id := uint32(0), p.bins[b]; id != 0; prev, id = id, runAt(id).next {
			if r := runAt(id); !runs[id] || binOf(r.pages) != b || r.prev != prev {
				t.Fatalf("bin %d: bad run %d %+v", b, id, *r)
			}
			binned++
		}
	}
	if binned != len(runs) {
		t.Fatalf("%d runs in bins, %d in the range", binned, len(runs))
	}
	queued := 0
	for prev, id := uint32(0), p.qhead; id != 0; prev, id = id, runAt(id).qnext {
		r := runAt(id)
		if !runs[id] || r.dirty == 0 || r.qprev != prev || prev != 0 && r.stamp-runAt(prev).stamp > 1<<31 {
			t.Fatalf("queue: bad run %d %+v", id, *r)
		}
		queued++
	}
	for id := range runs {
		if runAt(id).dirty > 0 {
			queued--
		}
	}
	if queued != 0 {
		t.Fatalf("queue holds %d runs too many", queued)
	}
}

// countDirty counts the dirty bits of n pages from start on, one by one.
func countDirty(start, n uint32) (count uint32) {
	for page := start; page < start+n; page++ {
		count += uint32(*dirtyWord(page / 64) >> (page % 64) & 1)
	}
	return count
}

// validateArena checks the spans of an arena: states, lists, free lists.
func validateArena(t testing.TB, a *Arena) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	listed := map[uint32]uint8{} // span -> state its list implies
	for c := range a.partial {
		for id := a.partial[c].head; id != 0; id = spanAt(id).next {
			listed[id] = statePartial
			if spanAt(id).class != uint8(c) {
				t.Fatalf("span %d of class %d in list of class %d", id, spanAt(id).class, c)
			}
		}
		if sp := a.cur[c]; sp != &noSpan {
			listed[pageEntry(sp.start)] = stateCurrent
		}
	}
	for id := a.sparse.head; id != 0; id = spanAt(id).next {
		listed[id] = stateSparse
	}
	var pages int64
	var spans [classCount]uint32
	for _, id := range heap.spansOf(a.id) {
		sp := spanAt(id)
		pages += int64(sp.pages)
		if sp.class == classLarge {
			if sp.state != stateLarge || sp.live != 1 {
				t.Fatalf("bad large span %+v", *sp)
			}
			continue
		}
		spans[sp.class]++
		want := uint8(stateFull)
		if s, ok := listed[id]; ok {
			want = s
			delete(listed, id)
		}
		if sp.state != want || (sp.sparse == 1) != (want == stateSparse) || want == stateFull && sp.hasFree() {
			t.Fatalf("span %d in state %d, lists say %d: %+v", id, sp.state, want, *sp)
		}
		if sp.live == 0 && want != stateCurrent {
			t.Fatalf("empty span %d kept in state %d", id, want)
		}
		stride := tab.classes[sp.class].stride
		handed := uint32(sp.bump-sp.first()) / stride
		free := uint32(0)
		for h := sp.free; h != 0; h = Handle(*(*uint64)(Ptr(h))) {
			if h < sp.first() || h >= sp.bump || uint32(h-sp.first())%stride != 0 {
				t.Fatalf("span %d: bad free block %#x", id, uint64(h))
			}
			free++
		}
		if handed != free+sp.live {
			t.Fatalf("span %d: %d blocks handed out, %d free, %d live", id, handed, free, sp.live)
		}
	}
	if len(listed) != 0 || pages != a.pages || spans != a.spans {
		t.Fatalf("lists hold foreign spans %v, or pages %d/%d, spans %v/%v", listed, pages, a.pages, spans, a.spans)
	}
}

// settle lets Housekeep run until nothing is kept back.
func settle(t testing.TB) {
	t.Helper()
	now := keeper.lastMs
	for range 4 {
		now += 5000
		Housekeep(now)
	}
	for range 1000 {
		if now += 100; heap.dirtyFree > 0 {
			Housekeep(now)
		}
	}
	validateHeap(t)
}

// wantAllFree checks that all pages are free, joined and returned.
func wantAllFree(t testing.TB) {
	t.Helper()
	settle(t)
	heap.mu.Lock()
	defer heap.mu.Unlock()
	if heap.spanPages != 0 || heap.dirtyFree != 0 {
		t.Fatalf("%d pages in spans, %d free ones resident", heap.spanPages, heap.dirtyFree)
	}
	if heap.top != 0 && heap.freePages != int64(heap.top-firstPage) {
		t.Fatalf("%d free pages of %d", heap.freePages, heap.top-firstPage)
	}
}
