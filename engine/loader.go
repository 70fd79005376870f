package engine

import "kvorum/command"

// NewLoader returns a worker that executes the commands of a log. Memory limits do not
// count, and what it does is in no statistics: it has happened before. behind: it works while the world stands still; it is made before, used by the
// function that Exclusive runs, or by goroutines that this waits for, and closed
// afterwards. Several may work at once as long as commands that are Exclusive, or that
// have keys in common, do not.
func (e *Engine) NewLoader(behind bool) *Worker {
	w := e.NewWorker()
	w.loads, w.behind = true, behind
	return w
}

// NewInternal returns a session of no client, for a loader: what it executes has been
// executed before, when keys that are due now were alive, and never waits.
func (e *Engine) NewInternal() *command.Session {
	s := e.NewSession(nil)
	s.Flags |= command.Internal | command.NoTouch | command.Authenticated | command.InExec
	return s
}

// Failures returns how many error replies the worker has given. By its goroutine.
func (w *Worker) Failures() uint64 { return w.totals.Errors }

// LastEffect returns the number of the last effect of the worker, 0 before the first:
// see feed.Ring.Last. By its goroutine.
func (w *Worker) LastEffect() uint64 { return w.ring.Last() }

// enter begins to execute, leave ends it.
func (w *Worker) enter() {
	if !w.behind {
		w.e.gate.enter(w.flag)
	}
}

func (w *Worker) leave() {
	if !w.behind {
		w.e.gate.leave(w.flag)
	}
}
