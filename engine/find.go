package engine

import (
	"kvorum/command"
	"kvorum/keyspace"
)

// findKeys is called when a handler that finds some of its keys in the data has run:
// it runs it again, with more locks, until it has all that it needs. Each time all
// locks are taken anew, ascending, so that two commands never wait for each other. It
// returns what lockFor did in the end.
func (w *Worker) findKeys(s *command.Session, spec *command.Spec, keys, held []keyspace.Key) (all []keyspace.Key, ok bool) {
	c := &w.ctx
	for {
		needed := c.TakeNeeded()
		if needed == nil {
			c.ForgetNeeds()
			return held, true
		}
		if w.feeding {
			w.ring.End() // the end of keys that were due, which is told under their locks
		}
		if w.unusual&tracked != 0 {
			w.endTracked()
		}
		w.locks.unlock(w.e.KS)
		writes, all := spec.Flags&command.Write != 0, append(keys[:len(keys):len(keys)], needed...)
		held, ok = w.lockFor(s, writes, all)
		if ok && w.unusual&tracked != 0 {
			held, ok = w.beginTracked(s, writes, all, held)
		}
		if !ok {
			c.ForgetNeeds()
			return nil, false
		}
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
