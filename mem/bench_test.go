package mem

import (
	"math/rand/v2"
	"testing"
	"unsafe"
)

func BenchmarkAllocFreePair(b *testing.B) {
	a := NewArena()
	defer a.Close()
	cpu := startCPU()
	for b.Loop() {
		a.Free(a.Alloc(56, KindRecord), KindRecord)
	}
	cpu.report(b, 2)
}

// Blocks of mixed sizes, a thousand at a time, freed in another order.
func BenchmarkAllocFreeBatch(b *testing.B) {
	a := NewArena()
	defer a.Close()
	var hs [1000]Handle
	order := rand.New(rand.NewPCG(1, 2)).Perm(len(hs))
	cpu := startCPU()
	for b.Loop() {
		for i := range hs {
			hs[i] = a.Alloc(40+i&63, KindRecord)
		}
		for _, i := range order {
			a.Free(hs[i], KindRecord)
		}
	}
	cpu.report(b, 2*len(hs))
}

// One random block of 1 M is replaced at a time: memory latency shows.
func BenchmarkReplaceRandom1M(b *testing.B) {
	a := NewArena()
	defer a.Close()
	hs := make([]Handle, 1<<20)
	for i := range hs {
		hs[i] = a.Alloc(40+i&63, KindRecord)
	}
	state := uint64(1)
	cpu := startCPU()
	for b.Loop() {
		state = state*6364136223846793005 + 1442695040888963407
		i := state >> 44
		a.Free(hs[i], KindRecord)
		hs[i] = a.Alloc(40+int(state>>20)&63, KindRecord)
	}
	cpu.report(b, 2)
}

func BenchmarkGrow(b *testing.B) {
	a := NewArena()
	defer a.Close()
	cpu := startCPU()
	for b.Loop() {
		a.Alloc(56, KindRecord)
	}
	cpu.report(b, 1)
}

func BenchmarkLoadStoreView(b *testing.B) {
	a := NewArena()
	defer a.Close()
	h := a.Alloc(64, KindRecord)
	cpu := startCPU()
	for b.Loop() {
		Store64(h, 8, Load64(h, 16)+uint64(View(h, 64)[3]))
	}
	cpu.report(b, 1)
}

func BenchmarkPrefetch16(b *testing.B) {
	var addrs [16]uintptr
	for i := range addrs {
		addrs[i] = uintptr(unsafe.Pointer(&addrs))
	}
	cpu := startCPU()
	for b.Loop() {
		Prefetch16(&addrs, 16)
	}
	cpu.report(b, 1)
}

func BenchmarkUsedBytes16Arenas(b *testing.B) {
	for range 16 {
		defer NewArena().Close()
	}
	cpu := startCPU()
	for b.Loop() {
		UsedBytes()
	}
	cpu.report(b, 1)
}

// The parallel form shows what sharing an arena costs.
func BenchmarkAllocFreeShared(b *testing.B) {
	a := NewArena()
	defer a.Close()
	cpu := startCPU()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			a.Free(a.Alloc(56, KindRecord), KindRecord)
		}
	})
	cpu.report(b, 2)
}
