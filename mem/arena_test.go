package mem

import (
	"encoding/binary"
	"sync"
	"testing"
	"time"
	"unsafe"
)

// Classes must follow the documented spacing and waste little, or records
// grow by more than the memory budget supposes.
func TestClassesKeepTheirPromises(t *testing.T) {
	if got := int(tab.classes[classCount-1].size); got != smallMax {
		t.Fatalf("largest class %d, want %d", got, smallMax)
	}
	prev := 0
	for c, cl := range tab.classes {
		size := int(cl.size)
		if size%8 != 0 || size <= prev || cl.firstPages > cl.pages || cl.pages < spanPagesMin || cl.pages > spanPagesMax+8 {
			t.Errorf("class %d: %+v", c, cl)
		}
		span := int(cl.pages) << pageShift
		stride := int(cl.stride) << unitShift
		if waste := span % stride; !debugBuild && waste*1000 > span*21 {
			t.Errorf("class %d of %d bytes: span of %d wastes %d", c, size, span, waste)
		}
		if stride < size+redZone(size) || size%64 == 0 && stride%64 != 0 {
			t.Errorf("class %d of %d bytes: stride %d", c, size, stride)
		}
		prev = size
	}
	for size := 1; size <= smallMax+1; size++ {
		round := RoundSize(size)
		limit := size + 7
		switch {
		case size > quarterMax:
			limit = size + size/8 + 1
		case size > fineMax:
			limit = size + size/4
		}
		if round < size || size <= smallMax && round > limit || RoundSize(round) != round {
			t.Fatalf("RoundSize(%d) = %d", size, round)
		}
	}
	if got := RoundSize(100<<20 + 1); got != 100<<20+pageSize {
		t.Errorf("RoundSize(100 MiB + 1) = %d", got)
	}
}

// What one accessor writes the others must read, little endian, at any offset.
func TestAccessorsAreLittleEndian(t *testing.T) {
	a := NewArena()
	defer a.Close()
	h := a.Alloc(64, KindOther)
	b := View(h, 64)
	if len(b) != 64 || cap(b) != 64 || unsafe.Pointer(&b[0]) != Ptr(h) {
		t.Fatalf("view of %d/%d bytes", len(b), cap(b))
	}
	for i := range b {
		b[i] = byte(i * 37)
	}
	for off := range 56 {
		if Load64(h, off) != binary.LittleEndian.Uint64(b[off:]) || Load32(h, off) != binary.LittleEndian.Uint32(b[off:]) ||
			Load16(h, off) != binary.LittleEndian.Uint16(b[off:]) || Load8(h, off) != b[off] {
			t.Fatalf("loads at %d differ from the view", off)
		}
	}
	Store64(h, 1, 0x0102030405060708)
	Store32(h, 9, 0x11121314)
	Store16(h, 13, 0x2122)
	Store8(h, 15, 0x31)
	if got := [15]byte(b[1:]); got != [15]byte{8, 7, 6, 5, 4, 3, 2, 1, 0x14, 0x13, 0x12, 0x11, 0x22, 0x21, 0x31} {
		t.Fatalf("stores left % x", got)
	}
	if Load8(h+1, 1) != 0x14 || Load8(h+1, -1) != 2 {
		t.Fatal("a handle inside a block does not count in units of 8 bytes")
	}
	a.Free(h, KindOther)
}

// Prefetching must be harmless for any address and any count.
func TestPrefetchNeverFaults(t *testing.T) {
	addrs := [16]uintptr{0, 1, ^uintptr(0), 1 << 63}
	for _, n := range []int{-1, 0, 1, 15, 16, 17, 1 << 40} {
		Prefetch16(&addrs, n)
	}
	Prefetch(nil)
	Prefetch(unsafe.Pointer(&addrs))
	Prefetch(Ptr(Limit() - 1))
}

