package server

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"kvorum/internal/invariants"
	"kvorum/keyspace"
	"kvorum/rdb"
	"kvorum/repl"
	"kvorum/snapshot"
)

// Snapshots between master and replica: what package rdb writes and reads.

// spoolFile makes a file without a name: in the server's folder, or where there is room
// for such, so that a full or read-only disk does not keep replicas from being fed.
func (s *Server) spoolFile() (*os.File, error) {
	var first error
	for _, dir := range []string{s.persist.settings.Load().dir, os.TempDir(), "/dev/shm"} {
		f, err := os.CreateTemp(dir, "temp-sync-*.rdb")
		if err != nil {
			first = cmp.Or(first, err)
			continue
		}
		if err := os.Remove(f.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.log.Warningf("Can't remove %s: %s", filepath.Base(f.Name()), strerror(err))
		}
		return f, nil
	}
	return nil, first
}

// walksRetry is the time between attempts to begin a snapshot while others are under way.
const walksRetry = 100 * time.Millisecond

// writeSyncSnapshot writes the data for replicas. begun is told the offset of the cut.
func (s *Server) writeSyncSnapshot(p *syncSnapshot, filter string, begun func(offset int64)) error {
	set := *s.persist.settings.Load()
	set.syncOften = false
	form := s.dumpForm(&set)
	var cut syncCut
	for {
		err := s.cutForReplicas(&cut, form, filter == "")
		if err == nil {
			break
		}
		if !errors.Is(err, keyspace.ErrWalks) || p.isStopped() {
			return err
		}
		time.Sleep(walksRetry)
	}
	stepBack() // only now: in the cut others wait for this thread
	if err := p.keep(cut.stream); err != nil {
		if cut.snap != nil {
			cut.snap.Cancel(err)
		}
		return err
	}
	begun(cut.offset)
	w := &rdbFile{s: s, set: &set, f: p, more: cut.aux, stopped: p.isStopped}
	w.noFunctions = filter != "" && filter != filterFunctions
	if cut.snap == nil { // there is nothing but data to filter: functions are in the head
		return w.content(form, func(*rdb.Form, walkSink) error { return nil })
	}
	p.begun(cut.snap)
	err := w.content(form, walkOf(cut.snap, cut.sizes))
	if err != nil {
		cut.snap.Cancel(err)
	}
	return err
}

// syncCut is the cut of a snapshot for replicas.
type syncCut struct {
	snap   *snapshot.Snapshot // nil: without data
	offset int64
	stream *streamWriter // keeps what follows
	sizes  []dbSize
	aux    [][2]string
}

// cutForReplicas makes the cut. Error: keyspace.ErrWalks.
func (s *Server) cutForReplicas(cut *syncCut, form *rdb.Form, data bool) (err error) {
	s.eng.Exclusive(func() {
		if data {
			if cut.snap, err = s.eng.BeginSnapshot(form); err != nil {
				return
			}
		}
		cut.offset = s.eng.Feed.Cut()
		if cut.stream, err = s.repl.onDisk.prepare(cut.offset); err != nil {
			invariants.Fail("server: a cut at %d that is not in the stream: %v", cut.offset, err)
		}
		cut.sizes, cut.aux = s.dbSizes(), s.repl.aux(cut.offset)
	})
	return err
}

// keep has the stream behind the cut kept until nobody else will want the snapshot.
func (p *syncSnapshot) keep(stream *streamWriter) error {
	hold, err := stream.d.hold(stream)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.free {
		hold.release()
		return errSnapshotStopped
	}
	p.stream = hold
	return nil
}

// closeAside closes a large file without a name: to free its blocks takes tens of
// milliseconds, for which nobody waits.
func (s *Server) closeAside(f *os.File) {
	go s.guard(nil, func() {
		stepBack()
		f.Close()
	})
}

// begun makes a snapshot known to those who may stop it, and stops it if that has been
// asked for already.
func (p *syncSnapshot) begun(snap *snapshot.Snapshot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.snap = snap
	if p.stopped {
		snap.Cancel(errSnapshotStopped)
	}
}

// isStopped reports whether nobody wants the snapshot any more.
func (p *syncSnapshot) isStopped() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stopped
}

// WriteBack implements savedTo.
func (p *syncSnapshot) WriteBack(int64, int64, bool) error { return nil }

// Sync implements savedTo.
func (p *syncSnapshot) Sync() error { return nil }

// history is what a file says of the history that its data are a state of.
type history struct {
	id     string // "" if it does not say
	offset int64
	db     int // that the stream has selected there
}

// streamDB returns the database that the stream has selected at its end, if it is a
// master's that goes on there; else 0, as what a master feeds next begins with a SELECT.
// The world stands still.
func (r *replication) streamDB() int {
	if r.s.eng.IsReplica() {
		return r.apply.session.DB.Index()
	}
	return 0
}

// aux returns the fields that tell that of the data at an offset. The world stands still.
func (r *replication) aux(offset int64) (list [][2]string) {
	db := r.streamDB()
	r.driver.Ask(func(m *repl.Machine) {
		if id := m.Saved(); id != "" {
			list = [][2]string{{"repl-stream-db", strconv.Itoa(db)}, {"repl-id", id}, {"repl-offset", strconv.FormatInt(offset, 10)}}
		}
	})
	return list
}

// loadPayload loads what a master sends into databases of their own, and returns the
// number of keys and the history. alive is called from time to time.
func (s *Server) loadPayload(in io.Reader, dbs []*keyspace.DB, alive func()) (int64, history, error) {
	l := s.newLoader(in, "of the master", loadOptions{dbs: dbs, keepDue: true, alive: alive}, &loadProgress{startMs: s.clock.NowMs()})
	s.log.Noticef("MASTER <-> REPLICA sync: Loading DB in memory")
	err := l.run()
	s.persist.keysLoaded.Store(l.loaded.Load())
	s.persist.keysExpired.Store(l.expired.Load())
	if err != nil {
		l.explain(err)
		return 0, history{}, err
	}
	s.log.Noticef("Done loading RDB, keys loaded: %d, keys expired: %d.", l.loaded.Load(), l.expired.Load())
	return l.loaded.Load(), l.history, nil
}
