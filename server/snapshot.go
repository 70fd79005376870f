package server

import (
	"kvorum/rdb"
	"kvorum/snapshot"
)

// dbSize is how many keys a database has, and how many of them are volatile.
type dbSize struct{ keys, volatile int64 }

// dbSizes returns the sizes of all databases. The world stands still.
func (s *Server) dbSizes() (out []dbSize) {
	for i := range s.ks.DBCount() {
		db := s.ks.DB(i)
		out = append(out, dbSize{db.Len(), db.VolatileLen()})
	}
	return out
}

// fromSnapshot gives the keys of a snapshot to the sink of a walk.
type fromSnapshot struct {
	to    walkSink
	sizes []dbSize // at the cut
	db    int      // the present one, -1 at the start
	open  bool     // a key has come in part
}

// Keys implements snapshot.Sink.
func (f *fromSnapshot) Keys(db int, frames []byte, more bool) error {
	if f.open {
		f.open = more
		return f.to.Frames(frames, 0)
	}
	f.open = more
	if db != f.db {
		f.db = db
		if err := f.to.Database(db, f.sizes[db].keys, f.sizes[db].volatile); err != nil {
			return err
		}
	}
	return f.to.Frames(frames, 1)
}

// walkOf returns the walk of a snapshot whose cut has been made, which the loops carry
// on. sizes are those at the cut.
func walkOf(snap *snapshot.Snapshot, sizes []dbSize) walk {
	return func(_ *rdb.Form, to walkSink) error {
		return snap.Run(&fromSnapshot{to: to, sizes: sizes, db: -1})
	}
}

// exclusiveStep is how many bytes are copied between looks at the encoder while the
// world stands still.
const exclusiveStep = 256 << 10

// walkExclusive walks while the world stands still: the caller copies, another
// goroutine does the rest.
func (s *Server) walkExclusive(form *rdb.Form, to walkSink) error {
	snap, err := snapshot.Begin(s.ks, form)
	if err != nil {
		return s.walkPlain(form, to) // others are walking: what they hold is theirs
	}
	all, result := walkOf(snap, s.dbSizes()), make(chan error, 1)
	go s.guard(nil, func() { result <- all(form, to) })
	for more := true; more; {
		var n int
		if n, more = snap.Step(exclusiveStep); more && n == 0 {
			<-snap.Drained()
		}
	}
	return <-result
}