// Hot verbs must not use the Go heap.
func TestNoGoAllocations(t *testing.T) {
	a := NewArena()
	defer a.Close()
	var hs [1000]Handle
	cycle := func() {
		for i := range hs {
			hs[i] = a.Alloc(8+i, KindRecord)
			Store64(hs[i], 0, 1)
		}
		for i, h := range hs {
			_ = View(h, BlockSize(h))
			if Evacuating(h) || RoundSize(8+i) != BlockSize(h) {
				t.Fatal("bad block")
			}
			a.Free(h, KindRecord)
		}
		big := a.Alloc(1<<20, KindBlob)
		a.Free(big, KindBlob)
		if UsedBytes() != 0 {
			t.Fatal("bytes used")
		}
	}
	cycle()
	if n := testing.AllocsPerRun(20, cycle); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

// A nearly empty server with many arenas must stay small.
func TestFewBlocksHoldFewPages(t *testing.T) {
	settle(t)
	before := ReadStats().Resident
	for range 16 {
		a := NewArena()
		defer a.Close()
		for size := 8; size < 2000; size += size/4 + 8 {
			a.Alloc(size, KindOther)
		}
	}
	if got := ReadStats().Resident - before; got > 5<<20 && !debugBuild {
		t.Fatalf("%d bytes resident", got)
	}
}

// Several goroutines share arenas while others evacuate, sum and housekeep.
// Run under -race; the model tests check the results.
func TestConcurrentUse(t *testing.T) {
	arenas := [2]*Arena{NewArena(), NewArena()}
	rounds := 20000
	if debugBuild {
		rounds = 2000
	}
	var workers, helpers sync.WaitGroup
	stop := make(chan struct{})
	for g := range 4 {
		workers.Go(func() {
			var hs [64]Handle
			state := uint64(g + 1)
			for range rounds {
				state = state*6364136223846793005 + 1442695040888963407
				i := state >> 58
				a := arenas[i&1]
				if h := hs[i]; h != 0 {
					if Load64(h, 0) != uint64(h) || Load8(h, BlockSize(h)-1) != byte(i) {
						t.Errorf("block %#x changed", uint64(h))
						return
					}
					if Evacuating(h) {
						hs[i] = a.Alloc(BlockSize(h), KindRecord)
						copy(View(hs[i], BlockSize(h)), View(h, BlockSize(h)))
						Store64(hs[i], 0, uint64(hs[i]))
						a.Free(h, KindRecord)
						continue
					}
					a.Free(h, KindRecord)
				}
				h := a.Alloc(8+int(state>>32)%40000>>(state>>20%12), KindRecord)
				Store64(h, 0, uint64(h))
				if BlockSize(h) > 8 {
					Store8(h, BlockSize(h)-1, byte(i))
				} else {
					h2 := a.Alloc(16, KindRecord)
					a.Free(h, KindRecord)
					h = h2
					Store64(h, 0, uint64(h))
					Store8(h, 15, byte(i))
				}
				hs[i] = h
			}
			for i, h := range hs {
				if h != 0 {
					arenas[i&1].Free(h, KindRecord)
				}
			}
		})
	}
	helpers.Go(func() {
		for now := keeper.lastMs; ; now += 300 {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Microsecond):
			}
			Housekeep(now)
			arenas[0].MarkSparse(60, 1<<20)
			arenas[1].UnmarkSparse()
			_ = UsedBytes() + ReadStats().Total
			arenas[1].Walk(func(Handle, int) {})
		}
	})
	workers.Wait()
	close(stop)
	helpers.Wait()
	if n := UsedBytes(); n != 0 {
		t.Fatalf("%d bytes used", n)
	}
	for _, a := range arenas {
		validateArena(t, a)
		a.Close()
	}
	wantAllFree(t)
}

// Evacuation must bring back the pages it promised, and leave dense spans be.
func TestEvacuationGivesPagesBack(t *testing.T) {
	a := NewArena()
	defer a.Close()
	var hs []Handle
	for range 100000 {
		hs = append(hs, a.Alloc(56, KindRecord))
	}
	var kept []Handle
	for i, h := range hs {
		if i%8 == 0 {
			kept = append(kept, h)
		} else {
			a.Free(h, KindRecord)
		}
	}
	before := a.Stats()
	gain := 0
	for range 10 {
		gain += a.MarkSparse(50, 10<<20)
	}
	if again := a.MarkSparse(50, 10<<20); again != 0 {
		t.Fatalf("marked twice: %d", again)
	}
	for i, h := range kept {
		if Evacuating(h) {
			kept[i] = a.Alloc(56, KindRecord)
			a.Free(h, KindRecord)
		}
	}
	validateArena(t, a)
	if debugBuild {
		a.MarkSparse(0, 1) // flushes the quarantine
	}
	after := a.Stats()
	if after.Total != before.Total || after.Spans > after.Total*12/10+(512<<10) {
		t.Fatalf("before %+v, after %+v", before, after)
	}
	if got := int(before.Spans - after.Spans); got < gain-(512<<10) || gain < got/2 {
		t.Fatalf("promised %d bytes, came back %d", gain, got)
	}
	a.UnmarkSparse()
	for _, h := range kept {
		a.Free(h, KindRecord)
	}
}
