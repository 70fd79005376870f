package server

import (
	"kvorum/command"
	"kvorum/netloop"
)

// wake is a hook of the engine: the request of a session has waited for a long command
// and is to be served again. On any goroutine.
func (s *Server) wake(sess *command.Session) {
	c, ok := sess.Peer.(*netloop.Conn)
	if !ok {
		return
	}
	cl := c.Data.(*client)
	c.Loop().Post(func() {
		if !cl.closed && cl.Ticket != nil && cl.Flags&command.Postponed != 0 {
			cl.Flags &^= command.Postponed
			c.Resume()
		}
	})
}
