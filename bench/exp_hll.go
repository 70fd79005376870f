//go:build linux

package main

import "strconv"

// HyperLogLogs: elements added to small ones, to a full sparse one and to a dense
// one, and what goes through all registers.

// The elements of the sparse and of the dense one.
const (
	sparseElements = 1000
	denseElements  = 100_000
)

func hllScenario() *scenario {
	const depth = 16
	benches := []struct {
		name, title string
		command     []string
		keys        int
		scan        bool // goes through all registers
		must        float64
	}{
		{"pfadd", "PFADD of one element to one of many", []string{"PFADD", "hll:__rand_int__", value}, smallKeys, false, 1.2},
		{"pfadd-sparse", "PFADD to a sparse one of 1000 elements", []string{"PFADD", "sparse", "__rand_int__"}, sparseElements, false, 1.2},
		{"pfadd-dense", "PFADD to a dense one", []string{"PFADD", "dense", "__rand_int__"}, denseElements, false, 1.2},
		{"pfcount", "PFCOUNT of one, cached", []string{"PFCOUNT", "dense"}, 1, false, 1.2},
		{"pfcount-union", "PFCOUNT of a dense and a sparse one", []string{"PFCOUNT", "dense", "sparse"}, 1, true, 1.2},
		{"pfmerge", "PFMERGE of a dense and a sparse one", []string{"PFMERGE", "union", "dense", "sparse"}, 1, true, 1.2},
	}
	s := &scenario{name: "hll-p16", doc: "redis-benchmark, pipeline 16, " + strconv.Itoa(smallKeys) + " small HyperLogLogs; the sparse and the dense one get elements of a range that they have seen", secs: 25}
	for _, b := range benches {
		s.rows = append(s.rows, row{b.name + "-rps", b.title + ", P=16", "req/s", []must{{kind: ratioAtLeast, bound: b.must}}})
	}
	s.run = func(r *run) error {
		if err := r.start(); err != nil {
			return err
		}
		for _, fill := range []stdBench{
			{command: []string{"PFADD", "sparse", "__rand_int__"}, keys: sparseElements, requests: 20 * sparseElements},
			{command: []string{"PFADD", "dense", "__rand_int__"}, keys: denseElements, requests: 3 * denseElements},
		} {
			fill.depth = depth
			if _, err := r.standard(&fill); err != nil {
				return err
			}
		}
		for _, b := range benches {
			if !r.wants(b.name + "-rps") {
				continue
			}
			requests := stdRequests(r.opt, depth)
			if b.scan {
				requests = r.opt.pick(50_000, 5_000)
			}
			res, err := r.standard(&stdBench{command: b.command, depth: depth, keys: b.keys, requests: requests})
			if err != nil {
				return err
			}
			r.set(b.name+"-rps", res.rps)
		}
		return nil
	}
	return s
}
