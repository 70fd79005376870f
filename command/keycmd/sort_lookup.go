package keycmd

import (
	"bytes"

	"kvorum/command"
	"kvorum/keyspace"
	"kvorum/object"
	"kvorum/object/hash"
	"kvorum/resp"
)

// lookupHere looks keys up whose shards the command has locked: all of one moment.
type lookupHere struct {
	c   *command.Ctx
	key []byte
}

func (l *lookupHere) find(p *sortPattern, elem []byte) (value []byte, ok bool) {
	if !p.derived {
		return nil, false
	}
	l.key = p.appendKey(l.key[:0], elem)
	k := l.c.KS.Key(l.key)
	e := l.c.ReadKey(k)
	if p.field != nil && e.OK() {
		l.c.DueField(k, &e, p.field)
	}
	return p.valueOf(e, l.c.FieldsNow(), l.c.Scratch[:])
}

func (l *lookupHere) pause() {}

// valueOf returns what the pattern means of a key: borrowed, or formatted into
// scratch. A field of a hash that was due before nowMs is gone.
func (p *sortPattern) valueOf(e keyspace.Entry, nowMs int64, scratch []byte) (value []byte, ok bool) {
	switch {
	case !e.OK():
		return nil, false
	case p.field == nil:
		if e.Type() != object.String {
			return nil, false
		}
		return object.StringView(e.Rec, scratch), true
	case e.Type() != object.Hash:
		return nil, false
	}
	h := hash.OpenAt(e.Rec, nowMs)
	return h.Get(p.field, scratch)
}

// sortTask is a SORT that has left the loop. It copies the source in slices, so that
// others are served meanwhile, and begins again if the source changes between two:
// what is sorted was the value at one moment. Keys that BY and GET mean are looked at
// one by one, each at a moment of its own.
//
// COMPAT: sort-moment: the keys that a long SORT derives may change meanwhile.
type sortTask struct {
	sorter
	pass    command.Pass
	key     keyspace.Key
	sess    *command.Session
	watcher keyspace.Watcher

	name    []byte // of the key looked up
	copied  []byte // its value
	left    int    // look-ups until others may go through the gate
	scratch [64]byte
}

const (
	// loadSlice is the number of elements that are copied under one lock.
	loadSlice = 500
	// loadTries is how often a source that is being changed is copied in slices,
	// before it is copied under one lock.
	loadTries = 4
	// passSlice is the number of look-ups between two of which the gate may close.
	passSlice = 64
)

// leave lets the rest of a SORT go on off the loop.
func (s *sorter) leave(c *command.Ctx) {
	s.keep()
	t := &sortTask{sorter: *s, pass: c.World.Pass(), sess: c.Sess}
	t.forget()
	t.key = keyspace.Key{Bytes: bytes.Clone(c.Args[1]), Hash: c.Keys[0].Hash}
	c.Sess.Task = t.run
}

func (t *sortTask) run(w *resp.Writer) {
	defer t.pass.Close()
	if !t.load() {
		w.Err(command.ErrWrongType)
		return
	}
	ok := t.arrange(t)
	if ok {
		t.reply(w, t)
	} else {
		w.Err(errNotDouble)
	}
}

// load copies the source as it is at one moment. It returns false if that is a value
// of another type by now.
func (t *sortTask) load() (ok bool) {
	for range loadTries {
		done, ok := t.loadSlices(loadSlice)
		if done {
			return ok
		}
	}
	_, ok = t.loadSlices(1 << 62)
	return ok
}

// loadSlices copies the source in slices. done is false if it has changed meanwhile.
func (t *sortTask) loadSlices(slice int) (done, ok bool) {
	defer func() {
		t.pass.Enter()
		t.ks.Unwatch(&t.watcher)
		t.pass.Leave()
	}()
	options := t.sortOptions
	for at := 0; at >= 0; {
		t.lock()
		e := t.db.Find(t.key)
		switch {
		case t.watcher.Dirty():
			t.unlock()
			t.sortOptions = options
			return false, false
		case at == 0 && t.watcher.Len() == 0:
			if !e.OK() || e.Expired(t.now) {
				t.unlock()
				t.forget()
				t.from, t.to = 0, 0
				return true, true
			}
			if !sortable(e) {
				t.unlock()
				return true, false
			}
			t.begin(e)
			t.db.Watch(t.key, &t.watcher, t.now)
		}
		at = t.loadSome(e, at, slice)
		t.unlock()
	}
	return true, true
}

func (t *sortTask) lock() {
	t.pass.Enter()
	t.ks.Lock(keyspace.ShardOf(t.key.Hash))
}

func (t *sortTask) unlock() {
	t.ks.Unlock(keyspace.ShardOf(t.key.Hash))
	t.pass.Leave()
}

// find implements lookup, under the lock of the one key.
func (t *sortTask) find(p *sortPattern, elem []byte) (value []byte, ok bool) {
	if !p.derived {
		return nil, false
	}
	if t.left == 0 {
		t.pass.Enter()
		t.left = passSlice
	}
	t.name = p.appendKey(t.name[:0], elem)
	k := t.ks.Key(t.name)
	shard := keyspace.ShardOf(k.Hash)
	t.ks.Lock(shard)
	e := t.db.Find(k)
	if e.OK() && e.Expired(t.now) {
		e = keyspace.Entry{}
	}
	value, ok = p.valueOf(e, t.now, t.scratch[:])
	t.copied = append(t.copied[:0], value...)
	t.sess.Unfinished.Looked(e.OK())
	t.ks.Unlock(shard)
	if t.left--; t.left == 0 {
		t.pass.Leave()
	}
	return t.copied, ok
}

// pause ends the slice of look-ups that has begun.
func (t *sortTask) pause() {
	if t.left > 0 {
		t.left = 0
		t.pass.Leave()
	}
}
