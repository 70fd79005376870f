// Package hist is a histogram of durations with bounded relative error in
// fixed memory: every power of two is cut into 32 equal steps, so a value is
// known to about 3 %. The unit is the caller's (nanoseconds or microseconds).
//
// COMPAT: latency-precision: a fraction of the memory of one with 1 %.
//
//	value    0 1 2 ... 31 | 32 33 ... 63 | 64,65 ... 126,127 | 128-131 ...
//	counter  0 1 2 ... 31 | 32 33 ... 63 | 64    ... 95      | 96      ...
//
// One goroutine owns a histogram: it records, and it alone may read, merge or
// copy it. Others get a copy that the owner made ("snapshot := *h"), or read
// while the owner is stopped. So counting costs a few plain instructions and
// no atomic ones.
//
// I1: Count is the sum of all counters. I2: Percentile is never below the true
// value's step nor above Max.
//
// The package must not read clocks and must not grow: a histogram has one size
// whatever it is given.
package hist

import "math/bits"

const (
	stepBits = 5
	steps    = 1 << stepBits // counters in an octave
	// octaves above the exact start: values up to 2^42, 73 minutes in
	// nanoseconds; larger ones count in the last counter.
	octaves = 42 - stepBits
	size    = (octaves + 1) * steps
)

// Histogram counts values from 0 on. The zero value is empty and ready. About
// 10 KB.
type Histogram struct {
	counts [size]uint64
	total  uint64
	sum    uint64
	max    int64
}

// New returns an empty histogram.
func New() *Histogram { return new(Histogram) }

// slot returns the number of the counter of a value >= 0.
func slot(v uint64) int {
	// The highest stepBits+1 bits of v, or all of a small one.
	octave := bits.Len64(v>>stepBits|1) - 1
	return min(octave*steps+int(v>>uint(octave)), size-1)
}

// top returns the largest value of a counter.
func top(i int) int64 {
	if i < 2*steps {
		return int64(i)
	}
	octave := i/steps - 1
	return int64(i%steps+steps+1)<<uint(octave) - 1
}

// Record counts a value; a negative one counts as 0. Cost: about 2 ns.
func (h *Histogram) Record(v int64) {
	u := uint64(max(v, 0))
	h.counts[slot(u)]++
	h.total++
	h.sum += u
	h.max = max(h.max, v)
}

// Count returns the number of values.
func (h *Histogram) Count() uint64 { return h.total }

// Sum returns the sum of the values, modulo 2^64.
func (h *Histogram) Sum() uint64 { return h.sum }

// Max returns the largest value, exactly; 0 if there is none.
func (h *Histogram) Max() int64 { return h.max }

// Percentile returns a value that p percent of all values do not exceed, 0 when
// there are none: the top of a step, at most 3 % above the true value. p is
// from 0 to 100; 0 gives the smallest step in use, 100 gives Max.
func (h *Histogram) Percentile(p float64) int64 {
	if h.total == 0 || p >= 100 {
		return h.max
	}
	// The number of the wanted value in ascending order, from 1.
	want := max(uint64(float64(h.total)*p/100+0.5), 1)
	seen := uint64(0)
	for i, n := range h.counts {
		if seen += n; seen >= want {
			return min(top(i), h.max)
		}
	}
	return h.max
}

// CountUpTo returns how many values are at most v, to the precision of a step.
func (h *Histogram) CountUpTo(v int64) uint64 {
	if v < 0 {
		return 0
	}
	seen := uint64(0)
	for _, n := range h.counts[:slot(uint64(v))+1] {
		seen += n
	}
	return seen
}

// Merge adds the values of another histogram, which stays as it is.
func (h *Histogram) Merge(o *Histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.total += o.total
	h.sum += o.sum
	h.max = max(h.max, o.max)
}

// Each calls fn for every step that has values, with the largest value of the
// step and their number, in ascending order.
func (h *Histogram) Each(fn func(top int64, count uint64)) {
	for i, n := range h.counts {
		if n > 0 {
			fn(top(i), n)
		}
	}
}

// Reset forgets all values.
func (h *Histogram) Reset() { *h = Histogram{} }
