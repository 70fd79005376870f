//go:build linux

package main

import (
	"fmt"
	"runtime"
	"strconv"
)

// Throughput by redis-benchmark, latency of a single client, scaling.

// scenarios returns all of them, in the order of the report.
func scenarios() []*scenario {
	return []*scenario{
		throughputScenario(1, 1.0, 1.0),
		throughputScenario(16, 1.4, 0.65),
		throughputScenario(64, 1.8, 0.55),
		commandsScenario(),
		bitmapScenario(),
		hllScenario(),
		typesScenario(1, 1.0),
		typesScenario(16, 1.2),
		typesMemoryScenario(),
		orderedScenario(1),
		orderedScenario(16),
		orderedMemoryScenario(),
		latencyScenario(),
		keysScenario(),
		keysTTLScenario(),
		growthScenario(),
		expireFewScenario(),
		expireManyScenario(),
		evictScenario(),
		bgsaveScenario("p1"),
		bgsaveScenario("p16"),
		bgsaveScenario("50k"),
		bgsaveScenario("big"),
		saveScenario(),
		aofScenario(),
		replScenario(),
		manyReplicasScenario(),
		longReadScenario(),
		freeHashScenario(),
		waitersScenario(),
		idleScenario(),
		connsStormScenario(),
		connsLookScenario(),
		pubsubScenario(),
		scalingScenario(),
	}
}

const smallKeys = 100_000 // keyspace of the throughput scenarios

// stdRequests is how many requests redis-benchmark sends at a depth: three to
// five seconds on a current core.
func stdRequests(o *options, depth int) int {
	switch {
	case depth == 1:
		return o.pick(400_000, 60_000)
	case depth <= 16:
		return o.pick(4_000_000, 800_000)
	}
	return o.pick(6_000_000, 1_000_000)
}

func throughputScenario(depth int, minRate, maxCPU float64) *scenario {
	s := &scenario{
		name: fmt.Sprintf("throughput-p%d", depth),
		doc:  fmt.Sprintf("redis-benchmark, %d clients, %d B values, %d keys (all present), pipeline %d; server CPU is utime+stime of all threads", stdClients, stdValueSize, smallKeys, depth),
		secs: 14,
	}
	for _, test := range []string{"set", "get"} {
		s.rows = append(s.rows,
			row{test + "-rps", fmt.Sprintf("%s, P=%d", test, depth), "req/s", []must{{kind: ratioAtLeast, bound: minRate}}},
			row{test + "-cpu", fmt.Sprintf("%s, P=%d: server CPU per request", test, depth), "µs", []must{{kind: ratioAtMost, bound: maxCPU}}})
	}
	s.run = func(r *run) error {
		if err := r.start(); err != nil {
			return err
		}
		if err := r.loadKeys(smallKeys); err != nil {
			return err
		}
		return r.standardTests([]string{"set", "get"}, smallKeys, depth)
	}
	return s
}

// standardTests runs redis-benchmark's own tests and records <test>-rps and
// <test>-cpu.
func (r *run) standardTests(tests []string, keys, depth int) error {
	for _, test := range tests {
		// The collector's share is taken over all tests together.
		if !r.wants(test+"-rps", test+"-cpu", "gc-share") {
			continue
		}
		res, err := r.standard(&stdBench{test: test, depth: depth, keys: keys, requests: stdRequests(r.opt, depth)})
		if err != nil {
			return err
		}
		r.set(test+"-rps", res.rps)
		r.set(test+"-cpu", res.cpuUsPerReq)
	}
	return nil
}

func commandsScenario() *scenario {
	const depth = 16
	key := "key:__rand_int__"
	benches := []struct {
		name string
		stdBench
	}{
		{"incr", stdBench{test: "incr"}},
		{"mset", stdBench{test: "mset"}},
		{"setex", stdBench{command: []string{"SETEX", key, "1000", value}}},
		{"getrange", stdBench{command: []string{"GETRANGE", key, "0", "15"}}},
	}
	s := &scenario{name: "commands-p16", doc: "as throughput-p16 for other commands; MSET sets 10 keys, GETRANGE reads 16 of 32 bytes", secs: 22}
	for _, b := range benches {
		s.rows = append(s.rows, row{b.name + "-rps", b.name + ", P=16", "req/s", []must{{kind: ratioAtLeast, bound: 1.2}}})
	}
	s.run = func(r *run) error {
		if err := r.start(); err != nil {
			return err
		}
		if err := r.loadKeys(smallKeys); err != nil {
			return err
		}
		for _, b := range benches {
			if !r.wants(b.name + "-rps") {
				continue
			}
			b.depth, b.keys, b.requests = depth, smallKeys, stdRequests(r.opt, depth)
			if b.name == "mset" {
				b.requests /= 4 // ten keys each
			}
			res, err := r.standard(&b.stdBench)
			if err != nil {
				return err
			}
			r.set(b.name+"-rps", res.rps)
		}
		return nil
	}
	return s
}

