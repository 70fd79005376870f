//go:build linux

package main

import "strconv"

// Commands on bits: one bit of small strings, all bits of large ones.

// bitmapBytes is the length of the large strings.
const bitmapBytes = 1 << 20

func bitmapScenario() *scenario {
	const depth = 16
	small := "bits:__rand_int__"
	benches := []struct {
		name, title string
		command     []string
		scan        bool // goes through a large string
		must        float64
	}{
		{"setbit", "SETBIT in strings of 13 bytes", []string{"SETBIT", small, "100", "1"}, false, 1.2},
		{"getbit", "GETBIT in strings of 13 bytes", []string{"GETBIT", small, "100"}, false, 1.2},
		{"bitfield", "BITFIELD, one INCRBY and one GET", []string{"BITFIELD", small, "INCRBY", "u16", "#1", "1", "GET", "i7", "3"}, false, 1.2},
		{"setbit-large", "SETBIT in one string of 1 MB", []string{"SETBIT", "zeros", "4000000", "0"}, false, 1},
		{"bitcount", "BITCOUNT of 1 MB", []string{"BITCOUNT", "zeros"}, true, 2},
		{"bitpos", "BITPOS behind 1 MB", []string{"BITPOS", "zeros", "1"}, true, 1},
		{"bitop", "BITOP XOR of two strings of 1 MB", []string{"BITOP", "XOR", "result", "zeros", "other"}, true, 1},
	}
	s := &scenario{name: "bitmaps-p16", doc: "redis-benchmark, pipeline 16, " + strconv.Itoa(smallKeys) + " small strings; the large ones are zeros but for their last bit", secs: 25}
	for _, b := range benches {
		s.rows = append(s.rows, row{b.name + "-rps", b.title + ", P=16", "req/s", []must{{kind: ratioAtLeast, bound: b.must}}})
	}
	s.run = func(r *run) error {
		if err := r.start(); err != nil {
			return err
		}
		for _, key := range []string{"zeros", "other"} {
			if _, err := r.command("SETBIT", key, strconv.Itoa(8*bitmapBytes-1), "1"); err != nil {
				return err
			}
		}
		for _, b := range benches {
			if !r.wants(b.name + "-rps") {
				continue
			}
			requests := stdRequests(r.opt, depth)
			if b.scan {
				requests = r.opt.pick(20_000, 4_000)
			}
			res, err := r.standard(&stdBench{command: b.command, depth: depth, keys: smallKeys, requests: requests})
			if err != nil {
				return err
			}
			r.set(b.name+"-rps", res.rps)
		}
		return nil
	}
	return s
}
