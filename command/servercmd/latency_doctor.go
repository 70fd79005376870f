package servercmd

import (
	"fmt"
	"strings"

	"kvorum/command"
	"kvorum/num"
)

var latencyDoctorSpec = &command.Spec{
	Name: "doctor", Since: "2.8.13", Group: "server", Complexity: "O(1)",
	Summary: "Explains the latencies that were seen, and what may help.",
	Arity:   2, Flags: command.Admin | command.NoScript | command.Loading | command.Stale,
	Tips:    []string{"nondeterministic_output", "request_policy:all_nodes", "response_policy:special"},
	Handler: latencyDoctor,
}

// COMPAT: doctor-texts: the report is in kvorum's words, about kvorum's engine.
func latencyDoctor(c *command.Ctx) {
	c.W.Verbatim("txt", diagnose(c.Host.LatencyEvents(), thresholds{
		monitorMs:   setting(c, "latency-monitor-threshold"),
		slowlogUsec: setting(c, "slowlog-log-slower-than"),
	}, c.Now/1000))
}

// setting returns a directive that is a number.
func setting(c *command.Ctx, name string) int64 {
	for _, p := range c.Host.ConfigGet([]string{name}) {
		if n, ok := num.ParseInt64([]byte(p.Text)); ok {
			return n
		}
	}
	return 0
}

// thresholds are the directives that decide what is recorded.
type thresholds struct{ monitorMs, slowlogUsec int64 }

// diagnose writes the report.
func diagnose(events []command.LatencyEvent, t thresholds, nowSec int64) string {
	if len(events) == 0 && t.monitorMs == 0 {
		return "Latency is not being watched: latency-monitor-threshold is 0. CONFIG SET latency-monitor-threshold " +
			"to the milliseconds that are too long for you, and ask again later.\n"
	}
	if len(events) == 0 {
		return fmt.Sprintf("Nothing took %d ms or longer since the start or the last LATENCY RESET.\n", t.monitorMs)
	}
	var b strings.Builder
	b.WriteString("These things took longer than they should have:\n\n")
	var advice []string
	for i, e := range events {
		s := summarize(e, nowSec)
		fmt.Fprintf(&b, "%d. %s: %d latency spikes (average %dms, mean deviation %dms, period %.2f sec). Worst all time event %dms.\n",
			i+1, e.Name, s.count, s.averageMs, s.deviationMs, s.periodSec, e.MaxMs)
		advice = append(advice, advise(e.Name, t)...)
	}
	if len(advice) == 0 {
		b.WriteString("\nThere is no simple remedy to suggest.\n")
		return b.String()
	}
	b.WriteString("\nWhat may help:\n\n")
	for _, line := range advice {
		b.WriteString("- " + line + "\n")
	}
	return b.String()
}

// spikes describes the samples of an event.
type spikes struct {
	count                  int
	averageMs, deviationMs int64
	periodSec              float64 // from sample to sample, up to now
}

func summarize(e command.LatencyEvent, nowSec int64) spikes {
	n := int64(len(e.Samples))
	s := spikes{count: len(e.Samples)}
	sum := int64(0)
	for _, sample := range e.Samples {
		sum += sample.Ms
	}
	s.averageMs = sum / n
	sum = 0
	for _, sample := range e.Samples {
		sum += max(sample.Ms-s.averageMs, s.averageMs-sample.Ms)
	}
	s.deviationMs = sum / n
	s.periodSec = float64(max(nowSec-e.Samples[0].UnixSec, 1)) / float64(n)
	return s
}

// advise returns what helps against an event.
func advise(event string, t thresholds) (lines []string) {
	const usecPerMs = 1000
	switch event {
	case "command":
		switch {
		case t.slowlogUsec < 0:
			lines = append(lines, fmt.Sprintf("command: the slow log is off and could name the commands: CONFIG SET slowlog-log-slower-than %d.", t.monitorMs*usecPerMs))
		case t.slowlogUsec > t.monitorMs*usecPerMs:
			lines = append(lines, fmt.Sprintf("command: the slow log starts above the threshold of this monitor. To have both see the same: CONFIG SET slowlog-log-slower-than %d.", t.monitorMs*usecPerMs))
		default:
			lines = append(lines, "command: SLOWLOG GET names the commands.")
		}
		return append(lines, "command: work in proportion to a whole value or to many arguments holds up the other clients of the same event loop. Use smaller values or ranges, SCAN in place of KEYS, or more io-threads.")
	case "fast-command":
		return []string{"fast-command: such a command does little work, so the process was probably not running. Look for other programs on the machine, for swapping, for limits of a container, for a noisy neighbour of a virtual machine."}
	case "expire-cycle", "active-defrag-cycle":
		return []string{event + ": background work is cut into slices far shorter than this, so the process was probably not running in the midst of one. Look for other programs on the machine, for swapping, for limits of a container."}
	case "eviction-cycle", "eviction-del":
		return []string{event + ": memory was needed faster than it could be freed. Large values, or a lower maxmemory set on a running server, do that."}
	}
	return nil
}
