//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Closed loop: each connection has one batch of depth requests under way and
// sends the next when all replies are in. This is what redis-benchmark does,
// and, with a large depth, the fastest way to load keys.

// closedLoad describes a closed-loop run. It ends after total requests or
// after duration, whichever is given.
type closedLoad struct {
	addr     string
	conns    int
	depth    int // requests per write
	workers  int // threads; 0 is 1; conns and keys are split among them
	req      *request
	src      source // sequential sources are split among the workers
	total    int
	duration time.Duration
	window   time.Duration   // width of loadResult.windows, 0 = none
	stop     <-chan struct{} // ends the run before duration; may be nil
}

// loadResult sums a run of either generator.
type loadResult struct {
	requests int
	began    time.Time
	elapsed  time.Duration
	hist     *hist
	windows  windows
}

func (r *loadResult) rate() float64 {
	return float64(r.requests) / r.elapsed.Seconds()
}

func (l *closedLoad) describe() string {
	return fmt.Sprintf("own generator, closed loop: %d connections, %d requests per write, `%s`", l.conns, l.depth, l.req.brief())
}

// run drives the load to its end. An error reply ends it with an error.
func (l *closedLoad) run(ctx context.Context) (*loadResult, error) {
	workers := max(l.workers, 1)
	results := make([]*loadResult, workers)
	errs := make([]error, workers)
	began := time.Now()
	var wg sync.WaitGroup
	for i := range workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			w := l.worker(i, workers)
			w.began = began
			results[i], errs[i] = w.run(ctx)
		}()
	}
	wg.Wait()
	sum := &loadResult{began: began, elapsed: time.Since(began), hist: &hist{}}
	sum.windows.width = l.window
	for _, r := range results {
		if r != nil {
			sum.requests += r.requests
			sum.hist.merge(r.hist)
			sum.windows.merge(&r.windows)
		}
	}
	return sum, errors.Join(errs...)
}

// closedWorker is one thread's share of a closedLoad.
type closedWorker struct {
	closedLoad
	began   time.Time
	poll    *poller
	batches []closedBatch // by link
	result  loadResult
	left    int // requests not sent yet
}

type closedBatch struct {
	buf     []byte
	waiting int       // replies outstanding
	sent    time.Time // when the batch was written
}

// worker cuts share i of n out of the load.
func (l *closedLoad) worker(i, n int) *closedWorker {
	w := &closedWorker{closedLoad: *l}
	w.conns = max(l.conns/n, 1)
	w.total = share(l.total, i, n)
	if l.src.sequential {
		w.src.low += l.src.count * uint64(i) / uint64(n)
		w.src.count = uint64(share(int(l.src.count), i, n))
	}
	w.src.state = 0x9e3779b97f4a7c15 * uint64(i+1)
	w.result.hist = &hist{}
	w.result.windows.width = l.window
	return w
}

// share splits total into n parts that sum to it.
func share(total, i, n int) int {
	return total*(i+1)/n - total*i/n
}

func (w *closedWorker) run(ctx context.Context) (*loadResult, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var err error
	if w.poll, err = openPoller(w.addr, w.conns); err != nil {
		return nil, err
	}
	defer w.poll.close()
	w.left = w.total
	if w.total == 0 {
		w.left = int(^uint(0) >> 1)
	}
	w.batches = make([]closedBatch, w.conns)
	active := 0
	for i := range w.batches {
		w.batches[i].buf = w.req.repeat(w.depth)
		more, err := w.next(i)
		if err != nil {
			return nil, err
		}
		if more {
			active++
		}
	}
	for active > 0 {
		events, err := w.poll.wait(time.Second)
		if err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		for _, ev := range events {
			finished, err := w.handle(int(ev.Fd), ev.Events)
			if err != nil {
				return nil, err
			}
			if finished {
				active--
			}
		}
	}
	return &w.result, w.poll.replyErrors()
}

// handle serves one event of link i; finished means that the link has nothing
// left to do.
func (w *closedWorker) handle(i int, events uint32) (finished bool, err error) {
	if events&syscall.EPOLLOUT != 0 {
		if err := w.poll.flush(i); err != nil {
			return false, err
		}
	}
	done, err := w.poll.receive(i)
	if err != nil || done == 0 {
		return false, err
	}
	b := &w.batches[i]
	now := time.Now()
	ns := int64(now.Sub(b.sent))
	w.result.requests += done
	w.result.hist.add(ns, done)
	w.result.windows.add(now.Sub(w.began), ns, done)
	if b.waiting -= done; b.waiting > 0 {
		return false, nil
	}
	more, err := w.next(i)
	return !more, err
}

// next sends the following batch on link i, if there is any left.
func (w *closedWorker) next(i int) (more bool, err error) {
	count := min(w.depth, w.left)
	now := time.Now()
	if count == 0 || w.duration > 0 && now.Sub(w.began) >= w.duration || isClosed(w.stop) {
		return false, nil
	}
	b := &w.batches[i]
	out := w.req.fill(b.buf, count, &w.src)
	w.left -= count
	b.waiting = count
	b.sent = time.Now()
	return true, w.poll.send(i, out)
}

// pingPong measures single requests on one blocking connection: write, wait,
// read, nothing else on the thread.
func pingPong(addr string, req *request, src source, duration time.Duration) (*hist, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	fd, err := dialRaw(addr)
	if err != nil {
		return nil, err
	}
	defer syscall.Close(fd)
	src.state = 0x9e3779b97f4a7c15
	buf, in := req.repeat(1), make([]byte, 4096)
	var replies replyCounter
	h := &hist{}
	const warmUp = 1000
	for i, began := 0, time.Now(); ; i++ {
		out := req.fill(buf, 1, &src)
		sent := time.Now()
		if i >= warmUp && sent.Sub(began) >= duration {
			break
		}
		if _, err := syscall.Write(fd, out); err != nil {
			return nil, fmt.Errorf("write: %w", err)
		}
		for done := 0; done == 0; {
			n, err := syscall.Read(fd, in)
			if err == syscall.EINTR {
				continue
			}
			if err != nil || n == 0 {
				return nil, fmt.Errorf("read: %d bytes, %w", n, err)
			}
			if done, err = replies.feed(in[:n]); err != nil {
				return nil, err
			}
		}
		if i >= warmUp {
			h.add(int64(time.Since(sent)), 1)
		}
	}
	if replies.errors > 0 {
		return nil, fmt.Errorf("error reply: %s", replies.firstErr)
	}
	return h, nil
}
