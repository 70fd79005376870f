package engine

import (
	"kvorum/command"
	"kvorum/keyspace"
)

// findKeys is called when a handler that finds some of its keys in the data has run:
// it runs it again, with more locks, until it has all that it needs. Each time all
// locks are taken anew, ascending, so that two commands never wait for each other. It
// returns what lockFor did in the end.
func (w *Worker) findKeys(spec *command.Spec, keys, held []keyspace.Key) []keyspace.Key {
	c := &w.ctx
	for {
		needed := c.TakeNeeded()
		if needed == nil {
			c.ForgetNeeds()
			return held
		}
		if w.feeding {
			w.ring.End() // the end of keys that were due, which is told under their locks
		}
		w.locks.unlock(w.e.KS)
		held = w.lockFor(spec, append(keys[:len(keys):len(keys)], needed...))
		if w.feeding {
			w.ring.Begin()
		}
		spec.Handler(c)
	}
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
