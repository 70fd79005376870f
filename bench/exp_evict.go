//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net"
	"strconv"
	"strings"
	"time"
)

// A cache at its limit: writes that evict, the memory of the process meanwhile,
// and how often keys of a skewed workload are still there.

const (
	evictLimit      = 1 << 30
	quickEvictLimit = 256 << 20
	evictValueSize  = 1024
	evictDepth      = 16
	evictRest       = time.Second

	// The hit rate is that of the second half of the requests, over zipfKeys times
	// as many keys as there is room for.
	zipfRoom      = 50_000
	quickZipfRoom = 10_000
	zipfKeys      = 20
	zipfRequests  = 40 // per key that there is room for
	zipfTrims     = 3  // corrections of the limit until there is room for as many
	zipfExponent  = 1.01
	zipfSeed      = 20240607
)

func evictScenario() *scenario {
	s := &scenario{
		name: "evict",
		doc: fmt.Sprintf("maxmemory 1 GB (quick: 256 MB), allkeys-lru, values of %d B. SET of keys of four times as many as there is room for, by redis-benchmark; "+
			"resident: largest Rss of /proc/PID/statm during it and a second later. "+
			"Hit rate: as much memory as %d keys take, maxmemory-samples 10, a client that gets keys by Zipf's law (exponent %.2f) and sets those it misses, the same keys for both sides",
			evictValueSize, zipfRoom, zipfExponent),
		secs: 45,
		rows: []row{
			{"set-rps", "SET that evicts, P=16", "req/s", []must{{kind: ratioAtLeast, bound: 1.2}}},
			{"set-cpu", "SET that evicts: server CPU per request", "µs", nil},
			{"resident", "largest resident memory / maxmemory", "×", []must{{kind: oursAtMost, bound: 1.05}}},
			{"keys", "keys at the limit", "", nil},
			{"hit-rate", "zipfian hit rate", "%", []must{{kind: ratioAtLeast, bound: 1}}},
			{"hit-keys", "keys held in that run", "", nil},
		},
	}
	s.run = func(r *run) error {
		if r.wants("set-rps", "set-cpu", "resident", "keys") {
			if err := r.evictWrites(); err != nil {
				return err
			}
		}
		if r.wants("hit-rate", "hit-keys") {
			return r.zipfHits()
		}
		return nil
	}
	return s
}

// evictWrites measures writes at the limit and the memory of the process.
func (r *run) evictWrites() error {
	limit := r.opt.pick(evictLimit, quickEvictLimit)
	if err := r.start("--maxmemory", strconv.Itoa(limit), "--maxmemory-policy", "allkeys-lru"); err != nil {
		return err
	}
	room := limit / evictValueSize
	big := strings.Repeat("x", evictValueSize)
	if _, err := r.load(newRequest("SET", "key:"+holeKey, big), source{}, room*5/4); err != nil {
		return err
	}
	sampler := startSampler(r.srv.pid(), 20*time.Millisecond)
	res, err := r.standard(&stdBench{test: "set", depth: evictDepth, keys: 4 * room, size: evictValueSize,
		requests: r.opt.pick(4_000_000, 400_000)})
	if err == nil {
		err = r.pause(evictRest)
	}
	samples := sampler.finish()
	if err != nil {
		return err
	}
	var most int64
	for _, s := range samples {
		most = max(most, s.bytes)
	}
	r.set("set-rps", res.rps)
	r.set("set-cpu", res.cpuUsPerReq)
	r.set("resident", float64(most)/float64(limit))
	return r.keyCount("keys")
}

// keyCount records the number of keys.
func (r *run) keyCount(figure string) error {
	text, err := r.command("DBSIZE")
	if err != nil {
		return err
	}
	n, err := strconv.ParseFloat(text, 64)
	r.set(figure, n)
	return err
}

