package engine

import (
	"kvorum/command"
	"kvorum/keyspace"
	"kvorum/tracking"
)

// Clients that cache. While anybody tracks, the shards tell of each change: to the
// worker whose command it is, and to nobody's in between (keyspace.Teller). Then
//
//   - a client that tracks gets what has come for it before the reply to its next
//     command, once the keys are locked: nothing in a reply is newer than the
//     invalidations in front of it;
//   - what it reads is remembered under the same locks;
//   - what its own command changed it is told behind the reply, or behind EXEC's.

// catchUps is how often a command gives its locks back to deliver messages that have
// come for its client meanwhile, before it delivers them under the locks.
const catchUps = 2

// newTracking returns the registry of clients that cache.
func (e *Engine) newTracking() *tracking.Registry {
	e.teller.Changed = func(_ int, k keyspace.Key) { e.Tracking.Changed(k, &tracking.Actor{}, false) }
	return tracking.New(e.KS, tracking.Hooks{
		Push: e.hooks.Push,
		Begin: func() {
			e.KS.SetTellers(&e.teller)
			e.unusual.Or(tracked)
		},
		End: func() {
			e.KS.SetTellers(nil)
			e.unusual.And(^tracked)
		},
	})
}

// RetireTracking ends what tracking costs if nobody tracks any more. The caller is in
// no batch.
func (e *Engine) RetireTracking() {
	if e.unusual.Load()&tracked != 0 && e.Tracking.Counts().Clients == 0 {
		e.Exclusive(func() { e.Tracking.Retire() })
	}
}

// initTracking prepares a worker for being told of changes.
func (w *Worker) initTracking() {
	w.actor.Batch = &w.batch
	w.teller.Changed = func(_ int, k keyspace.Key) { w.e.Tracking.Changed(k, &w.actor, !w.ctx.Unasked) }
	w.ctx.Tracking, w.ctx.Actor = w.e.Tracking, &w.actor
}

// beforeTracked is called before a command while anybody tracks, without locks.
func (w *Worker) beforeTracked(s *command.Session) {
	w.trimTracked()
	if s.Flags&command.GetsPushes != 0 {
		w.catchUp(s)
	}
}

// trimEffort is the number of keys that are forgotten at a time when too many are
// remembered; each time that it was not enough adds as many.
const trimEffort = 100

// trimTracked keeps the number of keys that are remembered within the limit.
func (w *Worker) trimTracked() {
	limit := w.settings.TrackingMax
	if !w.e.Tracking.Over(limit) {
		w.trims = 0
		return
	}
	w.trims++
	if w.e.Tracking.Trim(limit, trimEffort*w.trims, &w.rng) {
		w.trims = 0
	}
}

// catchUp sends a session what has come for it, in front of the reply to come.
func (w *Worker) catchUp(s *command.Session) {
	if w.push(s); len(w.out.B) > w.replyAt {
		w.replyAt = len(w.out.B)
	}
}

// beginTracked is called with the locks of a command's keys, all of which are held. It
// returns what lockFor did, perhaps for locks taken anew.
func (w *Worker) beginTracked(s *command.Session, writes bool, keys, held []keyspace.Key) (all []keyspace.Key, ok bool) {
	if s.Flags&command.Tracking != 0 && s.Inbox != nil {
		for n := 0; s.Inbox.Waiting(); n++ {
			if n == catchUps {
				w.catchUp(s)
				break
			}
			w.locks.unlock(w.e.KS)
			w.catchUp(s)
			if held, ok = w.lockFor(s, writes, keys); !ok {
				return nil, false
			}
		}
	}
	w.actor.Client = s.Track
	w.locks.lendTellers(w.e.KS, &w.teller)
	return held, true
}

// remember notes what a command that reads has read, under the locks of its keys.
func (w *Worker) remember(s *command.Session, spec *command.Spec, keys []keyspace.Key) {
	if s.Flags&command.Tracking == 0 || spec.Flags&command.ReadOnly == 0 || spec.Flags&command.PubSub != 0 {
		return
	}
	mode, caching := s.Track.Mode(), s.Flags&command.Caching != 0
	if mode == nil || mode.Bcast || mode.OptIn && !caching || mode.OptOut && caching {
		return
	}
	for i := range keys {
		if w.holdsShard(keyspace.ShardOf(keys[i].Hash)) {
			w.e.Tracking.Remember(s.Track, keys[i])
		}
	}
}

// tellOwn lets the client learn behind the reply what its command has changed.
func (w *Worker) tellOwn(s *command.Session) {
	if w.actor.HasOwn() {
		s.Pushes = w.e.Tracking.Own(&w.actor, s.Pushes)
		s.Flags |= command.Pushed
	}
}

// endTracked is called before the locks are given back.
func (w *Worker) endTracked() {
	w.actor.Client = nil
	w.locks.returnTellers(w.e.KS)
}

// beginAlone and endAlone are beginTracked and endTracked for who is alone.
func (w *Worker) beginAlone(s *command.Session) {
	w.actor.Client = s.Track
	w.e.KS.LendTellers(&w.teller)
}

func (w *Worker) endAlone() {
	w.actor.Client = nil
	w.e.KS.ReturnTellers()
}

// forgetCaching ends what CLIENT CACHING said: it is about the next command that is no
// CLIENT, or the next transaction.
func forgetCaching(s *command.Session, spec *command.Spec) {
	if s.Flags&command.Caching != 0 && s.Txn == nil && (spec == nil || !isClient(spec)) {
		s.Flags &^= command.Caching
	}
}

func isClient(spec *command.Spec) bool {
	const name = "client"
	return spec.Name == name || spec.Parent != nil && spec.Parent.Name == name
}

// lockShard and unlockShard are for work that is no command's.
func (w *Worker) lockShard(shard int) {
	w.e.KS.Lock(shard)
	if w.unusual&tracked != 0 {
		w.e.KS.LendTeller(shard, &w.teller)
	}
}

func (w *Worker) unlockShard(shard int) {
	if w.unusual&tracked != 0 {
		w.e.KS.ReturnTeller(shard)
	}
	w.e.KS.Unlock(shard)
}

// Broadcasts reports whether changes wait for Broadcast. By the worker's goroutine, as
// Broadcast.
func (w *Worker) Broadcasts() bool { return !w.batch.Empty() }

// Broadcast tells the clients that listen to prefixes what has changed since the last
// call, in one message for each prefix. Called before the replies to the commands that
// did it are written, at the end of the loop's round.
//
// COMPAT: tracking-bcast: loops tell of their own changes.
func (w *Worker) Broadcast() { w.e.Tracking.Broadcast(&w.batch) }
