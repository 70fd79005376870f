// Package clock is the one place of the core that knows what time it is.
//
// A [Clock] gives three things:
//
//	NowMs, NowUs   wall time since the Unix epoch; may jump with the system's
//	MonoNs         nanoseconds since the clock was made; never goes back
//	Ticks          a counter of the processor, for timing short work
//
// Everything below the shell takes time as an argument, fixed for a command;
// only the composition root makes a Clock and hands it down. The clock of a
// [Manual] stands still until a test moves it.
//
// Invariants:
//
//	I1  MonoNs never decreases.
//	I2  A Clock does not change after it is made and may be copied; any
//	    goroutine may use it, and move a Manual, without a lock.
//	I3  Conversions of ticks do not overflow, whatever the uptime.
package clock

import (
	"math/bits"
	"time"
)

// Clock tells the time. Make it with New, or with Manual.Clock for tests.
type Clock struct {
	start  time.Time // carries the monotonic reading MonoNs counts from
	manual *Manual   // nil: the system's time
	// nanosPerTick and ticksPerNano are fixed-point factors with 32
	// fraction bits; both are 1<<32 where ticks are nanoseconds.
	nanosPerTick uint64
	ticksPerNano uint64
	counter      bool // ticks are the processor's counter
}

// New makes a clock of the running system. Where the processor's counter is
// fit for use it is calibrated, which takes about 5 ms.
func New() Clock {
	c := nanosecondClock()
	c.start = time.Now()
	if !counterUsable() {
		return c
	}
	if r, ok := calibrate(); ok {
		c.counter, c.nanosPerTick, c.ticksPerNano = true, r.nanosPerTick(), r.ticksPerNano()
	}
	return c
}

// nanosecondClock is a clock whose ticks are nanoseconds.
func nanosecondClock() Clock {
	return Clock{nanosPerTick: fractionUnit, ticksPerNano: fractionUnit}
}

// NowMs returns wall time in milliseconds since the epoch. Cost: about 40 ns.
func (c *Clock) NowMs() int64 {
	if c.manual != nil {
		return c.manual.wallMs.Load()
	}
	return time.Now().UnixMilli()
}

// NowUs returns wall time in microseconds since the epoch. Cost: about 40 ns.
func (c *Clock) NowUs() int64 {
	if c.manual != nil {
		return c.manual.wallMs.Load() * usPerMs
	}
	return time.Now().UnixMicro()
}

// MonoNs returns nanoseconds since the clock was made, unaffected by changes
// of wall time. Cost: about 40 ns.
func (c *Clock) MonoNs() int64 {
	if c.manual != nil {
		return c.manual.monoMs.Load() * nanosPerMs
	}
	return int64(time.Since(c.start))
}

// Ticks reads the cheapest steady counter there is. It is not negative and
// starts anywhere. Two readings by different threads may be out of order by
// some nanoseconds, so a difference can be slightly negative. Cost: about 10 ns.
func (c *Clock) Ticks() int64 {
	if c.counter {
		return int64(readCounter())
	}
	return c.MonoNs()
}

// TicksToNs converts a number of ticks, which may be negative, to nanoseconds.
// The rate is calibrated to about 20 parts per million: good for durations;
// measure long spans with MonoNs.
func (c *Clock) TicksToNs(ticks int64) int64 {
	return scale(ticks, c.nanosPerTick)
}

// NsToTicks converts nanoseconds, which may be negative, to ticks.
func (c *Clock) NsToTicks(ns int64) int64 {
	return scale(ns, c.ticksPerNano)
}

// TicksPerMs returns the number of ticks in a millisecond.
func (c *Clock) TicksPerMs() int64 {
	return c.NsToTicks(nanosPerMs)
}

// scale multiplies by a factor with 32 fraction bits, by way of 128 bits.
func scale(v int64, factor uint64) int64 {
	magnitude := uint64(v)
	if v < 0 {
		magnitude = -magnitude
	}
	hi, lo := bits.Mul64(magnitude, factor)
	r := int64(hi<<(64-fractionBits) | lo>>fractionBits)
	if v < 0 {
		return -r
	}
	return r
}
