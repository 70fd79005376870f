//go:build linux

package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Saving: what a save in the background costs those who write meanwhile, and how long
// it takes; how long SAVE and loading take.

const (
	bgsaveKeys      = 5_000_000
	quickBgsaveKeys = 300_000
	bgsaveValueSize = 1024
	bgsaveRate      = 50_000 // writes a second of the open loop

	bigFields       = 5_000_000
	bigMembers      = 1_000_000
	quickBigFields  = 300_000
	quickBigMembers = 60_000

	saveKeys      = 10_000_000
	quickSaveKeys = 500_000

	bgsavePoll   = 10 * time.Millisecond // between looks at whether the save goes on
	bgsaveWindow = 10 * time.Millisecond
	bgsaveLimit  = 10 * time.Minute
)

// bgsaveFlags are the directives of both servers: what is written is what is stored.
var bgsaveFlags = []string{"--rdbcompression", "no"}

// bgsaveScenario saves in the background under one of the loads p1, p16, 50k and big.
func bgsaveScenario(load string) *scenario {
	what := map[string]string{
		"p1":  fmt.Sprintf("%d keys of %d B being overwritten as fast as it goes, %d clients", bgsaveKeys, bgsaveValueSize, stdClients),
		"p16": fmt.Sprintf("%d keys of %d B being overwritten as fast as it goes, %d clients, pipeline 16", bgsaveKeys, bgsaveValueSize, stdClients),
		"50k": fmt.Sprintf("%d keys of %d B, %d overwrites/s", bgsaveKeys, bgsaveValueSize, bgsaveRate),
		"big": fmt.Sprintf("one hash of %d fields and one sorted set of %d members, both being updated, %d clients, pipeline 16", bigFields, bigMembers, stdClients),
	}[load]
	s := &scenario{
		name: "bgsave-" + load,
		doc: "BGSAVE with " + what + " (quick: a sixteenth). Extra memory is the growth of resident memory and, of a server that forks, " +
			"rdb_last_cow_size; latencies are those during the save; without compression, check sums on",
		secs: 90,
	}
	memory, p999, maximum := 5.0, 1.0, 0.4
	if load == "50k" {
		memory, p999 = 1, 0.1
	}
	s.rows = []row{
		{"extra-memory", "extra memory at its peak", "%", []must{{kind: oursAtMost, bound: memory}}},
		{"duration", "time of the save", "s", []must{{kind: ratioAtMost, bound: 0.7}}},
		{"p999", "p99.9 during the save", "µs", []must{{kind: ratioAtMost, bound: p999}}},
		{"max", "longest request during the save", "µs", nil},
	}
	if load != "50k" {
		s.rows = append(s.rows, row{"kept", "throughput during the save / before", "×", []must{{kind: oursAtLeast, bound: 0.65}}},
			row{"rate", "requests/s during the save", "req/s", nil})
		s.rows[3].musts = []must{{kind: ratioAtMost, bound: maximum}}
	}
	s.run = func(r *run) error { return r.bgsave(load) }
	return s
}

// fillForBgsave loads the data and returns the writes that go on.
func (r *run) fillForBgsave(load string) ([]*request, []source, error) {
	if load == "big" {
		fields, members := r.opt.pick(bigFields, quickBigFields), r.opt.pick(bigMembers, quickBigMembers)
		hset, zadd := newRequest("HSET", "hash", holeKey, strings.Repeat("x", stdValueSize)), newRequest("ZADD", "board", holeKey, orderedMember)
		if _, err := r.load(hset, source{}, fields); err != nil {
			return nil, nil, err
		}
		if _, err := r.load(zadd, source{}, members); err != nil {
			return nil, nil, err
		}
		// What is written differs from what was there, so that no server finds that
		// nothing changes.
		return []*request{
				newRequest("HSET", "hash", holeKey, strings.Repeat("y", stdValueSize)),
				newRequest("ZINCRBY", "board", "1", orderedMember),
			}, []source{{count: uint64(fields)}, {count: uint64(members)}},
			nil
	}
	n := r.opt.pick(bgsaveKeys, quickBgsaveKeys)
	if _, err := r.load(newRequest("SET", "key:"+holeKey, strings.Repeat("x", bgsaveValueSize)), source{}, n); err != nil {
		return nil, nil, err
	}
	return []*request{newRequest("SET", "key:"+holeKey, strings.Repeat("y", bgsaveValueSize))}, []source{{count: uint64(n)}}, nil
}

