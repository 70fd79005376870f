package engine

import (
	"kvorum/snapshot"
)

// Snapshots. The walk of a snapshot is done by the loops between their batches: a step
// holds the lock of a shard for some microseconds, which nobody should do who may be
// put aside amid it. A loop with requests to serve does a slice now and then; one that
// has none does slice after slice, as long as the encoder keeps up.

const (
	// walkRestNs is the pause from slice to slice of a loop that has requests.
	walkRestNs = 300_000
	// walkWaitNs is the pause when there is nothing to do for the moment.
	walkWaitNs = 1_000_000
	// walkStep is how many bytes a walk copies between looks at the clock.
	walkStep = 32 << 10
)

// BeginSnapshot makes the cut of a snapshot, which the workers then carry on. The
// caller is exclusive, and lets a goroutine call Run. Error: keyspace.ErrWalks.
func (e *Engine) BeginSnapshot(st snapshot.Stager) (*snapshot.Snapshot, error) {
	s, err := snapshot.Begin(e.KS, st)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	list := append([]*snapshot.Snapshot{s}, e.Snapshots()...)
	e.snapshots.Store(&list)
	return s, nil
}

// Snapshots returns those whose walks are under way, the last one first.
func (e *Engine) Snapshots() []*snapshot.Snapshot {
	if list := e.snapshots.Load(); list != nil {
		return *list
	}
	return nil
}

// walked takes a snapshot off the list whose walk has come to its end.
func (e *Engine) walked(s *snapshot.Snapshot) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var list []*snapshot.Snapshot
	for _, have := range e.Snapshots() {
		if have != s {
			list = append(list, have)
		}
	}
	if list == nil {
		e.snapshots.Store(nil)
		return
	}
	e.snapshots.Store(&list)
}

// walk goes on with the snapshots under way until the slice ends, and returns how long
// to wait for the next slice, -1 if there is none.
func (w *Worker) walk(end int64) (restNs int64) {
	list := w.e.Snapshots()
	if list == nil {
		return -1
	}
	idle := w.served == w.slices.served
	w.slices.served = w.served
	moved := false
	for again := true; again; {
		again = false
		for _, s := range list {
			n, more := s.Step(walkStep)
			if !more {
				w.e.walked(s)
			} else if n > 0 {
				again, moved = true, true
			}
		}
		if w.e.clock.Ticks() >= end {
			break
		}
	}
	switch {
	case !moved:
		return walkWaitNs
	case idle:
		return 0
	}
	return walkRestNs
}

// pause slows the worker down when the snapshots under way do not keep up with what it
// changes. It is in no batch.
func (w *Worker) pause() {
	for _, s := range w.e.Snapshots() {
		if us := s.Delay(); us > 0 && w.e.hooks.Host != nil {
			w.e.hooks.Host.Sleep(us)
			return
		}
	}
}
