package clock

import "sync/atomic"

// Manual is the hand of a clock for tests: time stands still until it is
// moved. Ticks are nanoseconds. Any goroutine may move it.
type Manual struct {
	wallMs atomic.Int64
	monoMs atomic.Int64
}

// NewManual returns a hand that shows wall time ms (milliseconds since the
// epoch) and MonoNs 0.
func NewManual(ms int64) *Manual {
	m := new(Manual)
	m.wallMs.Store(ms)
	return m
}

// Clock returns a clock that shows the time of m.
func (m *Manual) Clock() Clock {
	c := nanosecondClock()
	c.manual = m
	return c
}

// Advance moves all times forward by ms milliseconds, ms >= 0.
func (m *Manual) Advance(ms int64) {
	if ms < 0 {
		panic("clock: time that passes cannot be negative")
	}
	m.wallMs.Add(ms)
	m.monoMs.Add(ms)
}

// Set makes wall time jump to ms, either way. MonoNs and ticks follow a jump
// forward and go on by one millisecond at a jump back.
func (m *Manual) Set(ms int64) {
	m.monoMs.Add(max(ms-m.wallMs.Swap(ms), 1))
}
