package server

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"

	"kvorum/command"
	"kvorum/engine"
)

// The side of a replica: what its master sends becomes its data. The link's goroutine
// has a worker of its own and executes the stream itself, batch by batch.

// COMPAT: repl-load: always beside the data that there are.

// applier executes a master's stream.
type applier struct {
	worker  *engine.Worker
	session *command.Session
	warned  int64 // when it was last told that the disk fails
}

func newApplier(e *engine.Engine) *applier {
	s := e.NewSession(nil)
	s.Flags |= command.Internal | command.MasterLink | command.Authenticated
	return &applier{session: s}
}

// transferred counts the payload that is being received, and all that came from masters.
type transferred struct {
	total, read atomic.Int64
	all         atomic.Uint64
}

// Load implements driver.Node.
func (r *replication) Load(in io.Reader, size int64, alive func()) (keys, kept int64, err error) {
	r.received.total.Store(size)
	r.received.read.Store(0)
	fresh := r.s.ks.NewDetached()
	keys, r.loaded, err = r.s.loadPayload(&countedReader{in, &r.received}, fresh, alive)
	if err != nil {
		r.s.log.Warningf("Failed trying to load the MASTER synchronization DB from socket, check server logs.")
		r.s.ks.FreeDetached(fresh)
		return 0, 0, err
	}
	r.fresh = fresh
	r.s.eng.Exclusive(func() {
		for _, size := range r.s.dbSizes() {
			kept += size.keys
		}
	})
	return keys, kept, nil
}

type countedReader struct {
	in io.Reader
	n  *transferred
}

func (c *countedReader) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.n.read.Add(int64(n))
	c.n.all.Add(uint64(n))
	return n, err
}

// transfer returns how large the payload is and how much of it is here.
func (r *replication) transfer() (total, read int64) {
	return r.received.total.Load(), r.received.read.Load()
}

// Adopt implements driver.Node. The log begins anew with the new data.
func (r *replication) Adopt(offset int64) {
	r.s.aof.restart(func() {
		r.s.undisturbed(func() {
			r.s.ks.Adopt(r.fresh, r.s.clock.NowMs())
			r.s.eng.Tracking.Flushed(nil)
			r.s.feedFor(feedReplicas, true)
			r.s.eng.Feed.Reset(offset)
			r.onDisk.clear()
			// A master that is a replica itself cannot say which database its stream is
			// about: the snapshot does.
			r.apply.session.DB = r.s.ks.DB(0)
			if db := r.s.ks.DB(r.loaded.db); db != nil {
				r.apply.session.DB = db
			}
		})
	})
	r.fresh = nil
}

// Discard implements driver.Node.
func (r *replication) Discard() {
	if r.fresh != nil {
		r.s.ks.FreeDetached(r.fresh)
		r.fresh = nil
	}
}

// BeginApply implements driver.Node. The session outlives the link: a stream that is
// continued does not say again which database it is about.
func (r *replication) BeginApply(conn net.Conn) {
	r.apply.worker = r.s.eng.NewWorker()
	link := r.newMasterConn(conn)
	r.apply.session.Peer = link
	r.link.Store(link)
}

// Apply implements driver.Node.
func (r *replication) Apply(stream []byte) (used int, asked bool, err error) {
	if r.s.eng.WritesRefused() {
		r.s.applyUnsaved()
	}
	s := r.apply.session
	used, err = r.apply.worker.Replicate(s, stream)
	r.received.all.Add(uint64(used))
	link := r.link.Load()
	link.note(s, r.s.clock.NowMs())
	if err != nil {
		link.logCorrupt(err, stream[used:])
	}
	asked = s.Flags&command.AckAsked != 0
	s.Flags &^= command.AckAsked
	return used, asked, err
}

// Hold implements driver.Node: CLIENT PAUSE is for the master, too.
func (r *replication) Hold(waiting int) bool {
	held := r.s.eng.PauseLeftMs(r.s.clock.NowMs()) > 0
	if !held {
		waiting = 0 // it is executed at once
	}
	r.held.Store(int64(waiting))
	return held
}

// EndApply implements driver.Node.
func (r *replication) EndApply() {
	r.held.Store(0)
	a := r.apply
	r.link.Store(nil)
	a.session.Peer = nil
	a.worker.Forget(a.session)
	a.worker.Close()
	a.worker = nil
}

// diverged is the engine's hook for commands of the master's stream that fail here.
func (s *Server) diverged(args [][]byte, reply []byte) {
	name := s.canonicalName(args)
	s.log.Warningf("== CRITICAL == This replica is sending an error to its master: '%s' after processing the command '%s'",
		strings.TrimPrefix(trimReply(reply), "-ERR "), name)
	if s.repl.settings.Load().panics {
		panic(fmt.Sprintf("This replica panicked sending an error to its master after processing the command '%s'", name))
	}
}

// canonicalName returns the name of a command as its row says it.
func (s *Server) canonicalName(args [][]byte) string {
	if spec := s.table.Lookup(args[0]); spec != nil {
		return spec.FullName()
	}
	return "<unknown>"
}

// unsavedEvery is the time between two lines about data that cannot be saved.
const unsavedEvery = 10 * msPerSec

// applyUnsaved deals with a master's stream that arrives while the disk fails: the
// configuration says whether the server goes on. By the link's goroutine.
func (s *Server) applyUnsaved() {
	if !s.repl.settings.Load().ignoreDisk {
		panic("Replica was unable to write command to disk.")
	}
	if now := s.repl.NowMs(); now-s.repl.apply.warned >= unsavedEvery {
		s.repl.apply.warned = now
		s.log.Warningf("Replica is applying a command even though it is unable to write to disk.")
	}
}

func trimReply(reply []byte) string {
	text := string(reply)
	for len(text) > 0 && (text[len(text)-1] == '\n' || text[len(text)-1] == '\r') {
		text = text[:len(text)-1]
	}
	return text
}
