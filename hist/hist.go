// Package hist is a histogram of durations with bounded relative error in fixed
// memory: every power of two is cut into 32 equal steps, so a value is known to
// about 3 %.
//
// One goroutine records; another may read only while the first is stopped, or a
// copy that the first made.
package hist

import "math/bits"

const (
	stepBits = 5
	steps    = 1 << stepBits
	// octaves above the linear start: values up to 2^42, 73 minutes in
	// nanoseconds; larger ones count as the largest.
	octaves = 42 - stepBits
	size    = (octaves + 1) * steps
)

// Histogram counts values from 0 on. The zero value is empty and ready.
type Histogram struct {
	counts [size]uint32
	total  uint64
	sum    uint64
	max    int64
}

// New returns an empty histogram: about 5 KB.
func New() *Histogram { return new(Histogram) }

// slot returns the number of the counter of a value.
func slot(v int64) int {
	if v < steps {
		return int(max(v, 0))
	}
	octave := bits.Len64(uint64(v)) - 1 - stepBits
	if octave >= octaves {
		return size - 1
	}
	return octave*steps + int(uint64(v)>>uint(octave))
}

// top returns the largest value of a slot.
func top(i int) int64 {
	if i < 2*steps {
		return int64(i)
	}
	octave := i/steps - 1
	return int64(i%steps+steps+1)<<uint(octave) - 1
}

// Record counts a value.
func (h *Histogram) Record(v int64) {
	h.counts[slot(v)]++
	h.total++
	h.sum += uint64(max(v, 0))
	if v > h.max {
		h.max = v
	}
}

// Count returns the number of values.
func (h *Histogram) Count() uint64 { return h.total }

// Sum returns the sum of the values.
func (h *Histogram) Sum() uint64 { return h.sum }

// Max returns the largest value.
func (h *Histogram) Max() int64 { return h.max }

// Percentile returns a value that p percent of all values do not exceed, 0 when
// there are none. 0 <= p <= 100.
func (h *Histogram) Percentile(p float64) int64 {
	want := uint64(float64(h.total)*p/100 + 0.5)
	want = max(want, 1)
	seen := uint64(0)
	for i := range h.counts {
		if seen += uint64(h.counts[i]); seen >= want && seen > 0 {
			return min(top(i), h.max)
		}
	}
	return h.max
}

// Merge adds the values of another histogram.
func (h *Histogram) Merge(o *Histogram) {
	for i := range o.counts {
		h.counts[i] += o.counts[i]
	}
	h.total += o.total
	h.sum += o.sum
	h.max = max(h.max, o.max)
}

// Each calls fn for every slot that has values, with the largest value of the
// slot and their number, in ascending order.
func (h *Histogram) Each(fn func(top int64, count uint64)) {
	for i, n := range h.counts {
		if n > 0 {
			fn(top(i), uint64(n))
		}
	}
}

// Reset forgets all values.
func (h *Histogram) Reset() { *h = Histogram{} }
