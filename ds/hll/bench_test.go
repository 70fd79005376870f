package hll

import (
	"encoding/binary"
	"testing"
)

func filled(n int, sparseMax int64) []byte {
	b := AppendEmpty(make([]byte, 0, DenseSize))
	for i := range n {
		var element [8]byte
		binary.LittleEndian.PutUint64(element[:], uint64(i))
		index, rank := Hash(element[:])
		b, _, _ = Raise(b, index, rank, sparseMax)
	}
	return b
}

func BenchmarkHash(b *testing.B) {
	element := []byte("element:000001234567")
	for range b.N {
		Hash(element)
	}
}

// BenchmarkRaise is the lookup of elements that change nothing.
func BenchmarkRaise(b *testing.B) {
	for _, c := range []struct {
		name string
		n    int
		max  int64
	}{{"sparse20", 20, 3000}, {"sparse1300", 1300, 3000}, {"dense", 100_000, 0}} {
		b.Run(c.name, func(b *testing.B) {
			h := filled(c.n, c.max)
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				var element [8]byte
				binary.LittleEndian.PutUint64(element[:], uint64(i%c.n))
				index, rank := Hash(element[:])
				h, _, _ = Raise(h, index, rank, c.max)
			}
		})
	}
}

func BenchmarkCount(b *testing.B) {
	h, s := filled(100_000, 0), filled(1000, 3000)
	b.Run("dense", func(b *testing.B) {
		for range b.N {
			Count(h)
		}
	})
	b.Run("sparse", func(b *testing.B) {
		for range b.N {
			Count(s)
		}
	})
	r := new(Registers)
	b.Run("merge", func(b *testing.B) {
		for range b.N {
			r.Merge(h)
		}
	})
	b.Run("union", func(b *testing.B) {
		for range b.N {
			r.Count()
		}
	})
	b.Run("store", func(b *testing.B) {
		for range b.N {
			r.Store(h)
		}
	})
}
