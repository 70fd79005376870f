package clock

import (
	"math"
	"testing"
	"time"
)

// A wrong rate would falsify SLOWLOG and every latency figure.
func TestTicksRunLikeTheMonotonicClock(t *testing.T) {
	c := New()
	for attempt := 0; ; attempt++ {
		mono, ticks := c.MonoNs(), c.Ticks()
		for c.MonoNs()-mono < int64(20*time.Millisecond) {
		}
		byTicks := c.TicksToNs(c.Ticks() - ticks)
		byMono := c.MonoNs() - mono
		off := math.Abs(float64(byTicks-byMono)) / float64(byMono)
		if off < 0.002 {
			break
		}
		// The thread may have been off the processor between readings.
		if attempt == 5 {
			t.Fatalf("%d ns by ticks, %d ns by the clock", byTicks, byMono)
		}
	}
	if back := c.TicksToNs(c.NsToTicks(nanosPerS)); math.Abs(float64(back-nanosPerS)) > 10 {
		t.Errorf("a second to ticks and back is %d ns", back)
	}
}

func TestWallTimeIsTheSystems(t *testing.T) {
	c := New()
	before := time.Now()
	us, ms := c.NowUs(), c.NowMs()
	after := time.Now()
	if us < before.UnixMicro() || us > after.UnixMicro() || ms < before.UnixMilli() || ms > after.UnixMilli() {
		t.Errorf("NowUs %d, NowMs %d outside [%v, %v]", us, ms, before, after)
	}
}

// Years of ticks at several GHz exceed 64 bits of fixed point.
func TestTicksToNsSurvivesLongUptimes(t *testing.T) {
	const hz = 3_000_000_000
	c := Clock{nanosPerTick: rate{ticks: hz, nanos: nanosPerS}.nanosPerTick()}
	const seconds = 50 * 365 * 86400
	got := c.TicksToNs(seconds * hz)
	want := int64(seconds * nanosPerS)
	if off := math.Abs(float64(got-want)) / float64(want); off > 1e-9 {
		t.Errorf("%d ns, want %d", got, want)
	}
	if neg := c.TicksToNs(-seconds * hz); neg != -got {
		t.Errorf("negative span: %d", neg)
	}
}

func TestManualClockMovesOnlyByHand(t *testing.T) {
	m := NewManual(1_700_000_000_000)
	c := m.Clock()
	start := c.Ticks()
	m.Advance(1500)
	if c.NowMs() != 1_700_000_001_500 || c.NowUs() != 1_700_000_001_500_000 || c.MonoNs() != 1_500_000_000 ||
		c.TicksToNs(c.Ticks()-start) != 1_500_000_000 || c.TicksPerMs() != nanosPerMs {
		t.Errorf("after Advance: %d ms, %d us, %d ns, %d ticks", c.NowMs(), c.NowUs(), c.MonoNs(), c.Ticks()-start)
	}
	m.Set(1_700_000_001_600)
	if c.NowMs() != 1_700_000_001_600 || c.MonoNs() != 1_600_000_000 {
		t.Errorf("after Set forward: %d ms, %d ns", c.NowMs(), c.MonoNs())
	}
	m.Set(7)
	if c.NowMs() != 7 || c.MonoNs() != 1_601_000_000 {
		t.Errorf("after Set back: %d ms, %d ns", c.NowMs(), c.MonoNs())
	}
	defer func() {
		if recover() == nil {
			t.Error("time passed backwards")
		}
	}()
	m.Advance(-1)
}

func TestUnfitRatesAreRefused(t *testing.T) {
	for _, r := range []rate{{0, 1}, {1000, nanosPerS}, {1000, 1}} {
		if r.sensible() {
			t.Errorf("%v ticks in %v ns was taken", r.ticks, r.nanos)
		}
	}
	r := rate{ticks: 24_000_000, nanos: nanosPerS}
	if !r.sensible() || r.nanosPerTick() != 178956970667 || r.ticksPerNano() != 103079215 {
		t.Errorf("24 MHz: %d, %d", r.nanosPerTick(), r.ticksPerNano())
	}
}

func TestReadingDoesNotAllocate(t *testing.T) {
	c := New()
	if n := testing.AllocsPerRun(100, func() { c.NowMs(); c.NowUs(); c.MonoNs(); c.TicksToNs(c.Ticks()) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkTicks(b *testing.B) {
	c := New()
	for b.Loop() {
		c.Ticks()
	}
}

func BenchmarkNowUs(b *testing.B) {
	c := New()
	for b.Loop() {
		c.NowUs()
	}
}
