package engine

import (
	"kvorum/command"
	"kvorum/keyspace"
	"kvorum/tracking"
)

// Requests that wait for keys.
//
//	handler ── Block ──► block: into the queues of its keys, under their locks
//	a later command of anybody changes a key ──► its shard has a ready queue
//	same goroutine, same locks, after the command ──► serve: the handler again, for
//	the one who waits longest ──► Hooks.Deliver: the reply goes to its loop
//
// So nobody gets between a push and the client that waited for it. Who serves
// touches a copy of the session: its loop goes on with the session itself.

// block lets the request wait if its handler wants it to. The keys are locked.
func (w *Worker) block(s *command.Session) {
	c := &w.ctx
	from, to, until, ok := c.TakeBlock()
	if !ok {
		return
	}
	b := &command.Waiter{Sess: s, Copy: *s, Spec: c.Spec, UntilMs: until}
	b.Owner = b
	b.Gone = c.Spec.WaitsGone
	var q command.Txn
	q.Add(c.Spec, c.Args)
	b.Args = q.Queue[0].Args
	b.Keys = w.appendKeys(nil, b.Spec, b.Args)
	b.More = append(append(b.More, b.Keys[:from]...), b.Keys[to:]...)
	c.DB.Wait(&b.Wait, b.Keys[from:to])
	s.Wait = b
	s.Flags |= command.Blocked
}

// blockOrServe ends a command that may wait, or have others served. Keys are locked.
func (w *Worker) blockOrServe(s *command.Session, spec *command.Spec, keys []keyspace.Key) {
	if spec.MayBlock {
		w.block(s)
	}
	w.serveReady(keys, false)
}

// lockFor takes the locks of a command's keys and, if others wait for these who will
// need more to be served, of those, too: all before the first effect. It returns
// all keys whose shards are locked; ok is false when the request has to wait for a long
// command, and nothing is locked.
func (w *Worker) lockFor(s *command.Session, writes bool, keys []keyspace.Key) (held []keyspace.Key, ok bool) {
	ks := w.e.KS
	w.locks.lock(ks, keys)
	if !writes || !ks.Greedy() {
		return keys, true
	}
	held = w.lockMore(keys)
	return held, !w.waitsForPins(s, held)
}

// lockMore is lockFor when the locks of the keys themselves have been taken.
func (w *Worker) lockMore(keys []keyspace.Key) []keyspace.Key {
	ks := w.e.KS
	all := keys
	for {
		known := len(all)
		for _, k := range all {
			for _, more := range ks.AppendMore(nil, k) {
				if !w.locks.holds(keyspace.ShardOf(more.Hash)) {
					all = append(all[:len(all):len(all)], more)
				}
			}
		}
		if len(all) == known {
			return all
		}
		w.locks.unlock(ks)
		w.locks.lock(ks, all)
	}
}

// serveReady serves those who wait for keys that the running command has changed.
// The shards of keys are locked, or the world stands still when keys are nil.
func (w *Worker) serveReady(keys []keyspace.Key, alone bool) {
	if !w.e.KS.Waits() || w.unusual&halted != 0 {
		return
	}
	for again := true; again; {
		again = false
		if alone {
			for shard := range keyspace.ShardCount {
				again = w.serveShard(shard, alone) || again
			}
			continue
		}
		for i := range keys {
			again = w.serveShard(keyspace.ShardOf(keys[i].Hash), alone) || again
		}
	}
}

// serveShard serves those who wait for keys of a locked shard, and reports whether
// anybody was: then other keys may have changed.
func (w *Worker) serveShard(shard int, alone bool) (served bool) {
	for {
		ready, ok := w.e.KS.Ready(shard)
		if !ok {
			return served
		}
		for wait := ready.Next(); wait != nil; wait = ready.Next() {
			b := wait.Owner.(*command.Waiter)
			ok, short := w.serveOne(b, alone)
			if ok {
				wait.Served()
				served = true
				continue
			}
			wait.Unserved()
			if short {
				w.serveLater(b.Copy.DB, ready.Key())
				break // nobody overtakes it
			}
		}
	}
}

// lateKey is a key of a database: somebody waits for it, and is to look at it again.
type lateKey struct {
	db  *keyspace.DB
	key keyspace.Key
}

// serveLater has those who wait for a key looked at once the running command is over
// and its locks are free: an expired or evicted key is gone, or to serve them takes
// locks that it does not have.
func (w *Worker) serveLater(db *keyspace.DB, k keyspace.Key) {
	k.Bytes = append([]byte(nil), k.Bytes...)
	w.late = append(w.late, lateKey{db, k})
}

// serveLate does what serveLater was told, with the locks that it takes. The worker
// is in a batch and holds no lock.
func (w *Worker) serveLate() {
	list := w.late
	w.late = nil
	for _, l := range list {
		keys := []keyspace.Key{l.key}
		w.locks.lock(w.e.KS, keys)
		held := w.lockMore(keys)
		if w.e.KS.AnyPinnedOf(held) {
			w.late = append(w.late, l) // a long command reads one of them: after another batch
		} else {
			l.db.Signal(l.key)
			w.serveReady(held, false)
		}
		w.locks.unlock(w.e.KS)
	}
}

// serveOne tries to serve one request that waits, which is the caller's to try. short
// tells that it takes a lock more.
func (w *Worker) serveOne(b *command.Waiter, alone bool) (served, short bool) {
	c := &w.ctx
	saved, out, actor := *c, w.out, w.actor
	w.out.B, w.out.Proto = nil, b.Copy.Proto
	c.Begin(&b.Copy, b.Spec, b.Args)
	c.Keys = b.Keys
	c.Serving = true
	held := w.allHeld
	w.allHeld = alone
	w.actor = tracking.Actor{Client: b.Copy.Track, Batch: actor.Batch}
	errors := w.totals.Errors
	if w.feeding {
		w.ring.Begin()
	}
	b.Spec.Handler(c)
	_, _, _, blocked := c.TakeBlock()
	short = c.TakeShort()
	if c.Dirty > 0 {
		w.feed()
	}
	if w.feeding {
		w.ring.End()
	}
	if !blocked {
		w.remember(&b.Copy, b.Spec, b.Keys)
		if w.actor.HasOwn() {
			w.out.B = w.e.Tracking.Own(&w.actor, w.out.B)
		}
	}
	w.actor, w.allHeld = actor, false
	reply := w.out.B
	c.Serving = false
	w.allHeld = held
	w.totals.Errors = errors // what was replied counts when it reaches its loop
	buf, buf2 := c.Buf, c.Buf2
	*c, w.out = saved, out
	c.Buf, c.Buf2 = buf, buf2
	if blocked {
		return false, short
	}
	w.e.hooks.Deliver(b, reply)
	return true, false
}

// holdsShard reports whether a shard is locked by the running command.
func (w *Worker) holdsShard(shard int) bool { return w.allHeld || w.locks.holds(shard) }

// Released ends what is left of a wait that is over: the places in queues. The
// caller is on the session's loop, whose worker this is, and in no batch; it passes
// the gate, as who is exclusive walks all queues.
func (w *Worker) Released(s *command.Session) {
	if b := s.Wait; b != nil {
		w.e.gate.enter(w.flag)
		w.e.KS.Leave(&b.Wait)
		w.e.gate.leave(w.flag)
		s.Wait = nil
		s.Flags &^= command.Blocked
	}
}
