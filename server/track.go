package server

import (
	"kvorum/netloop"
)

// Clients that cache: what the server does for the engine (engine/track.go).

// pushTracked hands a message to a client that caches, or to the one that it redirects
// to. Any goroutine, also under locks of shards.
func (s *Server) pushTracked(peer any, b []byte) {
	if c, ok := peer.(*netloop.Conn); ok {
		s.push(c.Data.(*client), b)
	}
}

// trackingRetireTicks is for how many rounds of cron nobody tracks before changes are
// not told any more.
const trackingRetireTicks = 100

// retireTracking ends what tracking costs when it is no longer used. By cron.
func (s *Server) retireTracking() {
	if s.eng.Tracking.Any() {
		s.untracked = 0
		return
	}
	if s.untracked++; s.untracked == trackingRetireTicks {
		s.eng.RetireTracking()
		s.untracked = 0
	}
}
