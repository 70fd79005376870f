package keyspace

import (
	"runtime"
	"sync/atomic"
)

// Waiting for keys. A client that waits for one of several keys stands in the queue
// of each, in the shard of the key, in the order of arrival. Whoever changes a key
// that is waited for finds its queue on the shard's list of ready ones before it
// gives the lock back, and serves those who wait.

// The states of a Wait.
const (
	waiting uint32 = iota
	trying         // somebody looks whether it can be served
	done           // it was served, or gave up
)

// Wait is one client that waits. Its places in queues are guarded by their shards.
type Wait struct {
	Owner any // who waits; for the owner of the keyspace
	// More are keys that will be needed, besides those waited for, to serve it.
	More []Key
	// Gone tells that it waits for the keys to go, too: for INFO.
	Gone  bool
	state atomic.Uint32
	nodes []waitNode
}

// waitNode is the place of a Wait in the queue of one key.
type waitNode struct {
	w          *Wait
	q          *queue
	prev, next *waitNode
}

// queue is who waits for one key of one database, the first come at its head.
type queue struct {
	db         int
	key        Key // its own bytes
	head, tail *waitNode
	ready      bool   // on the shard's list
	other      *queue // of a key with the same hash: the same key of another database, nearly always
}

// Wait puts w into the queue of each of the keys. The caller holds the locks of
// their shards. The bytes of the keys are copied.
func (db *DB) Wait(w *Wait, keys []Key) {
	w.nodes = make([]waitNode, 0, len(keys))
	for _, k := range keys {
		q := db.queueOf(k, true)
		if q.tail != nil && q.tail.w == w {
			continue // the same key twice
		}
		w.nodes = append(w.nodes, waitNode{w: w, q: q, prev: q.tail})
		n := &w.nodes[len(w.nodes)-1]
		if q.tail != nil {
			q.tail.next = n
		} else {
			q.head = n
		}
		q.tail = n
	}
	db.ks.waits.Add(1)
	if len(w.More) > 0 {
		db.ks.greedy.Add(1)
	}
}

// Greedy reports whether a command that writes must look further than at its keys:
// somebody waits who will need others, too, or keys are pinned. Safe from any
// goroutine.
func (ks *Keyspace) Greedy() bool { return ks.greedy.Load() > 0 }

// AppendMore appends the keys that those who wait for k will need besides, in
// whichever database they wait: a command may change k in others than its client's.
// The caller holds the lock of k's shard.
func (ks *Keyspace) AppendMore(dst []Key, k Key) []Key {
	for q := ks.queuesOf(k.Hash); q != nil; q = q.other {
		if string(q.key.Bytes) != string(k.Bytes) {
			continue
		}
		for n := q.head; n != nil; n = n.next {
			dst = append(dst, n.w.More...)
		}
	}
	return dst
}

// Awaited reports whether anybody waits for a key. The caller holds the lock of its
// shard.
func (db *DB) Awaited(k Key) bool {
	return db.queueOf(k, false) != nil
}

// queueOf returns the queue of a key, a new one if it has none and make is set.
func (db *DB) queueOf(k Key, create bool) *queue {
	first := db.ks.queuesOf(k.Hash)
	for q := first; q != nil; q = q.other {
		if q.db == db.index && string(q.key.Bytes) == string(k.Bytes) {
			return q
		}
	}
	if !create {
		return nil
	}
	q := &queue{db: db.index, key: Key{append([]byte(nil), k.Bytes...), k.Hash}, other: first}
	s := &db.ks.shards[ShardOf(k.Hash)]
	if s.waited == nil {
		s.waited = &waited{byHash: make(map[uint64]*queue)}
	}
	s.waited.put(q, &db.ks.filters[ShardOf(k.Hash)])
	return q
}

// signal puts the queue of a key that has changed, if there is one, on its shard's
// list.
func (db *DB) signal(s *Shard, k Key) {
	if q := db.queueOf(k, false); q != nil && !q.ready {
		q.ready = true
		s.ready = append(s.ready, q)
	}
}

// Signal lets those who wait for a key look at it, though its value was not changed
// for those who watch it. The caller holds the lock of the key's shard.
func (db *DB) Signal(k Key) {
	if db.ks.Waits() {
		db.signal(&db.ks.shards[ShardOf(k.Hash)], k)
	}
}

// Waits reports whether anybody waits for any key. Safe from any goroutine.
func (ks *Keyspace) Waits() bool { return ks.waits.Load() > 0 }