func latencyScenario() *scenario {
	s := &scenario{name: "latency", doc: fmt.Sprintf("one client, one request at a time, %d keys; a raw blocking socket, time from before the write to after the read", smallKeys), secs: 9}
	reqs := []struct {
		name string
		req  *request
	}{
		{"get", newRequest("GET", "key:"+holeKey)},
		{"set", newRequest("SET", "key:"+holeKey, value)},
	}
	for _, q := range reqs {
		s.rows = append(s.rows,
			row{q.name + "-p50", q.name + ", one client: p50", "µs", []must{{kind: ratioAtMost, bound: 1.05}}},
			row{q.name + "-p99", q.name + ", one client: p99", "µs", []must{{kind: ratioAtMost, bound: 1.05}}})
	}
	s.run = func(r *run) error {
		if err := r.start(); err != nil {
			return err
		}
		if err := r.loadKeys(smallKeys); err != nil {
			return err
		}
		for _, q := range reqs {
			if !r.wants(q.name+"-p50", q.name+"-p99") {
				continue
			}
			duration := r.opt.secs(4, 1)
			r.log.add(fmt.Sprintf("own generator: 1 connection, 1 request at a time for %v, `%s`", duration, q.req.text))
			h, err := pingPong(r.srv.addr, q.req, source{count: smallKeys}, duration)
			if err != nil {
				return err
			}
			r.set(q.name+"-p50", h.usec(0.50))
			r.set(q.name+"-p99", h.usec(0.99))
		}
		return nil
	}
	return s
}

// scalingScenario records the curve over event loops. A step may be a little
// lower than the one before, for noise, but not fall; the aim against the peer
// holds only where there are cores for it.
func scalingScenario() *scenario {
	const (
		depth     = 16
		tolerance = 0.95
		manyCores = 16
		aim       = 5
	)
	loops := []int{1, 2, 4, 8}
	s := &scenario{name: "scaling", doc: "redis-benchmark as throughput-p16 for --io-threads 1, 2, 4, 8 (the peer with io-threads-do-reads, and not beyond the CPUs); redis-benchmark gets half of the cores as threads", secs: 30}
	tests := []string{"set", "get"}
	for _, test := range tests {
		for i, n := range loops {
			r := row{figure: scalingFigure(test, n), title: fmt.Sprintf("%s, P=16, io-threads %d", test, n), unit: "req/s"}
			if i > 0 {
				r.musts = []must{{notBelow, tolerance, scalingFigure(test, loops[i-1])}}
			}
			s.rows = append(s.rows, r)
		}
		best := row{figure: test + "-best", title: test + ", P=16, best of all io-threads", unit: "req/s"}
		if runtime.NumCPU() >= manyCores {
			best.musts = []must{{kind: ratioAtLeast, bound: aim}}
		}
		s.rows = append(s.rows, best)
	}
	s.run = func(r *run) error {
		for _, n := range loops {
			if !r.wants("set-best", "get-best", scalingFigure("set", n), scalingFigure("get", n)) {
				continue
			}
			if err := r.scalingStep(tests, depth, n); err != nil {
				return err
			}
		}
		return nil
	}
	return s
}

func scalingFigure(test string, loops int) string { return fmt.Sprintf("%s-loops%d", test, loops) }

// scalingStep measures one number of loops. Redis's I/O threads spin, so
// more of them than CPUs only make it crawl: such steps are left out for it.
func (r *run) scalingStep(tests []string, depth, loops int) error {
	if r.side.isRedis() && loops > runtime.NumCPU() {
		return nil
	}
	flags := []string{"--io-threads", strconv.Itoa(loops)}
	if r.side.isRedis() && loops > 1 {
		flags = append(flags, "--io-threads-do-reads", "yes")
	}
	if err := r.start(flags...); err != nil {
		return err
	}
	if err := r.loadKeys(smallKeys); err != nil {
		return err
	}
	threads := runtime.NumCPU() / 2
	if threads == 1 {
		threads = 0
	}
	for _, test := range tests {
		res, err := r.standard(&stdBench{test: test, depth: depth, keys: smallKeys, requests: stdRequests(r.opt, depth), threads: threads})
		if err != nil {
			return err
		}
		r.set(scalingFigure(test, loops), res.rps)
		r.set(test+"-best", max(r.figures[test+"-best"], res.rps))
	}
	return nil
}
