//go:build linux

package main

import (
	"context"
	"fmt"
	"runtime"
	"syscall"
	"time"
)

// Open loop: requests leave at a fixed rate whether or not replies come, so a
// stall of the server shows in every request that fell into it. Requests leave
// in a burst each millisecond, one per connection in turn; latency counts from
// the moment of the write.

// openLoad describes an open-loop run.
type openLoad struct {
	addr     string
	conns    int
	rate     int // requests per second
	req      *request
	src      source
	duration time.Duration
	window   time.Duration
	stop     <-chan struct{} // ends the run before duration; may be nil
}

// drainTimeout is how long outstanding replies are awaited at the end.
const drainTimeout = 20 * time.Second

func (l *openLoad) describe() string {
	return fmt.Sprintf("own generator, open loop: %d requests/s over %d connections, `%s`", l.rate, l.conns, l.req.brief())
}

// openRun is the state of one run. Send times wait per link, oldest first.
type openRun struct {
	openLoad
	poll        *poller
	buf         []byte
	sent        [][]time.Time
	head        []int
	outstanding int
	result      loadResult
}

// run drives the load on the calling goroutine.
func (l *openLoad) run(ctx context.Context) (*loadResult, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	r := &openRun{openLoad: *l}
	var err error
	if r.poll, err = openPoller(l.addr, l.conns); err != nil {
		return nil, err
	}
	defer r.poll.close()
	r.buf = l.req.repeat(1)
	r.sent = make([][]time.Time, l.conns)
	r.head = make([]int, l.conns)
	r.src.state = 0x9e3779b97f4a7c15
	r.result.hist = &hist{}
	r.result.windows.width = l.window
	r.result.began = time.Now()
	if err := r.drive(ctx); err != nil {
		return nil, err
	}
	r.result.elapsed = time.Since(r.result.began)
	return &r.result, r.poll.replyErrors()
}

func (r *openRun) drive(ctx context.Context) error {
	issued, link := 0, 0
	for {
		now := time.Now()
		since := now.Sub(r.result.began)
		stopped := ctx.Err() != nil || isClosed(r.stop)
		if !stopped {
			// What the schedule wants by now; a late turn catches up, so a run
			// of full length sends exactly rate × duration.
			for due := int(min(since, r.duration).Seconds() * float64(r.rate)); issued < due; issued++ {
				if err := r.issue(link); err != nil {
					return err
				}
				link = (link + 1) % r.conns
			}
		}
		if (stopped || since >= r.duration) && r.outstanding == 0 {
			return ctx.Err()
		}
		if since >= r.duration+drainTimeout {
			return fmt.Errorf("open loop: %d replies missing after %v", r.outstanding, since)
		}
		events, err := r.poll.wait(time.Millisecond)
		if err != nil {
			return err
		}
		for _, ev := range events {
			if err := r.handle(int(ev.Fd), ev.Events); err != nil {
				return err
			}
		}
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (r *openRun) issue(i int) error {
	out := r.req.fill(r.buf, 1, &r.src)
	r.sent[i] = append(r.sent[i], time.Now())
	r.outstanding++
	return r.poll.send(i, out)
}

func (r *openRun) handle(i int, events uint32) error {
	if events&syscall.EPOLLOUT != 0 {
		if err := r.poll.flush(i); err != nil {
			return err
		}
	}
	done, err := r.poll.receive(i)
	if err != nil {
		return err
	}
	now := time.Now()
	for range done {
		ns := int64(now.Sub(r.sent[i][r.head[i]]))
		r.head[i]++
		r.result.hist.add(ns, 1)
		r.result.windows.add(now.Sub(r.result.began), ns, 1)
	}
	r.outstanding -= done
	r.result.requests += done
	if r.head[i] == len(r.sent[i]) {
		r.sent[i], r.head[i] = r.sent[i][:0], 0
	}
	return nil
}