// Ready takes a queue off the list of a shard, whose lock the caller holds, and
// reports whether there was one. Serve then goes through it.
func (ks *Keyspace) Ready(shard int) (r Ready, ok bool) {
	s := &ks.shards[shard]
	for len(s.ready) > 0 {
		q := s.ready[0]
		s.ready[0] = nil
		if s.ready = s.ready[1:]; len(s.ready) == 0 {
			s.ready = nil
		}
		q.ready = false
		if q.head != nil {
			return Ready{q.head, q}, true
		}
		ks.dropQueue(s, q)
	}
	return Ready{}, false
}

// Ready walks those who wait for a key, the first come first. The shard of the key
// stays locked.
type Ready struct {
	n *waitNode
	q *queue
}

// Key returns the key. Its bytes are borrowed while anybody waits for it.
func (r *Ready) Key() Key { return r.q.key }

// Next returns the next one that waits still, for the caller alone to try to
// serve: it must call Served or Unserved. nil at the end.
func (r *Ready) Next() *Wait {
	for r.n != nil {
		w := r.n.w
		r.n = r.n.next
		if w.claim() {
			return w
		}
	}
	return nil
}

// claim makes w the caller's to try, unless it is done. Somebody else may be
// trying: that is a matter of microseconds, and does not wait for any lock.
func (w *Wait) claim() bool {
	for {
		switch {
		case w.state.CompareAndSwap(waiting, trying):
			return true
		case w.state.Load() == done:
			return false
		}
		runtime.Gosched()
	}
}

// Served ends the waiting. The places in queues stay until Leave.
func (w *Wait) Served() { w.state.Store(done) }

// Unserved lets w wait on.
func (w *Wait) Unserved() { w.state.Store(waiting) }

// GiveUp ends the waiting unless it has ended, and reports whether it did: false
// when w was served. The caller holds no lock of a shard.
func (w *Wait) GiveUp() bool {
	if !w.claim() {
		return false
	}
	w.state.Store(done)
	return true
}

// Leave takes a Wait that is done out of all queues. Called once; the caller holds
// no lock of a shard.
func (ks *Keyspace) Leave(w *Wait) {
	for i := range w.nodes {
		n := &w.nodes[i]
		shard := ShardOf(n.q.key.Hash)
		ks.Lock(shard)
		n.unlink()
		if n.q.head == nil {
			ks.dropQueue(&ks.shards[shard], n.q)
		}
		ks.Unlock(shard)
	}
	ks.waits.Add(-1)
	if len(w.More) > 0 {
		ks.greedy.Add(-1)
	}
}

func (n *waitNode) unlink() {
	if n.prev != nil {
		n.prev.next = n.next
	} else {
		n.q.head = n.next
	}
	if n.next != nil {
		n.next.prev = n.prev
	} else {
		n.q.tail = n.prev
	}
}

// dropQueue forgets an empty queue.
func (ks *Keyspace) dropQueue(s *Shard, q *queue) {
	if q.ready {
		return // it is found empty, and goes with its next client
	}
	id, byHash := q.key.Hash, s.waited.byHash
	if byHash[id] == q {
		if q.other == nil {
			delete(byHash, id)
		} else {
			byHash[id] = q.other
		}
	} else {
		for p := byHash[id]; p != nil; p = p.other {
			if p.other == q {
				p.other = q.other
				break
			}
		}
	}
	if len(byHash) == 0 {
		s.waited = nil
	}
}

// WaitedKeys returns the number of keys that are waited for. The world stands still.
func (ks *Keyspace) WaitedKeys() (n int) {
	for i := range ks.shards {
		for _, q := range ks.shards[i].queues() {
			for ; q != nil; q = q.other {
				if q.head != nil {
					n++
				}
			}
		}
	}
	return n
}

// WaitedKeysGone is WaitedKeys for those keys that somebody waits for to go, too.
func (ks *Keyspace) WaitedKeysGone() (n int) {
	for i := range ks.shards {
		for _, q := range ks.shards[i].queues() {
			for ; q != nil; q = q.other {
				if q.waitsGone() {
					n++
				}
			}
		}
	}
	return n
}

func (q *queue) waitsGone() bool {
	for n := q.head; n != nil; n = n.next {
		if n.w.Gone {
			return true
		}
	}
	return false
}

// signalAll puts the queues of all keys of a database on the lists of their shards:
// its data have been exchanged or flushed. The world stands still.
func (ks *Keyspace) signalAll(db *DB) {
	for i := range ks.shards {
		s := &ks.shards[i]
		for _, q := range s.queues() {
			for ; q != nil; q = q.other {
				if q.db == db.index && !q.ready {
					q.ready = true
					s.ready = append(s.ready, q)
				}
			}
		}
	}
}
