//go:build linux

package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// Expiry: how late keys go, and what a wave of them does to others.
//
// No probe may touch a key that is due: a look-up would expire it. Lag is
// taken from keyspace notifications where a server delivers them for every
// key, else from the counter expired_keys of INFO every 10 ms.

const (
	fewDue          = 1000
	fewOthers       = 1_000_000
	quickFewOthers  = 200_000
	manyDue         = 2_000_000
	quickManyDue    = 200_000
	manyOthers      = 100_000
	expiryPoll      = 10 * time.Millisecond
	expiryPatience  = 10 * time.Second // what is not gone by then counts as never
	dueSpanMs       = 1000             // the wave of manyDue keys is due within this
	notifyChannel   = "__keyevent@0__:expired"
	othersTTLFromMs = 3600_000 // ms; others are due hours later
)

func expireFewScenario() *scenario {
	s := &scenario{
		name: "expire-1000",
		doc: fmt.Sprintf("%d keys due at one instant among 1 M other volatile keys (quick: 200 000) that stay; lag by keyspace notifications or, "+
			"where there are none, by expired_keys of INFO every %v; keys not gone after %v count as never", fewDue, expiryPoll, expiryPatience),
		secs: 22,
		rows: []row{
			{"done", "keys expired", "keys", []must{{kind: oursAtLeast, bound: fewDue}}},
			{"lag-p50", "lag of expiry: p50", "ms", nil},
			{"lag-p99", "lag of expiry: p99", "ms", []must{{kind: oursAtMost, bound: 2000}}},
		},
	}
	s.run = func(r *run) error {
		if err := r.start(); err != nil {
			return err
		}
		now := uint64(time.Now().UnixMilli())
		others := source{timeLow: now + othersTTLFromMs, timeSpan: 24 * othersTTLFromMs}
		req := newRequest("SET", "key:"+holeKey, value, "PXAT", holeTime)
		if _, err := r.load(req, others, r.opt.pick(fewOthers, quickFewOthers)); err != nil {
			return err
		}
		const ahead = 2 * time.Second
		due := time.Now().Add(ahead).Truncate(time.Millisecond)
		dueReq := newRequest("SET", "due:"+holeKey, value, "PXAT", holeTime)
		if _, err := r.load(dueReq, source{timeLow: uint64(due.UnixMilli())}, fewDue); err != nil {
			return err
		}
		if !time.Now().Before(due) {
			return fmt.Errorf("the keys were due before they were stored")
		}
		lags, err := r.expiryLags(due, fewDue)
		if err != nil {
			return err
		}
		r.set("done", float64(len(lags)))
		r.set("lag-p50", lagQuantile(lags, fewDue, 0.50))
		r.set("lag-p99", lagQuantile(lags, fewDue, 0.99))
		return nil
	}
	return s
}

// lagQuantile returns a quantile in milliseconds of count lags of which only
// the given ones came; +Inf if it falls among the missing.
func lagQuantile(lags []time.Duration, count int, q float64) float64 {
	rank := int(math.Ceil(q * float64(count)))
	if rank > len(lags) {
		return math.Inf(1)
	}
	return float64(lags[rank-1]) / 1e6
}

// expiryLags waits until count keys have expired or patience ends and returns
// the lags known, ascending.
func (r *run) expiryLags(due time.Time, count int) ([]time.Duration, error) {
	events := listenExpired(r.srv.addr, due)
	polled, err := r.pollExpired(due, count)
	notified := events.finish()
	if err != nil {
		return nil, err
	}
	how := "lag by expired_keys of INFO"
	if len(notified) >= len(polled) && len(notified) > 0 {
		how, polled = "lag by keyspace notifications", notified
	}
	r.log.add(r.side.name + ": " + how)
	slices.Sort(polled)
	return polled[:min(len(polled), count)], nil
}

// pollExpired watches the counter.
func (r *run) pollExpired(due time.Time, count int) ([]time.Duration, error) {
	c, err := r.control()
	if err != nil {
		return nil, err
	}
	defer c.close()
	var lags []time.Duration
	first := int64(-1)
	tick := time.NewTicker(expiryPoll)
	defer tick.Stop()
	for time.Since(due) < expiryPatience && len(lags) < count {
		fields, err := c.info("stats")
		if err != nil {
			return nil, err
		}
		n, err := strconv.ParseInt(fields["expired_keys"], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("INFO expired_keys: %w", err)
		}
		if first < 0 {
			first = n
		}
		for lag := time.Since(due); int64(len(lags)) < n-first; {
			lags = append(lags, max(lag, 0))
		}
		select {
		case <-r.ctx.Done():
			return nil, r.ctx.Err()
		case <-tick.C:
		}
	}
	return lags, nil
}

// expiredListener collects the times of expired notifications on a goroutine.
type expiredListener struct {
	fd   int
	lags []time.Duration
	wait sync.WaitGroup
}

// listenExpired subscribes; a server that cannot notify yields a listener
// without lags.
func listenExpired(addr string, due time.Time) *expiredListener {
	l := &expiredListener{fd: -1}
	c, err := dialControl(addr)
	if err != nil {
		return l
	}
	defer c.close()
	if _, err := c.do("CONFIG", "SET", "notify-keyspace-events", "Ex"); err != nil {
		return l
	}
	fd, err := dialRaw(addr)
	if err != nil {
		return l
	}
	// A single small write to a fresh socket is taken whole.
	if _, err := syscall.Write(fd, newRequest("SUBSCRIBE", notifyChannel).wire); err != nil {
		_ = syscall.Close(fd)
		return l
	}
	l.fd = fd
	l.wait.Add(1)
	go l.listen(due)
	return l
}

