package engine

import (
	"kvorum/command"
	"kvorum/keyspace"
)

// runFinding runs a handler that finds some of its keys in the data: again and
// again, with more locks, until it has all that it needs. Each time all locks are
// taken anew, ascending, so that two commands never wait for each other.
func (w *Worker) runFinding(spec *command.Spec, keys []keyspace.Key) {
	c := &w.ctx
	held := w.lockFor(spec, keys)
	c.ForgetNeeds()
	for w.allHeld = false; ; {
		if w.feeding {
			w.ring.Begin()
		}
		spec.Handler(c)
		if c.Dirty > 0 {
			w.feed()
		}
		if w.feeding {
			w.ring.End()
		}
		needed := c.TakeNeeded()
		if needed == nil {
			break
		}
		w.locks.unlock(w.e.KS)
		held = w.lockFor(spec, append(keys[:len(keys):len(keys)], needed...))
	}
	w.serveReady(held, false)
	if w.unusual&monitored != 0 {
		w.tell()
	}
	w.locks.unlock(w.e.KS)
}

// mustBeAlone reports whether a command of a transaction cannot run under the locks
// of the keys that the transaction names.
func mustBeAlone(q *command.Queued) bool {
	switch q.Spec.Mode {
	case command.LocksKeys:
		return false
	case command.FindsKeys:
		return q.Spec.Finds(q.Args)
	}
	return true
}
