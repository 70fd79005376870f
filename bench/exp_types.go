//go:build linux

package main

import (
	"fmt"
	"strconv"
	"time"
)

// Hashes and sets: throughput on one large value, memory per element.

const (
	typeElements      = 1_000_000 // of a large value, and small values in all
	quickTypeElements = 100_000

	smallFields = 4 // of a small hash
)

// typesScenario compares commands on one hash and one set of 100 000 elements.
func typesScenario(depth int, minRate float64) *scenario {
	const element = "element:__rand_int__"
	benches := []struct {
		name string
		stdBench
		drains bool // each request takes a member away
	}{
		{name: "hset", stdBench: stdBench{command: []string{"HSET", "hash", element, value}}},
		{name: "hget", stdBench: stdBench{command: []string{"HGET", "hash", element}}},
		{name: "sadd", stdBench: stdBench{command: []string{"SADD", "set", element}}},
		{name: "spop", stdBench: stdBench{command: []string{"SPOP", "drained"}}, drains: true},
	}
	s := &scenario{
		name: fmt.Sprintf("types-p%d", depth),
		doc: fmt.Sprintf("redis-benchmark, %d clients, pipeline %d: one hash of up to %d fields with %d B values, one set of as many members; SPOP empties a set of as many members as there are requests",
			stdClients, depth, smallKeys, stdValueSize),
		secs: 25,
	}
	for _, b := range benches {
		s.rows = append(s.rows, row{b.name + "-rps", fmt.Sprintf("%s, P=%d", b.name, depth), "req/s", []must{{kind: ratioAtLeast, bound: minRate}}})
	}
	s.run = func(r *run) error {
		if err := r.start(); err != nil {
			return err
		}
		for _, b := range benches {
			if !r.wants(b.name + "-rps") {
				continue
			}
			b.depth, b.keys, b.requests = depth, smallKeys, stdRequests(r.opt, depth)
			if b.drains {
				b.requests = min(b.requests, r.opt.pick(typeElements, quickTypeElements))
				if _, err := r.load(newRequest("SADD", "drained", "element:"+holeKey), source{}, b.requests); err != nil {
					return err
				}
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

// typesMemoryScenario weighs large and small values.
func typesMemoryScenario() *scenario {
	// Members and fields of 20 bytes, values of 20.
	const member, content = "element:" + holeKey, "valuevaluevaluevalue"
	small := []string{"HSET", "key:" + holeKey}
	for i := range smallFields {
		small = append(small, "field"+strconv.Itoa(i), "value"+strconv.Itoa(i))
	}
	loads := []struct {
		figure, title string
		req           *request
		must          float64
	}{
		{"hash", "hash of 1 M fields of 20 B with values of 20 B: resident memory per field", newRequest("HSET", "hash", member, content), 0.6},
		{"set", "set of 1 M members of 20 B: resident memory per member", newRequest("SADD", "set", member), 0.6},
		{"small-hash", "1 M hashes of 4 fields: resident memory per hash", newRequest(small...), 1.0},
	}
	s := &scenario{
		name: "types-memory",
		doc:  "Rss of /proc/PID/smaps_rollup minus that of the empty server, a second after the load (quick: 100 000 elements)",
		secs: 30,
	}
	for _, l := range loads {
		s.rows = append(s.rows, row{l.figure + "-bytes", l.title, "B", []must{{kind: ratioAtMost, bound: l.must}}})
	}
	s.run = func(r *run) error {
		for _, l := range loads {
			if !r.wants(l.figure + "-bytes") {
				continue
			}
			n := r.opt.pick(typeElements, quickTypeElements)
			size, err := r.weigh(l.req, n)
			if err != nil {
				return err
			}
			r.set(l.figure+"-bytes", size)
		}
		return nil
	}
	return s
}

// weigh starts a server, sends a request n times and returns the growth of its
// resident memory per request.
func (r *run) weigh(req *request, n int) (float64, error) {
	const rest = time.Second // for what a server does shortly after its start or a load
	if err := r.start(); err != nil {
		return 0, err
	}
	if err := r.pause(rest); err != nil {
		return 0, err
	}
	empty, err := residentBytes(r.srv.pid())
	if err != nil {
		return 0, err
	}
	if _, err := r.load(req, source{}, n); err != nil {
		return 0, err
	}
	if err := r.pause(rest); err != nil {
		return 0, err
	}
	full, err := residentBytes(r.srv.pid())
	return float64(full-empty) / float64(n), err
}
