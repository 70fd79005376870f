//go:build linux

package main

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Pairs of a master and a replica of the same kind.

const (
	replKeys      = 10_000_000
	quickReplKeys = 500_000
	replWrites    = 50_000 // a second, during the synchronization
	replGap       = 1 << 30
	quickReplGap  = 64 << 20
	replLimit     = 5 * time.Minute
	replMany      = 20 // replicas at once
)

var replFlags = []string{"--repl-diskless-sync-delay", "0", "--client-output-buffer-limit", "replica 0 0 0"}

func replScenario() *scenario {
	s := &scenario{
		name: "replication",
		doc: fmt.Sprintf("a master with %d keys of 16 B and values of %d B (quick: a twentieth) and a replica of the same kind: the first synchronization amid "+
			"%d overwrites/s; redis-benchmark SET at pipeline 16 with the replica attached; the replica stopped while 1 GB of stream passes, then let go", replKeys, stdValueSize, replWrites),
		secs: 120,
		rows: []row{
			{"sync", "time until the replica is online", "s", []must{{kind: ratioAtMost, bound: 0.8}}},
			{"sync-memory", "extra memory of the master", "%", []must{{kind: oursAtMost, bound: 5}}},
			{"sync-p999", "p99.9 of writes meanwhile", "µs", []must{{kind: ratioAtMost, bound: 1}}},
			{"sync-max", "longest write meanwhile", "µs", []must{{kind: ratioAtMost, bound: 0.4}}},
			{"set-rps", "SET with a replica, P=16", "req/s", []must{{kind: ratioAtLeast, bound: 1.2}}},
			{"lag", "time until the replica has all of that", "s", []must{{kind: oursAtMost, bound: 1}}},
			{"apply", "time to take in 1 GB of stream", "s", []must{{kind: ratioAtMost, bound: 0.8}}},
		},
	}
	s.run = (*run).replicate
	return s
}

func (r *run) replicate() error {
	if err := r.start(replFlags...); err != nil {
		return err
	}
	n := r.opt.pick(replKeys, quickReplKeys)
	if err := r.loadKeys(n); err != nil {
		return err
	}
	replica, err := startServer(r.ctx, r.side, replFlags)
	if err != nil {
		return err
	}
	defer func() { _ = replica.stop() }() // it is not needed any more
	if err := r.syncReplica(replica, n); err != nil {
		return err
	}
	if r.wants("set-rps", "lag") {
		res, err := r.standard(&stdBench{test: "set", depth: 16, keys: smallKeys, requests: stdRequests(r.opt, 16)})
		if err != nil {
			return err
		}
		r.set("set-rps", res.rps)
		start := time.Now()
		if err := r.awaitOffsets(replica); err != nil {
			return err
		}
		r.set("lag", time.Since(start).Seconds())
	}
	if !r.wants("apply") {
		return nil
	}
	return r.applyGap(replica)
}