func (l *expiredListener) listen(due time.Time) {
	defer l.wait.Done()
	var replies replyCounter
	in := make([]byte, readBufferSize)
	confirmed := false
	for {
		n, err := syscall.Read(l.fd, in)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || n == 0 {
			return
		}
		lag := max(time.Since(due), 0)
		done, err := replies.feed(in[:n])
		if err != nil || replies.errors > 0 {
			return
		}
		for range done {
			if confirmed {
				l.lags = append(l.lags, lag)
			}
			confirmed = true // the first message confirms the subscription
		}
	}
}

// finish ends listening and returns the lags.
func (l *expiredListener) finish() []time.Duration {
	if l.fd < 0 {
		return nil
	}
	_ = syscall.Shutdown(l.fd, syscall.SHUT_RDWR) // wakes the reader
	l.wait.Wait()
	_ = syscall.Close(l.fd)
	return l.lags
}

func expireManyScenario() *scenario {
	s := &scenario{
		name: "expire-2m",
		doc: fmt.Sprintf("2 M keys (quick: 200 000) due within one second beside %d that stay; GET p99.9 of these in an open loop, "+
			"from the first deadline until DBSIZE is down, against the seconds before", manyOthers),
		secs: 22,
		rows: []row{
			{"idle-p999", "GET p99.9 before", "µs", nil},
			{"p999", "GET p99.9 while keys expire", "µs", nil},
			{"p999-ratio", "GET p99.9 while keys expire / before", "×", []must{{kind: oursAtMost, bound: 2}}},
			{"gone-after", "last key gone, after the last deadline", "ms", nil},
		},
	}
	s.run = func(r *run) error {
		if err := r.start(); err != nil {
			return err
		}
		loaded, err := r.load(newRequest("SET", "key:"+holeKey, value), source{}, manyOthers)
		if err != nil {
			return err
		}
		n := r.opt.pick(manyDue, quickManyDue)
		due, err := r.loadWave(n, time.Duration(float64(n)/loaded.rate()*float64(time.Second)))
		if err != nil {
			return err
		}
		return r.watchWave(due)
	}
	return s
}

// loadWave stores n keys due in the second from the returned time on, which
// leaves a few idle seconds after the load. guess is how long the load takes.
func (r *run) loadWave(n int, guess time.Duration) (time.Time, error) {
	const tries = 3
	idle := r.opt.secs(4, 1.5)
	req := newRequest("SET", "due:"+holeKey, value, "PXAT", holeTime)
	for range tries {
		due := time.Now().Add(3*guess/2 + idle).Truncate(time.Millisecond)
		began := time.Now()
		if _, err := r.load(req, source{timeLow: uint64(due.UnixMilli()), timeSpan: dueSpanMs - 1}, n); err != nil {
			return due, err
		}
		if time.Until(due) >= idle/2 {
			return due, nil
		}
		// Slower than thought: the same keys again, due later.
		guess = 2 * max(time.Since(began), guess)
	}
	return time.Time{}, fmt.Errorf("loading %d keys takes longer each time", n)
}

// watchWave probes the keys that stay from now until the wave is over.
func (r *run) watchWave(due time.Time) error {
	ctx, cancel := context.WithCancel(r.ctx)
	defer cancel()
	const shortest = dueSpanMs*time.Millisecond + 200*time.Millisecond
	type end struct {
		at  time.Time // zero: not within patience
		err error
	}
	ended, stop := make(chan end, 1), make(chan struct{})
	go func() {
		at, err := r.awaitSize(ctx, manyOthers, due.Add(expiryPatience))
		for err == nil && time.Since(due) < shortest && ctx.Err() == nil {
			time.Sleep(expiryPoll)
		}
		close(stop)
		ended <- end{at, err}
	}()
	probe := r.probe(newRequest("GET", "key:"+holeKey), source{count: manyOthers}, time.Until(due)+2*expiryPatience)
	probe.stop = stop
	res, err := r.open(probe)
	cancel()
	e := <-ended
	if err != nil || e.err != nil {
		return fmt.Errorf("wave of expiry: %w", firstError(err, e.err))
	}
	start := due.Sub(res.began)
	over := start + expiryPatience
	gone := math.Inf(1)
	if !e.at.IsZero() {
		over = max(e.at.Sub(res.began), start+shortest)
		gone = max(0, float64(e.at.Sub(due).Milliseconds()-dueSpanMs))
	}
	const margin = 2 * probeWindow // connections opening, and the window that meets the deadline
	idle, busy := res.windows.between(margin, start-margin), res.windows.between(start, over)
	r.set("idle-p999", idle.usec(0.999))
	r.set("p999", busy.usec(0.999))
	r.set("p999-ratio", busy.usec(0.999)/idle.usec(0.999))
	r.set("gone-after", gone)
	return nil
}

// awaitSize polls DBSIZE, which expires nothing, until it is at most size;
// the zero time if that did not happen before limit.
func (r *run) awaitSize(ctx context.Context, size int64, limit time.Time) (time.Time, error) {
	c, err := r.control()
	if err != nil {
		return time.Time{}, err
	}
	defer c.close()
	for time.Now().Before(limit) && ctx.Err() == nil {
		n, err := c.number("DBSIZE")
		if err != nil {
			return time.Time{}, err
		}
		if n <= size {
			return time.Now(), nil
		}
		time.Sleep(2 * expiryPoll)
	}
	return time.Time{}, nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
