//go:build linux

package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeServer answers every request with a reply chosen by its first argument
// and remembers the keys it saw. It stands for a server in tests of the load
// generators.
type fakeServer struct {
	addr    string
	replies map[string]string
	mu      sync.Mutex
	keys    map[string]int
}

func startFake(t *testing.T, replies map[string]string) *fakeServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeServer{addr: l.Addr().String(), replies: replies, keys: map[string]int{}}
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Add(1)
			go func() {
				defer wg.Done()
				defer c.Close()
				f.serve(c)
			}()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return f
}

func (f *fakeServer) serve(c net.Conn) {
	r, w := bufio.NewReader(c), bufio.NewWriter(c)
	for {
		args, err := readRequest(r)
		if err != nil {
			return
		}
		f.mu.Lock()
		for _, a := range args[1:] {
			f.keys[a]++
		}
		f.mu.Unlock()
		w.WriteString(f.replies[args[0]])
		if r.Buffered() == 0 {
			if w.Flush() != nil {
				return
			}
		}
	}
}

func readRequest(r *bufio.Reader) ([]string, error) {
	number := func() (int, error) {
		line, err := r.ReadString('\n')
		if err != nil {
			return 0, err
		}
		return strconv.Atoi(strings.TrimSpace(line[1:]))
	}
	n, err := number()
	if err != nil {
		return nil, err
	}
	var args []string
	for range n {
		size, err := number()
		if err != nil {
			return nil, err
		}
		b := make([]byte, size+2)
		if _, err := io.ReadFull(r, b); err != nil {
			return nil, err
		}
		args = append(args, string(b[:size]))
	}
	return args, nil
}

// A loader that skipped or repeated keys would make every figure per key wrong.
func TestClosedLoopSendsEveryKeyOnce(t *testing.T) {
	for _, workers := range []int{1, 3} {
		f := startFake(t, map[string]string{"SET": "+OK\r\n"})
		const n = 10_007
		l := &closedLoad{addr: f.addr, conns: 6, depth: 64, workers: workers, total: n, window: time.Millisecond,
			req: newRequest("SET", "key:"+holeKey, "v"), src: source{sequential: true, count: n}}
		res, err := l.run(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		inWindows := res.windows.between(0, time.Hour).n
		if res.requests != n || res.hist.n != n || inWindows != n {
			t.Errorf("%d workers: %d requests, %d in the histogram, %d in windows, want %d", workers, res.requests, res.hist.n, inWindows, n)
		}
		if len(f.keys) != n+1 || f.keys["key:000000000000"] != 1 || f.keys["key:000000010006"] != 1 {
			t.Errorf("%d workers: %d different keys, want %d", workers, len(f.keys)-1, n)
		}
	}
}

// Error replies must not count as work done.
func TestErrorReplyFailsTheRun(t *testing.T) {
	f := startFake(t, map[string]string{"SET": "-ERR no\r\n", "GET": "-ERR no\r\n"})
	l := &closedLoad{addr: f.addr, conns: 1, depth: 4, total: 8, req: newRequest("SET", "a", "b")}
	if _, err := l.run(context.Background()); err == nil || !strings.Contains(err.Error(), "ERR no") {
		t.Errorf("closed loop: error %v", err)
	}
	o := &openLoad{addr: f.addr, conns: 1, rate: 1000, duration: 5 * time.Millisecond, req: newRequest("GET", "a")}
	if _, err := o.run(context.Background()); err == nil || !strings.Contains(err.Error(), "ERR no") {
		t.Errorf("open loop: error %v", err)
	}
}

func TestOpenLoopKeepsItsRate(t *testing.T) {
	f := startFake(t, map[string]string{"GET": "$3\r\nabc\r\n"})
	o := &openLoad{addr: f.addr, conns: 5, rate: 10_000, duration: 200 * time.Millisecond, window: 10 * time.Millisecond,
		req: newRequest("GET", "key:"+holeKey), src: source{count: 100}}
	res, err := o.run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if res.requests != 2000 || res.hist.n != 2000 {
		t.Errorf("%d requests, %d in the histogram, want 2000", res.requests, res.hist.n)
	}
}

func TestOpenLoopStopsWhenTold(t *testing.T) {
	f := startFake(t, map[string]string{"GET": "$-1\r\n"})
	stop := make(chan struct{})
	close(stop)
	o := &openLoad{addr: f.addr, conns: 1, rate: 1000, duration: time.Hour, req: newRequest("GET", "a"), stop: stop}
	if _, err := o.run(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestPingPongCountsAfterWarmUp(t *testing.T) {
	f := startFake(t, map[string]string{"GET": "$3\r\nabc\r\n"})
	h, err := pingPong(f.addr, newRequest("GET", "key:"+holeKey), source{count: 10}, 300*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if h.n > 0 && h.quantile(0.5) <= 0 {
		t.Errorf("p50 of %d samples is %d ns", h.n, h.quantile(0.5))
	}
}

func TestControlReadsReplies(t *testing.T) {
	f := startFake(t, map[string]string{
		"INFO": "$42\r\n# Stats\r\nexpired_keys:12\r\ngo_gc_cpu_ns:9\r\n\r\n", "DBSIZE": ":5\r\n", "BAD": "-ERR x\r\n",
		"LIST": "*3\r\n$1\r\na\r\n$-1\r\n:4\r\n"})
	c, err := dialControl(f.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if info, err := c.info("stats"); err != nil || info["expired_keys"] != "12" || info[infoCollectorNs] != "9" {
		t.Errorf("info = %v, %v", info, err)
	}
	if n, err := c.number("DBSIZE"); err != nil || n != 5 {
		t.Errorf("DBSIZE = %d, %v", n, err)
	}
	if s, err := c.do("LIST"); err != nil || s != "a\n\n4" {
		t.Errorf("LIST = %q, %v", s, err)
	}
	if _, err := c.do("BAD"); err == nil || !strings.Contains(err.Error(), "ERR x") {
		t.Errorf("BAD: error %v", err)
	}
}
