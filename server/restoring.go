package server

import (
	"sync"

	"kvorum/feed"
	"kvorum/repl"
)

// A server that starts with data of which the file says what history they are a state
// of goes on with that history: as a replica it asks its master for the rest of the
// stream; as a master it begins a history of its own that the replicas of the old one
// can go on with, for which what expired in the meantime is in the stream.

// restoring takes a history over.
type restoring struct {
	r       *replication
	history history
	replica bool
	begun   bool

	mu   sync.Mutex // the keys of a file are made by several goroutines
	ring *feed.Ring
	name []byte
}

// loadRestoring loads the file of the configuration when the server starts.
func (s *Server) loadRestoring() error {
	t := &restoring{r: s.repl, replica: s.eng.IsReplica()}
	if err := s.loadRDB(loadOptions{optional: true, keepDue: t.replica, restore: t}); err != nil {
		return err
	}
	t.end()
	return nil
}

// begin is told the history, before the first key.
func (t *restoring) begin(h history) {
	if t.begun || len(h.id) != repl.IDLen || h.offset < 0 || h.db < 0 {
		return
	}
	t.begun, t.history = true, h
	s := t.r.s
	s.eng.Exclusive(func() {
		s.eng.Feed.Reset(h.offset)
		s.feedFor(feedReplicas, true)
	})
	if !t.replica {
		t.ring, t.name = s.eng.Feed.NewRing(), []byte("DEL")
		if s.eng.Settings().LazyExpire {
			t.name = []byte("UNLINK")
		}
	}
}

// gone tells the replicas to come of a key that is no longer there. key is borrowed.
func (t *restoring) gone(db int, key []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ring != nil {
		t.ring.Append(db, t.name, key)
		t.ring.FlushLazy()
		t.ring.Throttle()
	}
}

// end puts the history in force when all is loaded.
func (t *restoring) end() {
	if !t.begun {
		return
	}
	if t.ring != nil {
		t.ring.Flush()
		t.ring.Close()
	}
	r := t.r
	if db := r.s.ks.DB(t.history.db); db != nil {
		r.apply.session.DB = db
	}
	now := r.NowMs()
	r.driver.Prepare(func(m *repl.Machine) { m.Restore(now, t.history.id, t.history.offset) })
}
