package server

import (
	"kvorum/command"
	"kvorum/command/conncmd"
	"kvorum/config"
	"kvorum/netloop"
)

const (
	// replyFree is as much output as limits allow in any case: the buffer that every
	// client has in Redis, and that it does not count.
	replyFree = 16 << 10
	// unauthOutMax bounds the output that waits for a client that has still to
	// authenticate, as Redis 7.2.8 does.
	unauthOutMax = 1024
)

// outputLimits are the limits in force of each class of clients.
type outputLimits [config.ClassCount]config.OutputLimit

// applyOutputLimits publishes client-output-buffer-limit.
func (s *Server) applyOutputLimits() error {
	limits := outputLimits(s.cfg.OutputLimits())
	s.outLimits.Store(&limits)
	return nil
}

// class returns the class whose limits hold for a client. Monitors are normal ones.
func (cl *client) class() config.OutputClass {
	switch {
	case cl.Flags&command.Replica != 0:
		return config.ClassReplica
	case cl.Flags&command.Subscribed != 0:
		return config.ClassPubSub
	}
	return config.ClassNormal
}

// replyMax is a hook of the engine: the longest reply that an ordinary client may get.
func (s *Server) replyMax() int64 { return int64(s.outLimits.Load()[config.ClassNormal].HardBytes) }

// pendingOut is a hook of netloop: output waits for the socket of c.
func (s *Server) pendingOut(l *netloop.Loop, c *netloop.Conn, size int) {
	cl, ok := c.Data.(*client)
	if !ok {
		return // refused: it has no session
	}
	if s.clientLimit.Load() != 0 && s.overMemory(l, cl) {
		return
	}
	s.checkOutput(cl, size)
}

// checkOutput closes a client for which more output waits than its class may
// have. That of replicas is bounded, and what they are behind counted at their stream. On
// the client's loop.
func (s *Server) checkOutput(cl *client, size int) {
	if cl.class() == config.ClassReplica {
		return
	}
	if s.overLimit(cl, size) && !cl.conn.Closing() {
		s.closeOverLimit(cl)
	}
}

// overLimit reports whether a client has had too much output waiting, or some
// for too long. It notes since when.
func (s *Server) overLimit(cl *client, bytes int) bool {
	limit := &s.outLimits.Load()[cl.class()]
	size := uint64(bytes)
	if bytes <= replyFree {
		size = 0
	}
	if limit.SoftBytes == 0 || size < limit.SoftBytes {
		cl.softSince = 0
	} else if now := s.clock.NowMs() / msPerSec; cl.softSince == 0 {
		cl.softSince = now
	} else if now-cl.softSince > limit.SoftSeconds {
		return true
	}
	return limit.HardBytes != 0 && size >= limit.HardBytes ||
		size > unauthOutMax && cl.Flags&command.Authenticated == 0 && s.PasswordSet()
}

func (s *Server) closeOverLimit(cl *client) {
	s.log.Warningf("Client %s scheduled to be closed ASAP for overcoming of output buffer limits.", s.describe(cl))
	cl.sendAway()
}

// describe returns the line of CLIENT LIST for a client. On its loop.
func (s *Server) describe(cl *client) string {
	return conncmd.ClientLine(cl.Session, s.clock.NowMs(), cl.conn.BufferBytes())
}

// CloseFlooded implements command.Host.
func (s *Server) CloseFlooded(sess *command.Session, size int) bool {
	c, ok := sess.Peer.(*netloop.Conn)
	if !ok {
		return false
	}
	cl := c.Data.(*client)
	if !s.overLimit(cl, size) {
		return false
	}
	s.closeOverLimit(cl)
	return true
}