// zipfHits measures the hit rate with a limit at which both sides hold about the
// same number of keys.
func (r *run) zipfHits() error {
	room := r.opt.pick(zipfRoom, quickZipfRoom)
	if err := r.start("--maxmemory-policy", "allkeys-lru", "--maxmemory-samples", "10"); err != nil {
		return err
	}
	big := strings.Repeat("x", evictValueSize)
	if _, err := r.load(newRequest("SET", "key:"+holeKey, big), source{}, room); err != nil {
		return err
	}
	if err := r.pause(evictRest); err != nil {
		return err
	}
	c, err := r.control()
	if err != nil {
		return err
	}
	defer c.close()
	if err := r.limitToKeys(c, room, big); err != nil {
		return err
	}
	hits, err := zipfClient(r.srv.addr, uint64(room*zipfKeys), room*zipfRequests, big)
	if err != nil {
		return err
	}
	r.set("hit-rate", 100*hits)
	return r.keyCount("hit-keys")
}

// limitToKeys sets maxmemory so that a server that holds room keys now goes on to
// hold as many when it evicts.
func (r *run) limitToKeys(c *control, room int, value string) error {
	fields, err := c.info("memory")
	if err != nil {
		return err
	}
	limit, err := strconv.ParseFloat(fields["used_memory"], 64)
	if err != nil {
		return err
	}
	for i := range zipfTrims {
		if _, err := c.do("CONFIG", "SET", "maxmemory", strconv.FormatInt(int64(limit), 10)); err != nil {
			return err
		}
		low := uint64(1_000_000 * (i + 1)) // keys that nobody else uses
		if _, err := r.load(newRequest("SET", "old:"+holeKey, value), source{low: low}, room); err != nil {
			return err
		}
		n, err := c.number("DBSIZE")
		if err != nil {
			return err
		}
		limit *= float64(room) / float64(n)
	}
	r.log.add(fmt.Sprintf("CONFIG SET maxmemory: what %d keys take", room))
	return nil
}

// zipfClient asks for keys drawn by Zipf's law, evictDepth at a time, sets those
// that are missing, and returns the share of hits in the second half of the
// requests.
func zipfClient(addr string, keys uint64, requests int, value string) (hits float64, err error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	draw := rand.NewZipf(rand.New(rand.NewSource(zipfSeed)), zipfExponent, 1, keys-1)
	in := bufio.NewReaderSize(conn, 64<<10)
	var out []byte
	names := make([]string, evictDepth)
	asked, found := 0, 0
	for done := 0; done < requests; done += evictDepth {
		out = out[:0]
		for i := range names {
			names[i] = fmt.Sprintf("key:%012d", draw.Uint64())
			out = fmt.Appendf(out, "*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n", len(names[i]), names[i])
		}
		if _, err := conn.Write(out); err != nil {
			return 0, err
		}
		out = out[:0]
		missing := 0
		for _, name := range names {
			hit, err := readBulk(in)
			if err != nil {
				return 0, err
			}
			if done >= requests/2 {
				asked++
				if hit {
					found++
				}
			}
			if !hit {
				missing++
				out = fmt.Appendf(out, "*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n", len(name), name, len(value), value)
			}
		}
		if _, err := conn.Write(out); err != nil {
			return 0, err
		}
		for range missing {
			line, err := in.ReadString('\n')
			if err != nil || line != "+OK\r\n" {
				return 0, fmt.Errorf("SET replied %q: %w", line, err)
			}
		}
	}
	return float64(found) / float64(asked), nil
}

// readBulk reads the reply of a GET and reports whether the key was there.
func readBulk(in *bufio.Reader) (hit bool, err error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return false, err
	}
	line = strings.TrimSuffix(line, "\r\n")
	if line == "$-1" {
		return false, nil
	}
	size, err := strconv.Atoi(strings.TrimPrefix(line, "$"))
	if err != nil {
		return false, fmt.Errorf("GET replied %q", line)
	}
	_, err = io.CopyN(io.Discard, in, int64(size)+2)
	return true, err
}