func (r *run) bgsave(load string) error {
	if err := r.start(bgsaveFlags...); err != nil {
		return err
	}
	reqs, srcs, err := r.fillForBgsave(load)
	if err != nil {
		return err
	}
	if err := r.pause(time.Second); err != nil {
		return err
	}
	before, err := residentBytes(r.srv.pid())
	if err != nil {
		return err
	}
	idle, err := r.writers(load, reqs, srcs, r.opt.secs(5, 1), nil)
	if err != nil {
		return err
	}
	stop := make(chan struct{})
	type outcome struct {
		res *loadResult
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		res, err := r.writers(load, reqs, srcs, bgsaveLimit, stop)
		done <- outcome{res, err}
	}()
	sampler := startSampler(r.srv.pid(), 20*time.Millisecond)
	span, saveErr := r.awaitBgsave()
	samples := sampler.finish()
	close(stop)
	load1 := <-done
	if err := firstError(saveErr, load1.err); err != nil {
		return err
	}
	peak := before
	for _, s := range samples {
		peak = max(peak, s.bytes)
	}
	extra, err := r.copied()
	if err != nil {
		return err
	}
	extra += peak - before
	from, to := span.from.Sub(load1.res.began), span.to.Sub(load1.res.began)
	during := load1.res.windows.between(from, to)
	r.set("extra-memory", 100*float64(extra)/float64(before))
	r.set("duration", (to - from).Seconds())
	r.set("p999", during.usec(0.999))
	r.set("max", during.usec(1))
	rate := float64(during.n) / (to - from).Seconds()
	r.set("rate", rate)
	r.set("kept", rate/idle.rate())
	return nil
}

// writers runs the load: all of reqs at once, each with its share of the connections.
func (r *run) writers(load string, reqs []*request, srcs []source, d time.Duration, stop <-chan struct{}) (*loadResult, error) {
	if load == "50k" {
		return r.open(&openLoad{conns: probeConns, rate: bgsaveRate, req: reqs[0], src: srcs[0], duration: d, window: bgsaveWindow, stop: stop})
	}
	depth := 16
	if load == "p1" {
		depth = 1
	}
	results := make([]*loadResult, len(reqs))
	errs := make([]error, len(reqs))
	finished := make(chan int)
	for i, req := range reqs {
		l := &closedLoad{addr: r.srv.addr, conns: stdClients / len(reqs), depth: depth, req: req, src: srcs[i], duration: d, window: bgsaveWindow, stop: stop}
		r.log.add(l.describe())
		go func() {
			results[i], errs[i] = l.run(r.ctx)
			finished <- i
		}()
	}
	for range reqs {
		<-finished
	}
	if err := firstError(errs...); err != nil {
		return nil, err
	}
	sum := results[0]
	for _, other := range results[1:] {
		sum.requests += other.requests
		sum.hist.merge(other.hist)
		sum.windows.merge(&other.windows)
	}
	return sum, nil
}

// timeSpan is when something went on.
type timeSpan struct{ from, to time.Time }

// awaitBgsave saves in the background after a moment and waits for the end.
func (r *run) awaitBgsave() (span timeSpan, err error) {
	if err := r.pause(500 * time.Millisecond); err != nil {
		return span, err
	}
	c, err := r.control()
	if err != nil {
		return span, err
	}
	defer c.close()
	r.log.add("BGSAVE")
	span.from = time.Now()
	if _, err := c.do("BGSAVE"); err != nil {
		return span, err
	}
	ctx, cancel := context.WithTimeout(r.ctx, bgsaveLimit)
	defer cancel()
	for {
		fields, err := c.info("persistence")
		if err != nil {
			return span, err
		}
		if fields["rdb_bgsave_in_progress"] == "0" {
			span.to = time.Now()
			if status := fields["rdb_last_bgsave_status"]; status != "ok" {
				return span, fmt.Errorf("BGSAVE ended with %s", status)
			}
			return span, nil
		}
		select {
		case <-ctx.Done():
			return span, ctx.Err()
		case <-time.After(bgsavePoll):
		}
	}
}

// copied returns the memory that a save cost beside the server's own resident memory:
// that of the child of a server that forks.
func (r *run) copied() (int64, error) {
	if !r.side.isRedis() {
		return 0, nil
	}
	c, err := r.control()
	if err != nil {
		return 0, err
	}
	defer c.close()
	fields, err := c.info("persistence")
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(fields["rdb_last_cow_size"], 10, 64)
}

func saveScenario() *scenario {
	s := &scenario{
		name: "save-load",
		doc: fmt.Sprintf("%d keys of 16 B with values of %d B (quick: a twentieth): SAVE, then FLUSHALL and DEBUG RELOAD NOSAVE NOFLUSH, "+
			"with compression and check sums as by default", saveKeys, stdValueSize),
		secs: 60,
		rows: []row{
			{"save", "SAVE", "s", []must{{kind: ratioAtMost, bound: 0.8}}},
			{"load", "loading that file", "s", []must{{kind: ratioAtMost, bound: 0.8}}},
		},
	}
	s.run = func(r *run) error {
		if err := r.start("--enable-debug-command", "yes"); err != nil {
			return err
		}
		if err := r.loadKeys(r.opt.pick(saveKeys, quickSaveKeys)); err != nil {
			return err
		}
		c, err := r.control()
		if err != nil {
			return err
		}
		defer c.close()
		timed := func(figure string, args ...string) error {
			r.log.add(strings.Join(args, " "))
			start := time.Now()
			_, err := c.do(args...)
			r.set(figure, time.Since(start).Seconds())
			return err
		}
		if err := timed("save", "SAVE"); err != nil {
			return err
		}
		if _, err := c.do("FLUSHALL", "SYNC"); err != nil {
			return err
		}
		return timed("load", "DEBUG", "RELOAD", "NOSAVE", "NOFLUSH")
	}
	return s
}
