//go:build linux

package main

import (
	"fmt"
	"time"
)

// A server with nothing to do.

const idleConns = 10_000

func idleScenario() *scenario {
	s := &scenario{
		name: "idle",
		doc: fmt.Sprintf("a server with %d keys and no client: CPU over 10 s (quick: 3 s), in %% of a core; then growth of resident memory (1 MB = 10⁶ B) "+
			"by %d connections that sent one PING each and rest", smallKeys, idleConns),
		secs: 19,
		rows: []row{
			{"cpu", "idle server: CPU", "%", []must{{kind: oursAtMost, bound: 0.5}}},
			{"conns", fmt.Sprintf("%d idle connections: memory", idleConns), "MB", []must{{kind: oursAtMost, bound: 25}}},
		},
	}
	s.run = func(r *run) error {
		if err := r.start(); err != nil {
			return err
		}
		if err := r.loadKeys(smallKeys); err != nil {
			return err
		}
		if err := r.pause(time.Second); err != nil {
			return err
		}
		if r.wants("cpu") {
			if err := r.idleCPU(r.opt.secs(10, 3)); err != nil {
				return err
			}
		}
		if r.wants("conns") {
			return r.idleConnections(idleConns)
		}
		return nil
	}
	return s
}

func (r *run) idleCPU(span time.Duration) error {
	before, err := processCPU(r.srv.pid())
	if err != nil {
		return err
	}
	began := time.Now()
	if err := r.pause(span); err != nil {
		return err
	}
	after, err := processCPU(r.srv.pid())
	r.set("cpu", 100*float64(after-before)/float64(time.Since(began)))
	return err
}

func (r *run) idleConnections(n int) error {
	before, err := residentBytes(r.srv.pid())
	if err != nil {
		return err
	}
	p, err := openPoller(r.srv.addr, n)
	if err != nil {
		return err
	}
	defer p.close()
	if err := r.pingAll(p); err != nil {
		return err
	}
	const rest = 4 * time.Second // servers drop the buffers of a resting client after about two
	if err := r.pause(rest); err != nil {
		return err
	}
	after, err := residentBytes(r.srv.pid())
	r.set("conns", float64(after-before)/1e6)
	return err
}
