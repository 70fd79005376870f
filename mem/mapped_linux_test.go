//go:build linux && !race && !memdebug

package mem

import (
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// residentPages counts the 4 KiB pages in memory of a piece of the range.
func residentPages(t *testing.T, page, n uint32) int {
	t.Helper()
	const size = 4096
	vec := make([]byte, int(n)<<pageShift/size)
	_, _, e := syscall.Syscall(syscall.SYS_MINCORE, uintptr(pageAddr(page)), uintptr(n)<<pageShift,
		uintptr(unsafe.Pointer(&vec[0])))
	if e != 0 {
		t.Fatalf("mincore: %v", e)
	}
	count := 0
	for _, v := range vec {
		count += int(v & 1)
	}
	return count
}

// Freed pages must go back to the system after about a second and not before,
// and stay readable.
func TestFreePagesGoBackToTheSystem(t *testing.T) {
	settle(t)
	a := NewArena()
	defer a.Close()
	h := a.Alloc(100<<20, KindBlob)
	for i := 0; i < 100<<20; i += 4096 {
		Store8(h, i, 1)
	}
	page, n := h.page(), uint32(100<<20>>pageShift)
	full := residentPages(t, page, n)
	if full != 100<<20/4096 {
		t.Fatalf("%d pages resident after touching all", full)
	}
	now := keeper.lastMs
	for range 1 + aheadPagesMax/returnPagesMax { // what was faulted in ahead goes back meanwhile
		now += 2000
		Housekeep(now)
	}
	before := ReadStats()
	a.Free(h, KindBlob)
	Housekeep(now + 900)
	if got := residentPages(t, page, n); got != full {
		t.Fatalf("%d of %d pages left after 0.9 s", got, full)
	}
	Housekeep(now + 1100)
	if got := residentPages(t, page, n); got != full-returnPagesMax*2 {
		t.Fatalf("%d of %d pages left after one call past the second", got, full)
	}
	for i := range int64(100<<20>>pageShift/returnPagesMax) - 1 {
		Housekeep(now + 1200 + i)
	}
	if got := residentPages(t, page, n); got != 0 {
		t.Fatalf("%d pages left", got)
	}
	after := ReadStats()
	if after.Returned-before.Returned != 100<<20 || before.Resident-after.Resident != 100<<20 || after.Spans != before.Spans-100<<20 {
		t.Fatalf("before %+v, after %+v", before, after)
	}
	if Hint64(h, 0) != 0 {
		t.Fatal("returned page does not read as zero")
	}
	validateHeap(t)
}

// While memory grows fast, the next pages must be resident before they are
// handed out; when growth ends they go back.
func TestPopulateAheadOfFastGrowth(t *testing.T) {
	settle(t)
	SetHugePages(true)
	defer SetHugePages(false)
	a := NewArena()
	defer a.Close()
	now := keeper.lastMs + 1000
	Housekeep(now)
	grow := func(mib int) {
		for range mib << 20 / 1024 {
			Store64(a.Alloc(1024, KindRecord), 0, 1)
		}
	}
	populated := ReadStats().Populated
	for range 10 { // 2 MiB per 200 ms is slow growth
		grow(2)
		now += 200
		Housekeep(now)
	}
	if got := ReadStats().Populated; got != populated {
		t.Fatalf("populated %d bytes for slow growth", got-populated)
	}
	for range 10 { // 320 MiB/s
		grow(32)
		now += 100
		Housekeep(now)
	}
	s := ReadStats()
	if s.Populated-populated < 64<<20 {
		t.Fatalf("populated %d bytes while 320 MiB were allocated", s.Populated-populated)
	}
	if ahead := heap.dirtyFree << pageShift; ahead > aheadPagesMax<<pageShift || ahead < 8<<20 {
		t.Fatalf("%d bytes ahead", ahead)
	}
	ready := 0
	for e := heap.qhead; e != 0; e = runAt(e).qnext {
		r := runAt(e)
		for page := r.start; page < r.start+r.pages; page++ {
			if *dirtyWord(page / 64)>>(page%64)&1 != 0 {
				ready += residentPages(t, page, 1)
			}
		}
	}
	if ready != int(heap.dirtyFree)*2 {
		t.Fatalf("%d of %d pages ahead are resident", ready/2, heap.dirtyFree)
	}
	for range 3 + aheadPagesMax/returnPagesMax {
		now += 1000
		Housekeep(now)
	}
	if heap.dirtyFree != 0 {
		t.Fatalf("%d pages still held ahead of no growth", heap.dirtyFree)
	}
}

// Any handle below the limit must be readable, used or not, in spite of
// whatever was freed.
func TestWholeRangeIsReadable(t *testing.T) {
	for h := Handle(1); h < Limit(); h += Limit() / 1000 {
		_ = Hint64(h, 0)
	}
	_ = Hint64(Limit()-1, 0)
	if Limit() > 1<<HandleBits {
		t.Fatalf("limit %#x", uint64(Limit()))
	}
}

// Writes after Free that reach the link of the free list must not lead Alloc
// astray.
func TestStrayLinkIsFound(t *testing.T) {
	a := NewArena()
	defer a.Close()
	h := a.Alloc(40, KindOther)
	keep := a.Alloc(40, KindOther)
	a.Free(h, KindOther)
	Store64(h, 0, 12345)
	if got := recovered(func() { a.Alloc(40, KindOther) }); !strings.Contains(got, "was written") {
		t.Fatalf("recovered %q", got)
	}
	Store64(h, 0, 0)
	a.Free(keep, KindOther)
	if got := recovered(func() { a.Free(keep, KindOther) }); !strings.Contains(got, "0 live blocks") {
		t.Fatalf("recovered %q", got)
	}
}

// Kernels that cannot fault pages in on request have them touched instead.
func TestTouchedPagesAreResident(t *testing.T) {
	a := NewArena()
	defer a.Close()
	big := a.Alloc(1<<20, KindBlob)
	touchPages(Ptr(big), 1<<20)
	if got := residentPages(t, big.page(), 1<<20>>pageShift); got != 256 {
		t.Fatalf("%d of 256 pages touched", got)
	}
}
