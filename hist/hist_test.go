package hist

import (
	"math"
	"math/rand"
	"slices"
	"testing"
)

// Steps must follow each other without gap or overlap, or values get lost.
func TestStepsTileTheRange(t *testing.T) {
	for i := range size - 1 {
		upper := top(i)
		if slot(uint64(upper)) != i || slot(uint64(upper)+1) != i+1 {
			t.Fatalf("step %d ends at %d, which is in step %d; the next value in %d", i, upper, slot(uint64(upper)), slot(uint64(upper)+1))
		}
		if low := float64(top(max(i-1, 0)) + 1); i > 0 && float64(upper)/low-1 > 1.0/steps {
			t.Fatalf("step %d is from %v to %d: more than 1/%d wide", i, low, upper, steps)
		}
	}
	if top(size-1) != 1<<42-1 {
		t.Errorf("the range ends at %d", top(size-1))
	}
}

// exact is the definition of a percentile, on sorted values.
func exact(sorted []int64, p float64) int64 {
	i := int(float64(len(sorted))*p/100 + 0.5)
	return sorted[min(max(i, 1), len(sorted))-1]
}

func TestPercentilesAreWithinThreePercent(t *testing.T) {
	seed := rand.Int63()
	r := rand.New(rand.NewSource(seed))
	h := New()
	var values []int64
	for range 100_000 {
		v := int64(math.Exp(r.Float64() * 28))
		values = append(values, v)
		h.Record(v)
	}
	slices.Sort(values)
	for _, p := range []float64{0, 0.1, 1, 25, 50, 90, 99, 99.9, 99.99, 100} {
		got, want := h.Percentile(p), exact(values, p)
		if got < want || float64(got) > float64(want)*(1+1.0/steps) {
			t.Errorf("seed %d: p%v = %d, want %d", seed, p, got, want)
		}
	}
	if h.Max() != values[len(values)-1] || h.Percentile(100) != h.Max() || h.Count() != uint64(len(values)) {
		t.Errorf("seed %d: max %d, count %d", seed, h.Max(), h.Count())
	}
	below := uint64(0)
	for _, v := range values {
		if v <= 1<<20-1 {
			below++
		}
	}
	if got := h.CountUpTo(1<<20 - 1); got != below {
		t.Errorf("seed %d: CountUpTo = %d, want %d", seed, got, below)
	}
}

func TestEdgesAreCounted(t *testing.T) {
	h := New()
	if h.Percentile(50) != 0 || h.Max() != 0 || h.Count() != 0 || h.CountUpTo(100) != 0 {
		t.Error("an empty histogram is not all zero")
	}
	h.Record(-5)
	h.Record(0)
	h.Record(math.MaxInt64)
	if h.Count() != 3 || h.Max() != math.MaxInt64 || h.CountUpTo(0) != 2 || h.CountUpTo(-1) != 0 || h.CountUpTo(math.MaxInt64) != 3 {
		t.Errorf("count %d, max %d, %d at most 0", h.Count(), h.Max(), h.CountUpTo(0))
	}
	h.Reset()
	if *h != (Histogram{}) {
		t.Error("Reset leaves something")
	}
}

func TestMergeEqualsRecordingBoth(t *testing.T) {
	a, b, both := New(), New(), New()
	for i := range int64(1000) {
		a.Record(i * i)
		b.Record(i * 7)
		both.Record(i * i)
		both.Record(i * 7)
	}
	a.Merge(b)
	if *a != *both {
		t.Error("the merged histogram differs")
	}
	n, last := uint64(0), int64(-1)
	a.Each(func(top int64, count uint64) {
		if top <= last || count == 0 {
			t.Errorf("step %d with %d values after %d", top, count, last)
		}
		n, last = n+count, top
	})
	if n != a.Count() {
		t.Errorf("Each shows %d of %d values", n, a.Count())
	}
}

func TestRecordDoesNotAllocate(t *testing.T) {
	h := New()
	if n := testing.AllocsPerRun(100, func() { h.Record(12345); h.Percentile(99) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRecord(b *testing.B) {
	h := New()
	for i := range int64(b.N) {
		h.Record(i & 0xffff)
	}
}
