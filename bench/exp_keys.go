//go:build linux

package main

import (
	"fmt"
	"strconv"
	"time"
)

// Ten million keys: memory per key, throughput over them, the collector's
// share, and FLUSHALL.

const (
	manyKeys      = 10_000_000
	quickManyKeys = 1_000_000

	// existsPerRequest keys are named by one EXISTS of the settling pass.
	existsPerRequest = 16

	// The probes of a busy server: an open loop slow enough that an idle
	// server does it with ease.
	probeRate   = 20_000
	probeConns  = 20
	probeWindow = 100 * time.Millisecond

	// infoCollectorNs is the field of our INFO that holds the CPU time the Go
	// collector used since the start, in nanoseconds, without idle-time marking.
	infoCollectorNs = "go_gc_cpu_ns"
)

func keysScenario() *scenario {
	s := &scenario{
		name: "keys10m",
		doc: "10 M keys of 16 B with 32 B values (quick: 1 M). Memory is Rss of /proc/PID/smaps_rollup minus that of the empty server; " +
			"settled: after every key was looked up once, so that an incremental rehash is over. " +
			"FLUSHALL: GET p99.9 of an open loop from the reply until resident memory stops falling, against the same loop before",
		secs: 40,
		rows: []row{
			{"bytes-per-key", "resident memory per key after the load", "B", []must{{kind: ratioAtMost, bound: 0.55}, {kind: oursAtMost, bound: 72}}},
			{"bytes-settled", "the same, settled", "B", []must{{kind: ratioAtMost, bound: 0.55}, {kind: oursAtMost, bound: 72}}},
			{"load-rps", "load: SET in batches of 512", "req/s", nil},
			{"get-rps", "GET, P=16, over these keys", "req/s", []must{{kind: ratioAtLeast, bound: 1.5}}},
			{"set-rps", "SET, P=16, over these keys", "req/s", []must{{kind: ratioAtLeast, bound: 1.5}}},
			{"get-cpu", "GET: server CPU per request", "µs", nil},
			{"set-cpu", "SET: server CPU per request", "µs", nil},
			{"gc-share", "collector's share of server CPU in these two runs", "%", []must{{kind: oursAtMost, bound: 1}}},
			{"flushall-reply", "FLUSHALL: time to its reply", "ms", []must{{kind: oursAtMost, bound: 20}}},
			{"flushall-idle-p999", "GET p99.9 before", "µs", nil},
			{"flushall-p999", "GET p99.9 while it frees", "µs", nil},
			{"flushall-p999-ratio", "GET p99.9 while it frees / before", "×", []must{{kind: oursAtMost, bound: 2}}},
			{"flushall-freeing", "time until resident memory stops falling", "ms", nil},
		},
	}
	s.run = func(r *run) error {
		n := r.opt.pick(manyKeys, quickManyKeys)
		if err := r.memoryPerKey(newRequest("SET", "key:"+holeKey, value), source{}, n); err != nil {
			return err
		}
		if r.wants("get-rps", "set-rps", "get-cpu", "set-cpu", "gc-share") {
			if err := r.withCollectorShare(func() error {
				return r.standardTests([]string{"get", "set"}, n, 16)
			}); err != nil {
				return err
			}
		}
		if r.wants("flushall-reply", "flushall-idle-p999", "flushall-p999", "flushall-p999-ratio", "flushall-freeing") {
			return r.flushAll(n)
		}
		return nil
	}
	return s
}

func keysTTLScenario() *scenario {
	s := &scenario{
		name: "keys10m-ttl",
		doc:  "as keys10m with a TTL on each key, spread over a day",
		secs: 28,
		rows: []row{
			{"bytes-per-key", "resident memory per volatile key after the load", "B", []must{{kind: oursAtMost, bound: 90}}},
			{"bytes-settled", "the same, settled", "B", []must{{kind: oursAtMost, bound: 90}}},
			{"load-rps", "load: SET PXAT in batches of 512", "req/s", nil},
		},
	}
	s.run = func(r *run) error {
		const hour = 3600_000 // ms
		src := source{timeLow: uint64(time.Now().UnixMilli()) + hour, timeSpan: 24 * hour}
		return r.memoryPerKey(newRequest("SET", "key:"+holeKey, value, "PXAT", holeTime), src, r.opt.pick(manyKeys, quickManyKeys))
	}
	return s
}

