//go:build linux

package main

import (
	"fmt"
	"strconv"
	"time"
)

// What big values and many waiting clients do to others.

const (
	longFields      = 1_000_000
	quickLongFields = 100_000
	freedFields     = 5_000_000
	quickFreed      = 500_000
	hsetBatch       = 500 // fields of one HSET
	bigConns        = 1

	waitedKeys    = 100_000
	quickWaited   = 10_000
	keysPerWaiter = 1000
)

// loadHash fills a hash with n fields of 14 bytes and values of 14.
func (r *run) loadHash(key string, n int) error {
	c, err := r.control()
	if err != nil {
		return err
	}
	defer c.close()
	r.log.add(fmt.Sprintf("HSET %s, %d fields, %d at a time", key, n, hsetBatch))
	for i := 0; i < n; i += hsetBatch {
		args := make([]string, 0, 2+2*hsetBatch)
		args = append(args, "HSET", key)
		for j := i; j < i+hsetBatch; j++ {
			args = append(args, fmt.Sprintf("field:%08d", j), fmt.Sprintf("value:%08d", j))
		}
		if _, err := c.do(args...); err != nil {
			return err
		}
	}
	return nil
}

func longReadScenario() *scenario {
	s := &scenario{
		name: "long-read",
		doc: fmt.Sprintf("one client reads a hash of 1 M fields (quick: 100 000) with HGETALL again and again; latency of GET of %d other keys in an open loop, before and meanwhile",
			smallKeys),
		secs: 25,
		rows: []row{
			{"idle-p99", "GET p99 before", "µs", nil},
			{"p99", "GET p99 while HGETALL runs", "µs", []must{{kind: ratioAtMost, bound: 0.1}}},
			{"p999", "GET p99.9 while HGETALL runs", "µs", nil},
			{"write-p99", "SET p99 while HGETALL runs", "µs", nil},
			{"hgetall", "HGETALL meanwhile", "req/s", nil},
		},
	}
	s.run = func(r *run) error {
		if err := r.start(); err != nil {
			return err
		}
		if err := r.loadKeys(smallKeys); err != nil {
			return err
		}
		if err := r.loadHash("hash", r.opt.pick(longFields, quickLongFields)); err != nil {
			return err
		}
		get := newRequest("GET", "key:"+holeKey)
		idle, err := r.open(r.probe(get, source{count: smallKeys}, r.opt.secs(3, 1)))
		if err != nil {
			return err
		}
		r.set("idle-p99", idle.hist.usec(0.99))
		res, rate, err := r.amidReads(get)
		if err != nil {
			return err
		}
		r.set("p99", res.hist.usec(0.99))
		r.set("p999", res.hist.usec(0.999))
		r.set("hgetall", rate)
		if !r.wants("write-p99") {
			return nil
		}
		if res, _, err = r.amidReads(newRequest("SET", "key:"+holeKey, value)); err != nil {
			return err
		}
		r.set("write-p99", res.hist.usec(0.99))
		return nil
	}
	return s
}

// amidReads runs the probe while a client reads the hash, and returns how often it
// did in a second.
func (r *run) amidReads(req *request) (*loadResult, float64, error) {
	d := r.opt.secs(6, 2)
	reads := &closedLoad{addr: r.srv.addr, conns: bigConns, depth: 1, req: newRequest("HGETALL", "hash"), duration: d}
	r.log.add(reads.describe())
	type end struct {
		res *loadResult
		err error
	}
	ended := make(chan end, 1)
	go func() {
		res, err := reads.run(r.ctx)
		ended <- end{res, err}
	}()
	res, err := r.open(r.probe(req, source{count: smallKeys}, d))
	e := <-ended
	if err := firstError(err, e.err); err != nil {
		return nil, 0, err
	}
	return res, e.res.rate(), nil
}

