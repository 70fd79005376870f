package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"slices"

	"kvorum/command"
	"kvorum/config"
	"kvorum/netloop"
)

// EachClient visits clients for visitNs before it lets the loop do other work; it
// looks at the clock after visitLook of them.
const (
	visitNs   = 100_000
	visitLook = 16
)

// EachClient implements command.Host: one loop after the other, some of its clients
// at a time.
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
	var clients []*client
	// The list alone, without a look at any client: that would take a while.
	if !onLoop(l, func() { clients = slices.Clone(l.User.(*loopState).roster.list) }) {
		return
	}
	for len(clients) > 0 {
		if !onLoop(l, func() { clients = clients[s.visitSome(clients, visit):] }) {
			return
		}
	}
}

// visitSome visits those of the first clients that are still there, for visitNs, and
// returns how many it has dealt with. On their loop.
func (s *Server) visitSome(clients []*client, visit func(*command.Session)) (done int) {
	end := s.clock.Ticks() + s.clock.NsToTicks(visitNs)
	for i, cl := range clients {
		if i > 0 && i%visitLook == 0 && s.clock.Ticks() >= end {
			return i
		}
		if !cl.closed && !cl.conn.Closing() {
			visit(cl.Session)
		}
	}
	return len(clients)
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