// memoryPerKey starts a server, loads n keys and records the growth of its
// resident memory per key.
func (r *run) memoryPerKey(req *request, src source, n int) error {
	if err := r.start(); err != nil {
		return err
	}
	const rest = time.Second // for what a server does shortly after its start or a load
	if err := r.pause(rest); err != nil {
		return err
	}
	empty, err := residentBytes(r.srv.pid())
	if err != nil {
		return err
	}
	res, err := r.load(req, src, n)
	if err != nil {
		return err
	}
	r.set("load-rps", res.rate())
	record := func(figure string) error {
		if err := r.pause(rest); err != nil {
			return err
		}
		full, err := residentBytes(r.srv.pid())
		r.set(figure, float64(full-empty)/float64(n))
		return err
	}
	if err := record("bytes-per-key"); err != nil || !r.wants("bytes-settled") {
		return err
	}
	args := []string{"EXISTS"}
	for range existsPerRequest {
		args = append(args, "key:"+holeKey)
	}
	if _, err := r.load(newRequest(args...), source{count: uint64(n)}, n/existsPerRequest); err != nil {
		return err
	}
	return record("bytes-settled")
}

// withCollectorShare runs work and records which share of the server's CPU
// the Go collector had meanwhile; nothing for a server that does not say.
func (r *run) withCollectorShare(work func() error) error {
	gcBefore, known, err := r.collectorNs()
	if err != nil {
		return err
	}
	before, err := processCPU(r.srv.pid())
	if err != nil {
		return err
	}
	if err := work(); err != nil || !known {
		return err
	}
	after, err := processCPU(r.srv.pid())
	if err != nil {
		return err
	}
	gcAfter, _, err := r.collectorNs()
	if err != nil {
		return err
	}
	if after > before {
		r.set("gc-share", 100*float64(gcAfter-gcBefore)/float64(after-before))
	}
	return nil
}

func (r *run) collectorNs() (ns int64, known bool, err error) {
	c, err := r.control()
	if err != nil {
		return 0, false, err
	}
	defer c.close()
	for _, section := range []string{"", "everything"} {
		fields, err := c.info(section)
		if err != nil {
			return 0, false, err
		}
		if text, ok := fields[infoCollectorNs]; ok {
			ns, err := strconv.ParseInt(text, 10, 64)
			return ns, true, err
		}
	}
	return 0, false, nil
}

// probe is the open loop that watches a server at work.
func (r *run) probe(req *request, src source, duration time.Duration) *openLoad {
	return &openLoad{conns: probeConns, rate: probeRate, req: req, src: src, duration: duration, window: probeWindow}
}

// flushAll measures the reply time of FLUSHALL and what it does to others.
func (r *run) flushAll(n int) error {
	get, src := newRequest("GET", "key:"+holeKey), source{count: uint64(n)}
	idle, err := r.open(r.probe(get, src, r.opt.secs(4, 1)))
	if err != nil {
		return err
	}
	c, err := r.control()
	if err != nil {
		return err
	}
	defer c.close()
	sampler := startSampler(r.srv.pid(), 20*time.Millisecond)
	r.log.add("FLUSHALL")
	sent := time.Now()
	_, err = c.do("FLUSHALL")
	replied := time.Now()
	if err != nil {
		sampler.finish()
		return err
	}
	busy, err := r.open(r.probe(get, src, r.opt.secs(6, 3)))
	samples := sampler.finish()
	if err != nil {
		return err
	}
	freed := max(lastFall(samples, replied), replied.Sub(sent)) // from the reply on
	const shortest = 500 * time.Millisecond                     // enough requests for a p99.9
	offset := busy.began.Sub(replied)
	window := busy.windows.between(0, max(freed-offset, shortest))
	r.set("flushall-reply", float64(replied.Sub(sent))/1e6)
	r.set("flushall-idle-p999", idle.hist.usec(0.999))
	r.set("flushall-p999", window.usec(0.999))
	r.set("flushall-p999-ratio", window.usec(0.999)/idle.hist.usec(0.999))
	r.set("flushall-freeing", float64(lastFall(samples, replied))/1e6)
	return r.saveCurve("flushall", "ms_after_reply,resident_bytes", curveLines(samples, replied))
}

// lastFall returns when, after since, resident memory fell for the last time.
func lastFall(samples []memorySample, since time.Time) time.Duration {
	const noise = 256 << 10
	var last time.Duration
	for i := 1; i < len(samples); i++ {
		if samples[i].at.After(since) && samples[i].bytes < samples[i-1].bytes-noise {
			last = samples[i].at.Sub(since)
		}
	}
	return last
}

func curveLines(samples []memorySample, since time.Time) []string {
	lines := make([]string, len(samples))
	for i, s := range samples {
		lines[i] = fmt.Sprintf("%d,%d", s.at.Sub(since).Milliseconds(), s.bytes)
	}
	return lines
}
