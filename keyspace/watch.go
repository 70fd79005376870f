package keyspace

import "sync/atomic"

// watchKey names a key across databases.
type watchKey struct {
	db  int
	key string
}

// Watcher is a client's interest in keys: it learns whether any of them was
// modified since it was watched. The zero value watches nothing.
type Watcher struct {
	dirty atomic.Bool
	keys  []watchKey
	hash  []uint64
}

// watch is one Watcher of a key, guarded by the lock of the key's shard.
type watch struct {
	w    *Watcher
	gone bool // the key is there but had expired when it was watched: its end changes nothing
}

// Dirty reports whether a watched key was modified. Safe from any goroutine.
func (w *Watcher) Dirty() bool { return w.dirty.Load() }

// Len returns the number of keys watched.
func (w *Watcher) Len() int { return len(w.keys) }

// Bytes returns about the memory that watching takes.
func (w *Watcher) Bytes() (n int) {
	for _, k := range w.keys {
		n += 2*len(k.key) + watchBytes
	}
	return n
}

// watchBytes is what a watched key takes besides its bytes, which are kept twice.
const watchBytes = 128

// Watch begins to watch a key of the database. The caller holds its shard's
// lock. Watching the same key twice is once.
func (db *DB) Watch(k Key, w *Watcher, nowMs int64) {
	wk := watchKey{db.index, string(k.Bytes)}
	for _, have := range w.keys {
		if have == wk {
			return
		}
	}
	s := &db.ks.shards[ShardOf(k.Hash)]
	if s.watchers == nil {
		s.watchers = make(map[watchKey][]watch)
	}
	s.watchers[wk] = append(s.watchers[wk], watch{w, db.stale(k, nowMs)})
	w.keys = append(w.keys, wk)
	w.hash = append(w.hash, k.Hash)
}

// stale reports whether a key is there that has expired.
func (db *DB) stale(k Key, nowMs int64) bool {
	e := db.Find(k)
	return e.OK() && e.Expired(nowMs)
}

// AppendKeys appends the keys watched to dst.
func (w *Watcher) AppendKeys(dst []Key) []Key {
	for i := range w.keys {
		dst = append(dst, Key{[]byte(w.keys[i].key), w.hash[i]})
	}
	return dst
}

// Expired reports whether a watched key has expired since, though nobody has
// removed it yet. The caller holds the locks of all of them.
func (w *Watcher) Expired(ks *Keyspace, nowMs int64) bool {
	for i, wk := range w.keys {
		k := Key{[]byte(wk.key), w.hash[i]}
		if !ks.dbs[wk.db].stale(k, nowMs) {
			continue
		}
		for _, have := range ks.shards[ShardOf(k.Hash)].watchers[wk] {
			if have.w == w && !have.gone {
				return true
			}
		}
	}
	return false
}

// Unwatch ends all of w's watches; w is clean afterwards. The caller holds no
// shard's lock.
func (ks *Keyspace) Unwatch(w *Watcher) {
	for i, wk := range w.keys {
		s := &ks.shards[ShardOf(w.hash[i])]
		s.mu.Lock()
		s.remove(wk, w)
		s.mu.Unlock()
	}
	w.keys, w.hash = w.keys[:0], w.hash[:0]
	w.dirty.Store(false)
}

func (s *Shard) remove(wk watchKey, w *Watcher) {
	list := s.watchers[wk]
	for i, have := range list {
		if have.w == w {
			list[i] = list[len(list)-1]
			list[len(list)-1] = watch{}
			list = list[:len(list)-1]
			break
		}
	}
	if len(list) > 0 {
		s.watchers[wk] = list
		return
	}
	delete(s.watchers, wk)
	if len(s.watchers) == 0 {
		s.watchers = nil
	}
}

// modified is called after every change of a key, under its shard's lock: the
// one place where watches, those who wait and the clients that cache learn of it.
func (db *DB) modified(k Key) {
	s := &db.ks.shards[ShardOf(k.Hash)]
	if s.teller != nil {
		s.teller.Changed(db.index, k)
	}
	if s.watchers != nil {
		db.wake(s, k)
	}
	if s.waited != nil {
		db.signal(s, k)
	}
}

func (db *DB) wake(s *Shard, k Key) {
	list := s.watchers[watchKey{db.index, string(k.Bytes)}]
	for i := range list {
		if list[i].gone && !db.Find(k).OK() {
			list[i].gone = false // it was gone already: nothing has changed
			continue
		}
		list[i].w.dirty.Store(true)
	}
}

// touchWatched marks the watches of all keys of a database that exist in it, or
// in other, whose data it is about to get: FLUSHALL (other is nil) and SWAPDB. What
// has expired on one side counts as absent there. The caller is exclusive.
func (ks *Keyspace) touchWatched(db, other *DB, nowMs int64) {
	for i := range ks.shards {
		for wk, list := range ks.shards[i].watchers {
			if wk.db != db.index {
				continue
			}
			k := ks.Key([]byte(wk.key))
			was := db.Find(k).OK()
			comes := other != nil && other.Find(k).OK()
			for n := range list {
				switch {
				case !was && !comes:
				case list[n].gone && !comes:
					list[n].gone = false
				case (list[n].gone || !was) && other.stale(k, nowMs):
					list[n].gone = true
				default:
					list[n].w.dirty.Store(true)
				}
			}
		}
	}
}
