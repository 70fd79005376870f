package hash

import (
	"fmt"
	"testing"

	"kvorum/mem"
	"kvorum/object"
)

// BenchmarkWalk measures what a field costs that HGETALL replies: in a hash whose
// elements are in the caches, and in one whose elements are not.
func BenchmarkWalk(b *testing.B) {
	for _, size := range []int{200, 1_000_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			a := mem.NewArena()
			defer a.Close()
			rec := New(a, []byte("key"), 0)
			defer object.Free(rec)
			h := Open(rec)
			var buf []byte
			for i := range size {
				h.Set(fmt.Appendf(nil, "field:%012d", i), []byte("value"), Limits{}, &buf)
			}
			b.ResetTimer()
			sum := 0
			for n := 0; n < b.N; {
				var it Iter
				for it.Start(&h); it.Next() && n < b.N; n++ {
					field, value := it.Pair()
					sum += len(field) + len(value)
				}
			}
			_ = sum
		})
	}
}
