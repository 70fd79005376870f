package engine

import (
	"sync"
	"sync/atomic"

	"kvorum/command"
	"kvorum/keyspace"
)

// A replica whose clients may write: keys that expire by a client's wish, not by the
// master's, are in no stream, so nobody else will delete them. They are remembered, and
// deleted here when they are due.

const (
	// ownLook is how many of them are looked at in a slice.
	ownLook = 64
	// ownMost bounds how many are remembered; what comes beyond stays, unseen.
	ownMost = 1 << 22
)

// ownKeys are the keys that expire by the wish of a replica's clients.
type ownKeys struct {
	count atomic.Int64
	mu    sync.Mutex
	keys  map[ownKey]struct{}
}

type ownKey struct {
	db  int
	key string
}

// OwnExpiring returns how many keys a writable replica will delete by itself.
// COMPAT: repl-own-keys: each of its own.
func (e *Engine) OwnExpiring() int64 { return e.own.count.Load() }

// noteOwn remembers the keys of the running command that have a due time now. The locks
// of the keys are held.
func (w *Worker) noteOwn() {
	c := &w.ctx
	if c.Sess.Flags&command.Internal != 0 {
		return
	}
	for _, k := range c.Keys {
		e := c.DB.Find(k)
		if !e.OK() || e.Due() < 0 {
			continue
		}
		own := &w.e.own
		own.mu.Lock()
		if own.keys == nil {
			own.keys = make(map[ownKey]struct{})
		}
		if len(own.keys) < ownMost {
			own.keys[ownKey{c.DB.Index(), string(k.Bytes)}] = struct{}{}
		}
		own.count.Store(int64(len(own.keys)))
		own.mu.Unlock()
	}
}

// expireOwn deletes some of the remembered keys that are due, and forgets those that do
// not expire any more.
func (w *Worker) expireOwn() {
	own := &w.e.own
	if own.count.Load() == 0 || !w.e.activity.activeExpire.Load() {
		return
	}
	var list [ownLook]ownKey
	n := 0
	own.mu.Lock()
	for k := range own.keys {
		list[n] = k
		if n++; n == ownLook {
			break
		}
	}
	own.mu.Unlock()
	w.beginInternal()
	kept := w.ctx.KeepExpired
	w.ctx.KeepExpired = false
	for i := range list[:n] {
		if w.expireOne(&list[i]) {
			own.mu.Lock()
			delete(own.keys, list[i])
			own.count.Store(int64(len(own.keys)))
			own.mu.Unlock()
		}
	}
	w.ctx.KeepExpired = kept
}

// expireOne deletes a key if it is due, and reports whether it need not be remembered.
func (w *Worker) expireOne(o *ownKey) (done bool) {
	db, k := w.e.KS.DB(o.db), w.e.KS.Key([]byte(o.key))
	shard := keyspace.ShardOf(k.Hash)
	w.lockShard(shard)
	defer w.unlockShard(shard)
	e := db.Find(k)
	switch {
	case !e.OK(), e.Due() < 0:
		return true
	case !e.Expired(w.nowMs), w.e.KS.Pinned(k):
		return false
	}
	w.ctx.Expire(db, k, e)
	return true
}
