package engine

import (
	"math"

	"kvorum/command"
)

// What takes long is told to the server: commands above the threshold of the
// slow log, and whatever is above that of the latency monitor. A Worker keeps one
// number for both, so a command that is in time costs one comparison.

// Names of the latency monitor's events.
//
// COMPAT: latency-events: freeing in slices leaves no event for removing one key.
const (
	EventCommand     = "command"
	EventFastCommand = "fast-command" // of commands with the flag fast
	EventExpireCycle = "expire-cycle"
	EventEviction    = "eviction-cycle"
	EventCompaction  = "active-defrag-cycle"
)

const (
	usPerMs = 1000
	nsPerUs = 1000
)

// reportFrom returns the ticks from which on a command is looked at: the lower
// of the thresholds in force.
func (w *Worker) reportFrom(s *Settings) int64 {
	const never = math.MaxInt64
	from := int64(never)
	if s.SlowlogUsec >= 0 && s.SlowlogUsec < never/nsPerUs {
		from = w.e.clock.NsToTicks(s.SlowlogUsec * nsPerUs)
	}
	if s.LatencyMs > 0 && s.LatencyMs < never/nsPerUs/usPerMs {
		from = min(from, w.e.clock.NsToTicks(s.LatencyMs*usPerMs*nsPerUs))
	}
	// Rounding must not lose what lies on the threshold, and two readings of the
	// counter may be out of order by a little.
	return from - reportSlackTicks
}

const reportSlackTicks = 1 << 10

// report tells of a command that took spent ticks, if it is above a threshold.
func (w *Worker) report(s *command.Session, spec *command.Spec, args [][]byte, spent int64) {
	us := w.e.clock.TicksToNs(spent) / nsPerUs
	set := w.settings
	if set.LatencyMs > 0 {
		event := EventCommand
		if spec.Flags&command.Fast != 0 {
			event = EventFastCommand
		}
		w.sampleUs(event, us)
	}
	if set.SlowlogUsec >= 0 && us >= set.SlowlogUsec && spec.Flags&command.SkipSlowlog == 0 && w.e.hooks.OnSlow != nil {
		w.e.hooks.OnSlow(Slow{Session: s, Args: args, UnixMs: w.nowMs, Duration: us})
	}
}

// Sample tells the latency monitor that something other than a command held the
// goroutine for some ticks. Nothing happens when the monitor is off. Called by the
// worker's goroutine; cost: one branch when off.
func (w *Worker) Sample(event string, spent int64) {
	if w.settings.LatencyMs > 0 {
		w.sampleUs(event, w.e.clock.TicksToNs(spent)/nsPerUs)
	}
}

func (w *Worker) sampleUs(event string, us int64) {
	if ms := us / usPerMs; ms >= w.settings.LatencyMs && w.e.hooks.OnLatency != nil {
		w.e.hooks.OnLatency(event, ms)
	}
}
