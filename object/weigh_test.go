package object_test

import (
	"fmt"
	"testing"

	"kvorum/mem"
	"kvorum/object"
	"kvorum/object/hash"
)

// A value of equal elements weighs the same, however many of them are looked at.
func TestWeighSamples(t *testing.T) {
	a := mem.NewArena()
	defer a.Close()
	for _, size := range []int{1, 6, 60, 500, 3000} {
		rec := hash.New(a, []byte("key"), 0)
		h := hash.Open(rec)
		var buf []byte
		for i := range size {
			h.Set(fmt.Appendf(nil, "field %4d", i), []byte("value"), hash.Limits{}, &buf)
		}
		whole := 0
		object.Blocks(rec, func(b mem.Handle) { whole += mem.BlockSize(b) })
		for _, samples := range []int{0, 1, 5, 1000, 1 << 30} {
			if got := object.Weigh(rec, samples); got != whole {
				t.Errorf("%d fields, %d samples: %d bytes, want %d", size, samples, got, whole)
			}
		}
		object.Free(rec)
	}
}
