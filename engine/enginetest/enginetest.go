// Package enginetest runs the commands of a test through an engine inside the
// test's process: no sockets, no server, the same parser, locks and handlers.
//
//	func TestScript(t *testing.T) {
//		datadriven.Dir(t, "testdata", func(t *testing.T) datadriven.Exec {
//			return enginetest.New(t, all.Families()...).Exec
//		})
//	}
//
// A Server records the effects and keyspace events of its commands; Trace
// compares them with those of a real server. When the test ends the Server
// checks that no block of memory was lost.
//
// I1: a request's bytes are overwritten once it has been served, so that a
// handler that keeps borrowed bytes fails its test. I2: rows belong to one
// table at a time: servers that live together have the same families.
//
// There is no server around the engine: CONFIG SET is answered here, for the
// few settings that the engine itself has, and the host of the handlers knows
// the command table and DEBUG SLEEP, nothing else.
//
// Tests only; no package of the program may import it.
package enginetest

import (
	"strings"
	"sync"
	"testing"
	"time"

	"kvorum/clock"
	"kvorum/command"
	"kvorum/engine"
	"kvorum/keyspace"
	"kvorum/num"
	"kvorum/resp"
)

// databases is the number that a server has unless configured otherwise.
const databases = 16

// systemClock is calibrated once.
var systemClock = sync.OnceValue(clock.New)

// Server is an engine with one worker and the sessions of a test.
type Server struct {
	Engine *engine.Engine
	Worker *engine.Worker

	t        testing.TB
	sessions map[string]*command.Session
	effects  recorder
	events   []string
}

// New returns a server with an empty keyspace, on the system's time.
func New(t testing.TB, families ...[]*command.Spec) *Server {
	t.Helper()
	return NewAt(t, systemClock(), families...)
}

// NewAt is New on another clock, such as one that a clock.Manual moves.
func NewAt(t testing.TB, c clock.Clock, families ...[]*command.Spec) *Server {
	t.Helper()
	s := &Server{t: t, sessions: make(map[string]*command.Session)}
	table, err := command.NewTable(append(without(families, "config"), []*command.Spec{s.configSpec()})...)
	if err != nil {
		t.Fatal(err)
	}
	s.Engine = engine.New(keyspace.New(databases), table, c, engine.Hooks{Host: host{table: table}, Feed: &s.effects, OnEvent: s.onEvent})
	s.Worker = s.Engine.NewWorker()
	t.Cleanup(s.close)
	return s
}

// host is what the handlers see of a server.
type host struct {
	command.Host // nil: a command that asks for more has no place in these tests
	table        *command.Table
}

// Table implements command.Host.
func (h host) Table() *command.Table { return h.table }

// Emptied implements command.Host: nothing is saved.
func (h host) Emptied() func() { return nil }

// Log implements command.Host: there is no log.
func (h host) Log(string) {}

// DebugAllowed implements command.Host.
func (h host) DebugAllowed(*command.Session) bool { return true }

// Sleep implements command.Host: traces let keys expire with DEBUG SLEEP, which
// a real server knows as well.
func (h host) Sleep(us int64) { time.Sleep(time.Duration(us) * time.Microsecond) }

// CloseFlooded implements command.Host.
func (h host) CloseFlooded(*command.Session, int) bool { return false }

// without returns the families less the command of a name.
func without(families [][]*command.Spec, name string) [][]*command.Spec {
	var out [][]*command.Spec
	for _, family := range families {
		var kept []*command.Spec
		for _, spec := range family {
			if spec.Name != name {
				kept = append(kept, spec)
			}
		}
		out = append(out, kept)
	}
	return out
}

// close checks the memory and gives it back.
func (s *Server) close() {
	for _, session := range s.sessions {
		s.Worker.EndSession(session)
	}
	s.Worker.Close()
	s.Engine.Exclusive(func() {
		if err := s.Engine.KS.MemCheck(); err != nil {
			s.t.Error(err)
		}
	})
	s.Engine.Tracking.Close()
	s.Engine.KS.Close()
}

// Session returns the session of a name, made on first use.
func (s *Server) Session(conn string, proto int) *command.Session {
	session := s.sessions[conn]
	if session == nil {
		session = s.Engine.NewSession(nil)
		session.Proto = uint8(proto)
		session.Track.SetProto(session.Proto)
		s.sessions[conn] = session
	}
	return session
}

// Exec runs one command and returns the raw reply: it is a datadriven.Exec.
func (s *Server) Exec(conn string, proto int, args [][]byte) []byte {
	if args == nil {
		return nil
	}
	return s.Serve(s.Session(conn, proto), resp.AppendCommand(nil, args...))
}

// Serve has a session's requests in the input in, complete ones, served to the
// end, tasks included, and returns the raw replies. in is overwritten.
func (s *Server) Serve(session *command.Session, in []byte) []byte {
	var out []byte
	for at := 0; at < len(in); {
		var used int
		used, _, out = s.Worker.Serve(session, in[at:], out)
		clearBytes(in[at : at+used])
		at += used
		if task := session.Task; task != nil {
			session.Task = nil
			w := resp.Writer{Proto: session.Proto}
			task(&w)
			pieces := w.Take()
			s.Worker.Finish(session, 0, pieces)
			for _, piece := range pieces {
				out = append(out, piece...)
			}
		} else if used == 0 {
			break
		}
	}
	return out
}

// freed is what a request's bytes are overwritten with.
const freed = 0xdb

func clearBytes(b []byte) {
	for i := range b {
		b[i] = freed
	}
}

// Do runs one command given in words on the connection "main", RESP2, and
// returns the raw reply.
func (s *Server) Do(words ...string) string {
	return string(s.Serve(s.Session("main", 2), resp.AppendCommandStrings(nil, words...)))
}

// Effects returns the effects since the last call: a database's number and the
// arguments, quoted, one line each.
func (s *Server) Effects() []string {
	list := s.effects.list
	s.effects.list = nil
	return list
}

// Events returns the keyspace events since the last call, "event key" each.
// Those of classes that notify-keyspace-events does not have are left out.
func (s *Server) Events() []string {
	list := s.events
	s.events = nil
	return list
}

// Dirty returns the number of changes since the server was made.
func (s *Server) Dirty() uint64 { return s.Engine.Totals().Dirty }

// Totals returns the counts of all commands since the server was made.
func (s *Server) Totals() engine.Totals { return s.Engine.Totals() }

func (s *Server) onEvent(_ uint32, event string, key []byte, _ int) {
	s.events = append(s.events, event+" "+string(key))
}

// recorder is a feed that keeps text.
type recorder struct {
	list []string
}

// AppendControl implements command.Effects.
func (r *recorder) AppendControl(db int, args ...[]byte) { r.Append(db, args...) }

// Append implements command.Effects.
func (r *recorder) Append(db int, args ...[]byte) {
	words := []string{string(num.AppendInt(nil, int64(db)))}
	for _, arg := range args {
		words = append(words, quote(arg))
	}
	r.list = append(r.list, strings.Join(words, " "))
}
