//go:build linux

package main

import (
	"fmt"
	"time"
)

// Lists, sorted sets and streams: throughput by redis-benchmark, memory per element.

// orderedElements is the size of the large list and the large sorted set.
const (
	orderedElements      = 1_000_000
	quickOrderedElements = 200_000
)

// orderedMember is an element of 20 bytes.
const orderedMember = "element:" + holeKey

// orderedBench is a command of these types.
type orderedBench struct {
	stdBench
	name, title string
	must        float64 // at P=16
	share       int     // of the usual number of requests: 1/share, as replies are long
	elements    bool    // as many requests as there are elements in the sorted set
}

func orderedScenario(depth int) *scenario {
	benches := []orderedBench{
		{name: "lpush", title: "LPUSH to one list", stdBench: stdBench{test: "lpush"}, must: 1.2},
		{name: "rpush", title: "RPUSH to one list", stdBench: stdBench{test: "rpush"}, must: 1.2},
		{name: "lpop", title: "LPOP from that list", stdBench: stdBench{test: "lpop"}, must: 1.2},
		{name: "lrange-100", title: "LRANGE of 100 elements", stdBench: stdBench{command: []string{"LRANGE", "list", "0", "99"}}, must: 1.2, share: 10},
		{name: "lrange-600", title: "LRANGE of 600 elements", stdBench: stdBench{command: []string{"LRANGE", "list", "0", "599"}}, must: 1, share: 40},
		{name: "zadd", title: "ZADD to one sorted set", stdBench: stdBench{test: "zadd"}, must: 1.2, share: 2},
		{name: "zrangebyscore", title: "ZRANGEBYSCORE of 10 members", stdBench: stdBench{command: []string{"ZRANGEBYSCORE", "board", "__rand_int__", "+inf", "LIMIT", "0", "10"}}, must: 1.2, share: 4},
		{name: "xadd", title: "XADD of one field to one stream", stdBench: stdBench{command: []string{"XADD", "stream", "*", "field", "value"}}, must: 1.2, share: 2},
		{name: "zpopmin", title: "ZPOPMIN from a sorted set", stdBench: stdBench{command: []string{"ZPOPMIN", "board"}}, must: 1.2, elements: true},
	}
	s := &scenario{
		name: fmt.Sprintf("ordered-p%d", depth),
		doc: fmt.Sprintf("redis-benchmark, %d clients, pipeline %d, one list of %d-byte values, one stream and sorted sets of some 100 000 members; "+
			"LRANGE reads a list of %d elements of 20 B, ZRANGEBYSCORE and ZPOPMIN a sorted set of as many (quick: a fifth)", stdClients, depth, stdValueSize, orderedElements),
		secs: 30,
	}
	for _, b := range benches {
		bound := b.must
		if depth == 1 {
			bound = 1
		}
		s.rows = append(s.rows, row{b.name + "-rps", fmt.Sprintf("%s, P=%d", b.title, depth), "req/s", []must{{kind: ratioAtLeast, bound: bound}}})
	}
	s.run = func(r *run) error {
		if err := r.start(); err != nil {
			return err
		}
		n := r.opt.pick(orderedElements, quickOrderedElements)
		if err := r.fillOrdered(n); err != nil {
			return err
		}
		for _, b := range benches {
			if !r.wants(b.name + "-rps") {
				continue
			}
			b.depth, b.keys, b.requests = depth, smallKeys, stdRequests(r.opt, depth)/max(b.share, 1)
			if b.elements {
				b.requests = min(b.requests, n)
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

// fillOrdered makes the list and the sorted set of n elements.
func (r *run) fillOrdered(n int) error {
	for _, req := range []*request{
		newRequest("RPUSH", "list", orderedMember),
		newRequest("ZADD", "board", holeKey, orderedMember),
	} {
		if _, err := r.load(req, source{sequential: true, count: uint64(n)}, n); err != nil {
			return err
		}
	}
	return nil
}

func orderedMemoryScenario() *scenario {
	sides := []struct {
		figure, title string
		req           *request
		must          float64
	}{
		{"list-bytes", "resident memory per element of a list", newRequest("RPUSH", "list", orderedMember), 1},
		{"zset-bytes", "resident memory per member of a sorted set", newRequest("ZADD", "board", holeKey, orderedMember), 0.6},
		{"stream-bytes", "resident memory per entry of a stream, of two small fields", newRequest("XADD", "stream", "*", "temperature", "20", "humidity", "50"), 1},
	}
	s := &scenario{
		name: "ordered-memory",
		doc:  "a list and a sorted set of 1 M elements of 20 B and a stream of as many entries (quick: 200 000), added one by one. Memory is as in keys10m",
		secs: 18,
	}
	for _, side := range sides {
		s.rows = append(s.rows, row{side.figure, side.title, "B", []must{{kind: ratioAtMost, bound: side.must}}})
	}
	s.run = func(r *run) error {
		n := r.opt.pick(orderedElements, quickOrderedElements)
		for _, side := range sides {
			if !r.wants(side.figure) {
				continue
			}
			if err := r.memoryPerElement(side.figure, side.req, n); err != nil {
				return err
			}
		}
		return nil
	}
	return s
}

// memoryPerElement starts a server, sends n requests with numbers that count up, and
// records the growth of its resident memory for each.
func (r *run) memoryPerElement(figure string, req *request, n int) error {
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
	if _, err := r.load(req, source{sequential: true, count: uint64(n)}, n); err != nil {
		return err
	}
	if err := r.pause(rest); err != nil {
		return err
	}
	full, err := residentBytes(r.srv.pid())
	r.set(figure, float64(full-empty)/float64(n))
	return err
}