// syncReplica attaches the replica amid writes.
func (r *run) syncReplica(replica *server, n int) error {
	before, err := residentBytes(r.srv.pid())
	if err != nil {
		return err
	}
	stop, done := make(chan struct{}), make(chan error, 1)
	var res *loadResult
	go func() {
		var err error
		res, err = r.open(&openLoad{conns: probeConns, rate: replWrites, req: newRequest("SET", "key:"+holeKey, strings.Repeat("y", stdValueSize)), src: source{count: uint64(n)}, duration: replLimit, window: bgsaveWindow, stop: stop})
		done <- err
	}()
	pauseErr := r.pause(500 * time.Millisecond)
	sampler := startSampler(r.srv.pid(), 20*time.Millisecond)
	from := time.Now()
	err = r.follow(replica)
	to := time.Now()
	samples := sampler.finish()
	close(stop)
	if err := firstError(pauseErr, err, <-done); err != nil {
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
	during := res.windows.between(from.Sub(res.began), to.Sub(res.began))
	r.set("sync", to.Sub(from).Seconds())
	r.set("sync-memory", 100*float64(peak-before+extra)/float64(before))
	r.set("sync-p999", during.usec(0.999))
	r.set("sync-max", during.usec(1))
	return nil
}

// follow makes a server a replica and waits until its link is up.
func (r *run) follow(replica *server) error {
	c, err := dialControl(replica.addr)
	if err != nil {
		return err
	}
	defer c.close()
	r.log.add("REPLICAOF 127.0.0.1 <port of the master>, on the replica")
	if _, err := c.do("REPLICAOF", "127.0.0.1", r.srv.port); err != nil {
		return err
	}
	for end := time.Now().Add(replLimit); time.Now().Before(end); time.Sleep(bgsavePoll) {
		fields, err := c.info("replication")
		if err == nil && fields["master_link_status"] == "up" {
			return nil
		}
		if err != nil && !strings.Contains(err.Error(), "LOADING") {
			return err
		}
	}
	return fmt.Errorf("the replica is not up after %v", replLimit)
}

// awaitOffsets waits until the replica has all that the master has.
func (r *run) awaitOffsets(replica *server) error {
	c, err := r.control()
	if err != nil {
		return err
	}
	defer c.close()
	rc, err := dialControl(replica.addr)
	if err != nil {
		return err
	}
	defer rc.close()
	master, err := c.info("replication")
	if err != nil {
		return err
	}
	want, err := strconv.ParseInt(master["master_repl_offset"], 10, 64)
	if err != nil {
		return err
	}
	for end := time.Now().Add(replLimit); time.Now().Before(end); time.Sleep(time.Millisecond) {
		fields, err := rc.info("replication")
		if err != nil {
			return err
		}
		have, err := strconv.ParseInt(fields["slave_repl_offset"], 10, 64)
		if err != nil {
			return err
		}
		if have >= want {
			return nil
		}
	}
	return fmt.Errorf("the replica is behind after %v", replLimit)
}

// widenBacklog lets the replica go on after a gap. Only now: it would be memory that the
// synchronization is not to blame for.
func (r *run) widenBacklog() error {
	c, err := r.control()
	if err != nil {
		return err
	}
	defer c.close()
	r.log.add("CONFIG SET repl-backlog-size 2gb")
	_, err = c.do("CONFIG", "SET", "repl-backlog-size", "2gb")
	return err
}

// applyGap stops the replica, writes, and lets it go on.
func (r *run) applyGap(replica *server) error {
	if err := r.widenBacklog(); err != nil {
		return err
	}
	if err := syscall.Kill(replica.pid(), syscall.SIGSTOP); err != nil {
		return err
	}
	gap := r.opt.pick(replGap, quickReplGap)
	const size = 512
	r.log.add("SIGSTOP to the replica, SETs until " + strconv.Itoa(gap) + " B of stream have passed, SIGCONT")
	l := &closedLoad{addr: r.srv.addr, conns: stdClients, depth: 16, req: newRequest("SET", "key:"+holeKey, strings.Repeat("y", size)),
		src: source{count: smallKeys}, total: gap / size}
	_, err := l.run(r.ctx)
	contErr := syscall.Kill(replica.pid(), syscall.SIGCONT)
	if err := firstError(err, contErr); err != nil {
		return err
	}
	start := time.Now()
	if err := r.awaitOffsets(replica); err != nil {
		return err
	}
	r.set("apply", time.Since(start).Seconds())
	return nil
}

func manyReplicasScenario() *scenario {
	s := &scenario{
		name: "replicas-20",
		doc:  fmt.Sprintf("%d replicas attached at once to a master with 1 GB of values of 1 KB (quick: a sixteenth)", replMany),
		secs: 90,
		rows: []row{
			{"sync", "time until all are online", "s", []must{{kind: ratioAtMost, bound: 0.8}}},
			{"memory", "extra memory of the master", "%", nil},
		},
	}
	s.run = func(r *run) error {
		if err := r.start("--repl-diskless-sync-delay", "1"); err != nil {
			return err
		}
		n := r.opt.pick(1_000_000, 60_000)
		if _, err := r.load(newRequest("SET", "key:"+holeKey, strings.Repeat("x", bgsaveValueSize)), source{}, n); err != nil {
			return err
		}
		before, err := residentBytes(r.srv.pid())
		if err != nil {
			return err
		}
		count := replMany
		if r.opt.quick {
			count = 4
		}
		replicas := make([]*server, 0, count)
		defer func() {
			for _, srv := range replicas {
				_ = srv.stop() // it is not needed any more
			}
		}()
		for range count {
			srv, err := startServer(r.ctx, r.side, nil)
			if err != nil {
				return err
			}
			replicas = append(replicas, srv)
		}
		sampler := startSampler(r.srv.pid(), 20*time.Millisecond)
		start := time.Now()
		done := make(chan error, count)
		for _, srv := range replicas {
			go func() { done <- r.follow(srv) }()
		}
		var first error
		for range replicas {
			first = firstError(first, <-done)
		}
		r.set("sync", time.Since(start).Seconds())
		peak := before
		for _, s := range sampler.finish() {
			peak = max(peak, s.bytes)
		}
		r.set("memory", 100*float64(peak-before)/float64(before))
		return first
	}
	return s
}
