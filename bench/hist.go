//go:build linux

package main

import (
	"math"
	"math/bits"
	"time"
)

// Latency histogram, log-linear: values below 256 ns are exact, above that each
// octave has 128 steps, so a quantile is at most 0.8 % too high; bounds such as
// 1.05 times a peer's p50 need that.
//
//	shift  = max(0, bits.Len64(v)-8)
//	bucket = shift*128 + v>>shift           v>>shift lies in [128,256) for shift > 0
//
// Cost of add: a few instructions, no allocation. Not safe for concurrent use;
// every worker has its own and they are merged.

const (
	histMaxNs    = 1<<40 - 1 // about 18 minutes; larger values are counted here
	histSteps    = 128       // per octave
	histStepBits = 7         // log2 of it
	histBuckets  = (40 - histStepBits + 1) * histSteps
)

type hist struct {
	counts [histBuckets]uint32
	n      uint64
	maxNs  int64 // exact
}

func histBucket(ns int64) int {
	v := uint64(min(max(ns, 0), histMaxNs))
	shift := max(bits.Len64(v)-histStepBits-1, 0)
	return shift*histSteps + int(v>>shift)
}

// histUpper is the largest value of a bucket.
func histUpper(bucket int) int64 {
	if bucket < 2*histSteps {
		return int64(bucket)
	}
	shift := bucket/histSteps - 1
	return int64(bucket-shift*histSteps+1)<<shift - 1
}

// add counts k values of ns nanoseconds each.
func (h *hist) add(ns int64, k int) {
	h.counts[histBucket(ns)] += uint32(k)
	h.n += uint64(k)
	if ns > h.maxNs {
		h.maxNs = ns
	}
}

func (h *hist) merge(other *hist) {
	for i, c := range other.counts {
		h.counts[i] += c
	}
	h.n += other.n
	h.maxNs = max(h.maxNs, other.maxNs)
}

// quantile returns the value, in nanoseconds, that a share q of the samples
// does not exceed; 0 without samples.
func (h *hist) quantile(q float64) int64 {
	if h.n == 0 {
		return 0
	}
	rank := uint64(math.Ceil(q * float64(h.n)))
	rank = min(max(rank, 1), h.n)
	var seen uint64
	for i, c := range h.counts {
		if seen += uint64(c); seen >= rank {
			return min(histUpper(i), h.maxNs)
		}
	}
	return h.maxNs
}

// usec is quantile in microseconds.
func (h *hist) usec(q float64) float64 {
	return float64(h.quantile(q)) / 1e3
}

// windows cuts time into equal pieces with a histogram each, so that a later
// look can tell when the slow requests were. Piece i holds the requests
// answered in [i*width, (i+1)*width) after the start of the run.
type windows struct {
	width  time.Duration // 0: nothing is kept
	pieces []*hist
}

const windowsMax = 36_000 // an hour of 100 ms pieces; later requests count in the last

func (w *windows) add(sinceStart time.Duration, ns int64, k int) {
	if w.width == 0 {
		return
	}
	i := min(int(sinceStart/w.width), windowsMax-1)
	for len(w.pieces) <= i {
		w.pieces = append(w.pieces, &hist{})
	}
	w.pieces[i].add(ns, k)
}

func (w *windows) merge(other *windows) {
	for i, p := range other.pieces {
		for len(w.pieces) <= i {
			w.pieces = append(w.pieces, &hist{})
		}
		w.pieces[i].merge(p)
	}
}

// between sums the pieces that touch [from, to).
func (w *windows) between(from, to time.Duration) *hist {
	sum := &hist{}
	for i, p := range w.pieces {
		begin := time.Duration(i) * w.width
		if begin < to && begin+w.width > from {
			sum.merge(p)
		}
	}
	return sum
}
