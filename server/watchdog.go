package server

import (
	"sync/atomic"
	"time"

	"kvorum/logx"
)

// watchdog asks every event loop, while watchdog-period is not 0, to come round,
// and writes the stacks of all goroutines to the log when one does not within the
// period. A loop that stays away is told of once, until it has come round.
//
// It costs a loop a posted function per quarter of the period, and nothing when
// it is off.
type watchdog struct {
	s        *Server
	periodMs atomic.Int64
	changed  chan struct{} // of one place: the period is another
	started  atomic.Bool
	asked    []question
}

// question is what a loop has been asked and has not answered.
type question struct {
	answer chan struct{} // closed by the loop; nil: none was asked
	at     time.Time
	told   bool
}

func newWatchdog(s *Server) *watchdog {
	return &watchdog{s: s, changed: make(chan struct{}, 1), asked: make([]question, len(s.loops))}
}

// setPeriod sets the period in milliseconds, 0 for off. Any goroutine may call it.
func (w *watchdog) setPeriod(ms int64) {
	w.periodMs.Store(ms)
	if ms > 0 && w.started.CompareAndSwap(false, true) {
		go w.s.guard(nil, w.run)
	}
	select {
	case w.changed <- struct{}{}:
	default: // it will look anyway
	}
}

func (w *watchdog) run() {
	const looksPerPeriod = 4
	for {
		period := time.Duration(w.periodMs.Load()) * time.Millisecond
		var look <-chan time.Time // never
		if period > 0 {
			w.ask()
			look = time.After(period / looksPerPeriod)
		}
		select {
		case <-w.s.stop:
			return
		case <-w.changed:
		case <-look:
			w.look(period)
		}
	}
}

// ask asks the loops that have answered.
func (w *watchdog) ask() {
	for i, l := range w.s.net.Loops() {
		if q := &w.asked[i]; q.answer == nil {
			answer := make(chan struct{})
			if l.Post(func() { close(answer) }) {
				*q = question{answer: answer, at: time.Now()}
			}
		}
	}
}

// look takes the answers and tells of those that are missing.
func (w *watchdog) look(period time.Duration) {
	expired := false
	for i := range w.asked {
		q := &w.asked[i]
		if q.answer == nil {
			continue
		}
		select {
		case <-q.answer:
			q.answer = nil
		default:
			if !q.told && time.Since(q.at) >= period {
				q.told, expired = true, true
			}
		}
	}
	if expired && !w.s.program.crash.begun.Load() {
		w.s.log.Log(logx.LevelWarning, "\n--- WATCHDOG TIMER EXPIRED ---")
		logStacks(w.s.log)
		w.s.log.Log(logx.LevelWarning, "--------\n")
	}
}