func freeHashScenario() *scenario {
	s := &scenario{
		name: "free-hash",
		doc: fmt.Sprintf("DEL of a hash of 5 M fields (quick: 500 000): time of the reply, and GET p99.9 of %d other keys in an open loop from then until its memory is free, against before",
			smallKeys),
		secs: 45,
		rows: []row{
			{"reply", "DEL of the hash: reply", "ms", []must{{kind: oursAtMost, bound: 1}}},
			{"idle-p999", "GET p99.9 before", "µs", nil},
			{"p999", "GET p99.9 while it is freed", "µs", nil},
			{"p999-ratio", "GET p99.9 while it is freed / before", "×", []must{{kind: oursAtMost, bound: 1.5}}},
		},
	}
	s.run = func(r *run) error {
		if err := r.start(); err != nil {
			return err
		}
		if err := r.loadKeys(smallKeys); err != nil {
			return err
		}
		if err := r.loadHash("hash", r.opt.pick(freedFields, quickFreed)); err != nil {
			return err
		}
		c, err := r.control()
		if err != nil {
			return err
		}
		defer c.close()
		get := newRequest("GET", "key:"+holeKey)
		idle, err := r.open(r.probe(get, source{count: smallKeys}, r.opt.secs(5, 1)))
		if err != nil {
			return err
		}
		const before = 500 * time.Millisecond
		sampler := startSampler(r.srv.pid(), 20*time.Millisecond)
		type end struct {
			sent, replied time.Time
			err           error
		}
		ended := make(chan end, 1)
		go func() {
			time.Sleep(before)
			sent := time.Now()
			_, err := c.do("DEL", "hash")
			ended <- end{sent, time.Now(), err}
		}()
		r.log.add("DEL hash")
		busy, err := r.open(r.probe(get, source{count: smallKeys}, r.opt.secs(6, 3)))
		samples := sampler.finish()
		e := <-ended
		if err := firstError(err, e.err); err != nil {
			return err
		}
		const shortest = 500 * time.Millisecond // enough requests for a p99.9
		from := e.sent.Sub(busy.began)
		window := busy.windows.between(from, from+max(lastFall(samples, e.sent), shortest))
		r.set("reply", float64(e.replied.Sub(e.sent))/1e6)
		r.set("idle-p999", idle.hist.usec(0.999))
		r.set("p999", window.usec(0.999))
		r.set("p999-ratio", window.usec(0.999)/idle.hist.usec(0.999))
		return nil
	}
	return s
}

// pushToEqualLists measures push on lists that are there, and of the same length each
// time: longer ones take longer, whoever waits.
func (r *run) pushToEqualLists(push *stdBench) (stdResult, error) {
	c, err := r.control()
	if err != nil {
		return stdResult{}, err
	}
	defer c.close()
	if _, err := c.do("FLUSHALL"); err != nil {
		return stdResult{}, err
	}
	if _, err := r.standard(push); err != nil {
		return stdResult{}, err
	}
	return r.standard(push)
}

func waitersScenario() *scenario {
	s := &scenario{
		name: "waiters",
		doc: fmt.Sprintf("redis-benchmark LPUSH with pipeline 16 to lists that nobody waits for, of the same lengths before and while clients wait with BLPOP for 100 000 other keys (quick: 10 000), %d each",
			keysPerWaiter),
		secs: 20,
		rows: []row{
			{"alone-rps", "LPUSH, nobody waits, P=16", "req/s", nil},
			{"rps", "LPUSH while 100 000 keys are waited for, P=16", "req/s", nil},
			{"ratio", "LPUSH while keys are waited for / nobody waits", "×", []must{{kind: oursAtLeast, bound: 0.95}}},
		},
	}
	s.run = func(r *run) error {
		if err := r.start(); err != nil {
			return err
		}
		const depth = 16
		push := stdBench{command: []string{"LPUSH", "list:__rand_int__", "x"}, depth: depth, keys: smallKeys, requests: stdRequests(r.opt, depth)}
		alone, err := r.pushToEqualLists(&push)
		if err != nil {
			return err
		}
		n := r.opt.pick(waitedKeys, quickWaited)
		r.log.add(fmt.Sprintf("%d clients: BLPOP of %d keys each", n/keysPerWaiter, keysPerWaiter))
		for from := 0; from < n; from += keysPerWaiter {
			c, err := r.control()
			if err != nil {
				return err
			}
			defer c.close()
			args := []string{"BLPOP"}
			for i := from; i < from+keysPerWaiter; i++ {
				args = append(args, "waited:"+strconv.Itoa(i))
			}
			if _, err := c.conn.Write(newRequest(append(args, "0")...).wire); err != nil {
				return err
			}
		}
		if err := r.pause(time.Second); err != nil {
			return err
		}
		busy, err := r.pushToEqualLists(&push)
		if err != nil {
			return err
		}
		r.set("alone-rps", alone.rps)
		r.set("rps", busy.rps)
		r.set("ratio", busy.rps/alone.rps)
		return nil
	}
	return s
}
