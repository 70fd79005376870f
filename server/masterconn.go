package server

import (
	"bytes"
	"errors"
	"net"
	"strings"
	"sync/atomic"

	"kvorum/command"
	"kvorum/command/conncmd"
	"kvorum/engine"
)

// masterConn is the link to the master as a client among others: CLIENT LIST shows it,
// CLIENT KILL ends it. The stream is executed by the link's goroutine, so what others
// see is a copy.
type masterConn struct {
	r       *replication
	conn    net.Conn
	id      uint64
	created int64

	db      atomic.Int32
	seenMs  atomic.Int64
	lastCmd atomic.Pointer[command.Spec]
}

func (r *replication) newMasterConn(conn net.Conn) *masterConn {
	s := r.s.eng.NewInternal()
	m := &masterConn{r: r, conn: conn, id: s.ID, created: s.Created}
	m.note(r.apply.session, s.Created)
	return m
}

// note keeps what others may see of the session. By the link's goroutine.
func (m *masterConn) note(s *command.Session, nowMs int64) {
	m.db.Store(int32(s.DB.Index()))
	m.lastCmd.Store(s.LastCmd)
	m.seenMs.Store(nowMs)
}

// corruptShown is how much of a stream that makes no sense is shown.
const corruptShown = 128

// logCorrupt logs an error of protocol of the master, and the stream where it is. By the
// link's goroutine.
func (m *masterConn) logCorrupt(err error, rest []byte) {
	log := m.r.s.log
	if errors.Is(err, engine.ErrMasterInline) {
		log.Warningf("WARNING: Receiving inline protocol from master, master stream corruption? Closing the master connection and discarding the cached master.")
	}
	shown := bytes.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '.'
		}
		return r
	}, rest[:min(len(rest), corruptShown)])
	log.Warningf("Protocol error (%s) from client: %s. Query buffer during protocol error: '%s'",
		strings.TrimPrefix(err.Error(), "Protocol error: "), conncmd.ClientLine(m.session(), m.r.s.clock.NowMs(), 0), shown)
}

// session returns the copy.
func (m *masterConn) session() *command.Session {
	return &command.Session{
		ID: m.id, DB: m.r.s.ks.DB(int(m.db.Load())), Proto: 2, Peer: m, User: "(superuser)",
		Created: m.created, LastSeen: m.seenMs.Load(), LastCmd: m.lastCmd.Load(),
		Flags: command.MasterLink | command.Authenticated,
	}
}

// RemoteAddr and the methods below implement command.Peer.
func (m *masterConn) RemoteAddr() string { return m.conn.RemoteAddr().String() }

// LocalAddr returns this server's end.
func (m *masterConn) LocalAddr() string { return m.conn.LocalAddr().String() }

// FD returns the descriptor, as far as it has one.
func (m *masterConn) FD() int { return -1 }

// InputBuffered returns 0: what has come is executed at once.
func (m *masterConn) InputBuffered() int { return 0 }

// InputRoom returns 0: nor is there room for it.
func (m *masterConn) InputRoom() int { return 0 }

// PendingOut returns 0: acknowledgements do not wait.
func (m *masterConn) PendingOut() int { return 0 }

// PendingChunks returns 0 likewise.
func (m *masterConn) PendingChunks() int { return 0 }

// Unix returns false.
func (m *masterConn) Unix() bool { return false }

// Owner returns nothing: no client of a loop has it.
func (m *masterConn) Owner() any { return nil }
