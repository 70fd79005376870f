package clock

import (
	"math"
	"time"
)

// The counter's rate is found by reading it together with the monotonic clock
// at both ends of a short wait. A thread can lose the processor between two
// readings, so each end takes the tightest of several tries: clock, counter,
// clock. What remains is about 100 ns in 5 ms: 20 parts per million.

const (
	fractionBits = 32
	fractionUnit = 1 << fractionBits

	calibrateFor   = 5 * time.Millisecond
	calibrateTries = 16

	counterHzMin = 1_000_000
	counterHzMax = 20_000_000_000

	usPerMs    = 1000
	nanosPerMs = 1_000_000
	nanosPerS  = 1_000_000_000
)

// rate is a number of ticks in a number of nanoseconds.
type rate struct {
	ticks, nanos float64
}

// sensible reports whether the rate can be that of a processor's counter.
func (r rate) sensible() bool {
	hz := r.ticks / r.nanos * nanosPerS
	return hz >= counterHzMin && hz <= counterHzMax
}

func (r rate) nanosPerTick() uint64 { return uint64(math.Round(r.nanos / r.ticks * fractionUnit)) }
func (r rate) ticksPerNano() uint64 { return uint64(math.Round(r.ticks / r.nanos * fractionUnit)) }

// calibrate returns the rate of the counter; not ok if it does not behave like
// a clock.
func calibrate() (r rate, ok bool) {
	if hz := counterHz(); hz != 0 {
		r = rate{ticks: float64(hz), nanos: nanosPerS}
		return r, r.sensible()
	}
	start := time.Now()
	ticks0, nanos0 := readBoth(start)
	for time.Since(start) < calibrateFor {
		// Spinning, not sleeping: a sleep can last far longer than asked.
	}
	ticks1, nanos1 := readBoth(start)
	if ticks1 <= ticks0 || nanos1 <= nanos0 {
		return rate{}, false
	}
	r = rate{ticks: float64(ticks1 - ticks0), nanos: float64(nanos1 - nanos0)}
	return r, r.sensible()
}

// readBoth reads the counter and the nanoseconds since start at one moment.
func readBoth(start time.Time) (ticks uint64, nanos int64) {
	best := int64(math.MaxInt64)
	for range calibrateTries {
		before := int64(time.Since(start))
		t := readCounter()
		after := int64(time.Since(start))
		if after-before < best {
			best = after - before
			ticks, nanos = t, before+best/2
		}
	}
	return ticks, nanos
}
