//go:build linux

package main

import (
	"fmt"
	"strings"
	"time"
)

// The append-only log: what it costs those who write, with each policy and during a
// rewrite.

const (
	aofKeys      = 1_000_000
	quickAOFKeys = 100_000
	aofValueSize = 256
	aofAlways    = 256 // clients that wait for the disk
	aofLimit     = 2 * time.Minute
)

func aofScenario() *scenario {
	s := &scenario{
		name: "aof",
		doc: fmt.Sprintf("--appendonly yes: redis-benchmark SET, pipeline 16, appendfsync everysec; overwrites of %d keys of %d B, %d clients, pipeline 16, "+
			"during a BGREWRITEAOF; SET of %d clients with appendfsync always", aofKeys, aofValueSize, stdClients, aofAlways),
		secs: 40,
		rows: []row{
			{"everysec-rps", "SET, everysec, P=16", "req/s", []must{{kind: ratioAtLeast, bound: 1.2}}},
			{"rewrite-p999", "p99.9 during a rewrite", "µs", []must{{kind: ratioAtMost, bound: 0.5}}},
			{"rewrite-max", "longest request during a rewrite", "µs", []must{{kind: ratioAtMost, bound: 0.5}}},
			{"rewrite-secs", "time of the rewrite", "s", nil},
			{"always-rps", fmt.Sprintf("SET, always, %d clients", aofAlways), "req/s", []must{{kind: ratioAtLeast, bound: 5}}},
		},
	}
	s.run = func(r *run) error {
		if err := r.start("--appendonly", "yes", "--appendfsync", "everysec", "--auto-aof-rewrite-percentage", "0"); err != nil {
			return err
		}
		if err := r.standardTests([]string{"set"}, smallKeys, 16); err != nil {
			return err
		}
		r.set("everysec-rps", r.figures["set-rps"])
		if err := r.rewriteAOF(); err != nil {
			return err
		}
		c, err := r.control()
		if err != nil {
			return err
		}
		defer c.close()
		if _, err := c.do("CONFIG", "SET", "appendfsync", "always"); err != nil {
			return err
		}
		l := &closedLoad{addr: r.srv.addr, conns: aofAlways, depth: 1, req: newRequest("SET", "key:"+holeKey, strings.Repeat("z", stdValueSize)),
			src: source{count: smallKeys}, duration: r.opt.secs(5, 2)}
		r.log.add(l.describe())
		res, err := l.run(r.ctx)
		if err != nil {
			return err
		}
		r.set("always-rps", res.rate())
		return nil
	}
	return s
}

// rewriteAOF overwrites keys while the log is rewritten.
func (r *run) rewriteAOF() error {
	n := r.opt.pick(aofKeys, quickAOFKeys)
	if _, err := r.load(newRequest("SET", "key:"+holeKey, strings.Repeat("x", aofValueSize)), source{}, n); err != nil {
		return err
	}
	if err := r.pause(2 * time.Second); err != nil {
		return err
	}
	c, err := r.control()
	if err != nil {
		return err
	}
	defer c.close()
	stop, done := make(chan struct{}), make(chan error, 1)
	l := &closedLoad{addr: r.srv.addr, conns: stdClients, depth: 16, req: newRequest("SET", "key:"+holeKey, strings.Repeat("y", aofValueSize)),
		src: source{count: uint64(n)}, duration: aofLimit, window: bgsaveWindow, stop: stop}
	r.log.add(l.describe())
	var res *loadResult
	go func() {
		var err error
		res, err = l.run(r.ctx)
		done <- err
	}()
	pauseErr := r.pause(500 * time.Millisecond)
	r.log.add("BGREWRITEAOF")
	from := time.Now()
	_, err = c.do("BGREWRITEAOF")
	for err == nil {
		var fields map[string]string
		if fields, err = c.info("persistence"); err == nil && fields["aof_rewrite_in_progress"] == "0" && fields["aof_rewrite_scheduled"] == "0" {
			break
		}
		time.Sleep(bgsavePoll)
	}
	to := time.Now()
	close(stop)
	if err := firstError(pauseErr, err, <-done); err != nil {
		return err
	}
	during := res.windows.between(from.Sub(res.began), to.Sub(res.began))
	r.set("rewrite-p999", during.usec(0.999))
	r.set("rewrite-max", during.usec(1))
	r.set("rewrite-secs", to.Sub(from).Seconds())
	return nil
}
