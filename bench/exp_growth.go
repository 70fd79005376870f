//go:build linux

package main

import (
	"fmt"
	"slices"
	"time"
)

// Growth from nothing at full speed: does a request, or memory, ever jump?
//
// Time is cut into windows of 100 ms. A step of memory is what one window
// added beyond the average per key; a step of latency is a p99.9 that stays
// high for half a second. Single slow requests are the business of the rows
// for p99.9 and the maximum.

const (
	growthKeys      = 20_000_000
	quickGrowthKeys = 2_000_000
	growthWindow    = 100 * time.Millisecond
	growthSustained = 5 // windows

	// A server that faults memory in ahead adds up to 64 MiB at once: about
	// 5 % of the whole.
	growthMemoryStepMax  = 6.0 // percent of the whole growth
	growthLatencyStepMax = 2.0 // times the median window
)

func growthScenario() *scenario {
	s := &scenario{
		name: "growth",
		doc: fmt.Sprintf("0 to 20 M keys (quick: 2 M) at full speed, %d connections, P=16, own generator; windows of %v. "+
			"Step of latency: highest p99.9 sustained over %d windows / that of the median window; "+
			"step of memory: most that one window added beyond the average per key, in %% of the growth", stdClients, growthWindow, growthSustained),
		secs: 28,
		rows: []row{
			{"rps", "SET of new keys, P=16", "req/s", nil},
			{"p999", "p99.9 of a request", "µs", []must{{kind: ratioAtMost, bound: 1}}},
			{"max", "slowest request", "ms", []must{{kind: ratioAtMost, bound: 1}}},
			{"latency-step", "largest step of latency", "×", []must{{kind: oursAtMost, bound: growthLatencyStepMax}}},
			{"memory-step", "largest step of memory", "%", []must{{kind: oursAtMost, bound: growthMemoryStepMax}}},
		},
	}
	s.run = func(r *run) error {
		n := r.opt.pick(growthKeys, quickGrowthKeys)
		if err := r.start(); err != nil {
			return err
		}
		l := &closedLoad{addr: r.srv.addr, conns: stdClients, depth: 16, total: n, window: growthWindow,
			req: newRequest("SET", "key:"+holeKey, value), src: source{sequential: true, count: uint64(n)}}
		r.log.add(fmt.Sprintf("%s, %d times", l.describe(), n))
		sampler := startSampler(r.srv.pid(), growthWindow)
		res, err := l.run(r.ctx)
		samples := sampler.finish()
		if err != nil {
			return err
		}
		r.set("rps", res.rate())
		r.set("p999", res.hist.usec(0.999))
		r.set("max", float64(res.hist.maxNs)/1e6)
		r.set("latency-step", latencyStep(res.windows.pieces))
		r.set("memory-step", memoryStep(samples, res))
		return r.saveCurve("growth", "ms,keys,resident_bytes,p999_us,max_us", growthCurve(samples, res))
	}
	return s
}

// latencyStep returns the largest p99.9 that growthSustained windows in a row
// reach, in units of the median window's. The last window is cut short and
// does not count.
func latencyStep(pieces []*hist) float64 {
	var p []float64
	for _, h := range pieces[:max(len(pieces)-1, 0)] {
		if h.n > 0 {
			p = append(p, h.usec(0.999))
		}
	}
	if len(p) < growthSustained {
		return 1
	}
	var worst float64
	for i := growthSustained; i <= len(p); i++ {
		worst = max(worst, slices.Min(p[i-growthSustained:i]))
	}
	return worst / median(p)
}

// keysAt returns how many requests were answered d after the start.
func keysAt(res *loadResult, d time.Duration) float64 {
	var sum float64
	for i, h := range res.windows.pieces {
		begin := time.Duration(i) * res.windows.width
		part := min(1, float64(d-begin)/float64(res.windows.width))
		if part <= 0 {
			break
		}
		sum += part * float64(h.n)
	}
	return sum
}

// memoryStep returns the largest rise between two samples beyond what the keys
// added between them explain, in percent of the whole growth.
func memoryStep(samples []memorySample, res *loadResult) float64 {
	if len(samples) < 3 {
		return 0
	}
	whole := float64(samples[len(samples)-1].bytes - samples[0].bytes)
	perKey := whole / float64(res.requests)
	var worst float64
	for i := 1; i < len(samples); i++ {
		a, b := samples[i-1], samples[i]
		keys := keysAt(res, b.at.Sub(res.began)) - keysAt(res, a.at.Sub(res.began))
		worst = max(worst, float64(b.bytes-a.bytes)-perKey*keys)
	}
	return 100 * worst / whole
}

func growthCurve(samples []memorySample, res *loadResult) []string {
	var lines []string
	for _, s := range samples {
		d := s.at.Sub(res.began)
		h := res.windows.between(d, d+1)
		lines = append(lines, fmt.Sprintf("%d,%.0f,%d,%.0f,%.0f", d.Milliseconds(), keysAt(res, d), s.bytes, h.usec(0.999), float64(h.maxNs)/1e3))
	}
	return lines
}
