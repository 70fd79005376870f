package server

import (
	"crypto/sha256"
	"crypto/subtle"

	"kvorum/command"
	"kvorum/config"
	"kvorum/netloop"
)

// visitChunk is the number of clients that EachClient visits before it lets the
// loop do other work.
const visitChunk = 128

// EachClient implements command.Host: one loop after the other, a chunk of its
// clients at a time.
func (s *Server) EachClient(visit func(*command.Session)) {
	s.evictClients() // who looks at all clients sees none that should be gone
	for _, l := range s.net.Loops() {
		s.eachOf(l, visit)
	}
	if link := s.repl.link.Load(); link != nil {
		visit(link.session())
	}
}

func (s *Server) eachOf(l *netloop.Loop, visit func(*command.Session)) {
	state := l.User.(*loopState)
	var ids []uint64
	collect := func() {
		for id := range state.sessions {
			ids = append(ids, id)
		}
	}
	if !onLoop(l, collect) {
		return
	}
	for len(ids) > 0 {
		chunk := ids[:min(len(ids), visitChunk)]
		ids = ids[len(chunk):]
		alive := onLoop(l, func() {
			for _, id := range chunk {
				if cl := state.sessions[id]; cl != nil && !cl.conn.Closing() {
					visit(cl.Session)
				}
			}
		})
		if !alive {
			return
		}
	}
}

// onLoop runs fn on a loop and waits for it; false when the loop has ended. The
// caller is not on a loop.
func onLoop(l *netloop.Loop, fn func()) bool {
	done := make(chan struct{})
	if !l.Post(func() { fn(); close(done) }) {
		return false
	}
	<-done
	return true
}

// CloseClient implements command.Host.
func (s *Server) CloseClient(sess *command.Session) {
	switch c := sess.Peer.(type) {
	case *netloop.Conn:
		c.Data.(*client).sendAway()
	case *masterConn:
		c.conn.Close() // its goroutine finds out
	}
}

// sendAway ends the connection of a client. On its loop.
func (cl *client) sendAway() {
	cl.sentAway = true
	cl.conn.Close()
}

// BufferBytes implements command.Host.
func (s *Server) BufferBytes(sess *command.Session) int {
	if c, ok := sess.Peer.(*netloop.Conn); ok {
		return c.BufferBytes()
	}
	return 0
}

// PasswordSet implements command.Host.
func (s *Server) PasswordSet() bool { return s.eng.Settings().Requirepass != "" }

// Login implements command.Host. The one user is "default"; without requirepass
// it may have any password. The time of the comparison does not depend on where
// the passwords differ.
func (s *Server) Login(user, password []byte) bool {
	ok := s.login(user, password)
	if !ok {
		s.stats.badLogins.Add(1)
	}
	return ok
}

func (s *Server) login(user, password []byte) bool {
	if string(user) != "default" {
		return false
	}
	want := s.eng.Settings().Requirepass
	if want == "" {
		return true
	}
	a, b := sha256.Sum256(password), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// allowed reports whether a client is among those that an enable-... directive
// names.
func allowed(action int64, sess *command.Session) bool {
	switch action {
	case config.ActionYes:
		return true
	case config.ActionLocal:
		c, ok := sess.Peer.(*netloop.Conn)
		return ok && (c.Unix() || c.RemoteIP().IsLoopback())
	}
	return false
}

// DebugAllowed implements command.Host.
func (s *Server) DebugAllowed(sess *command.Session) bool { return allowed(s.debugFor, sess) }
