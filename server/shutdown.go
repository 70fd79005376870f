package server

import (
	"sync"
	"sync/atomic"
	"time"

	"kvorum/config"
	"kvorum/repl"
)

// The end of the server:
//
//	begin ─► data frozen, stream at rest ─► replicas have all of it, or time is over
//	                                    ─► final save ─► Stop
//
// Nothing is in the stream that the saved file has not, so that replicas can go on with
// it after a restart, and no write is acknowledged that would be lost.

// shutdownLook is the time between two looks at the replicas.
const shutdownLook = 20 * time.Millisecond

// shutdown is an end that has begun.
type shutdown struct {
	deadlineMs atomic.Int64 // Unix time until which replicas are waited for, 0: none are

	mu     sync.Mutex
	cancel chan struct{} // closed by SHUTDOWN ABORT; nil unless replicas are waited for
	over   chan struct{} // closed when it has been called off
}

// Shutdown implements command.Host. Who comes while a shutdown is under way waits for
// its outcome.
func (s *Server) Shutdown(flags int64) bool {
	s.blocked.Add(1)
	defer s.blocked.Add(-1)
	return s.shutDown(flags)
}

// shutDown is Shutdown for those who are no clients.
func (s *Server) shutDown(flags int64) bool {
	sh := &s.shutdown
	sh.mu.Lock()
	if !s.ending.CompareAndSwap(false, true) {
		over := sh.over
		sh.mu.Unlock()
		select {
		case <-s.stop:
			return true
		case <-over:
			return false
		}
	}
	sh.over = make(chan struct{})
	sh.mu.Unlock()
	s.log.Noticef("User requested shutdown...")
	s.program.stopping()
	if s.eng.Loading() { // there is nothing to save, and nobody to wait for
		s.Stop()
		return true
	}
	s.repl.driver.Call(repl.Ending{On: true})
	// COMPAT: shutdown-frozen: what is acknowledged from here on could be lost.
	s.freeze(frozenForEnd)
	if !s.awaitReplicas(flags) || !s.finish(flags) {
		s.callOff()
		return false
	}
	s.Stop()
	return true
}

// callOff lets the server go on.
func (s *Server) callOff() {
	sh := &s.shutdown
	s.thaw(frozenForEnd)
	s.repl.driver.Call(repl.Ending{On: false})
	sh.mu.Lock()
	s.ending.Store(false)
	close(sh.over)
	sh.mu.Unlock()
}

// AbortShutdown implements command.Host.
func (s *Server) AbortShutdown() bool {
	sh := &s.shutdown
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.cancel == nil {
		return false
	}
	close(sh.cancel)
	sh.cancel = nil
	s.log.Noticef("Shutdown manually aborted.")
	return true
}

// awaitReplicas waits until replicas have the whole stream, as long as the
// configuration allows. It returns false if the shutdown is aborted meanwhile.
func (s *Server) awaitReplicas(flags int64) bool {
	s.cfgMu.RLock()
	seconds := s.cfg.Int("shutdown-timeout")
	s.cfgMu.RUnlock()
	if flags&config.ShutdownNow != 0 || seconds == 0 || s.replicasInStep() {
		return true
	}
	s.log.Noticef("Waiting for replicas before shutting down.")
	sh, cancel := &s.shutdown, make(chan struct{})
	sh.mu.Lock()
	sh.cancel = cancel
	sh.mu.Unlock()
	sh.deadlineMs.Store(s.clock.NowMs() + seconds*msPerSec)
	defer sh.deadlineMs.Store(0)
	look := time.NewTicker(shutdownLook)
	defer look.Stop()
	for {
		select {
		case <-cancel:
			return false
		case <-s.stop:
		case <-look.C:
			if s.clock.NowMs() < sh.deadlineMs.Load() && !s.replicasInStep() {
				continue
			}
		}
		sh.mu.Lock()
		defer sh.mu.Unlock()
		if sh.cancel == nil {
			return false // aborted at the last moment
		}
		sh.cancel = nil
		return true
	}
}

// replicasInStep reports whether all replicas have acknowledged the whole stream.
func (s *Server) replicasInStep() (all bool) {
	end := s.eng.Feed.Offset()
	s.repl.driver.Ask(func(m *repl.Machine) {
		all = true
		for _, p := range m.Peers() {
			all = all && (p.Ack == end || p.Info.RDBOnly)
		}
	})
	return all
}

// tellLagging logs how far the replicas are.
func (s *Server) tellLagging() {
	end, now := s.eng.Feed.Offset(), s.repl.NowMs()
	s.repl.driver.Ask(func(m *repl.Machine) {
		peers, lagging := m.Peers(), 0
		for _, p := range peers {
			if p.Ack == end {
				continue
			}
			lagging++
			lag := int64(0)
			if p.State == repl.PeerOnline {
				lag = max(now-p.AckMs, 0) / msPerSec
			}
			s.log.Noticef("Lagging replica %s reported offset %d behind master, lag=%d, state=%s.", p.Name(), end-p.Ack, lag, p.State)
		}
		if len(peers) > 0 {
			s.log.Noticef("%d of %d replicas are in sync when shutting down.", len(peers)-lagging, len(peers))
		}
	})
}

// finish saves, if somebody said so or if there are save points. It returns false when
// that fails and the server is to go on.
func (s *Server) finish(flags int64) bool {
	s.tellLagging()
	if s.aof.startsFirst() {
		if flags&config.ShutdownForce == 0 {
			s.log.Warningf("Writing initial AOF, can't exit.")
			s.log.Warningf("Errors trying to shut down the server. Check the logs for more information.")
			return false
		}
		s.log.Warningf("Writing initial AOF. Exit anyway.")
	}
	if flags&config.ShutdownSave == 0 && (flags&config.ShutdownNoSave != 0 || len(s.persist.settings.Load().points) == 0) {
		return true
	}
	if s.finalSave() {
		return true
	}
	if flags&config.ShutdownForce != 0 {
		s.log.Warningf("Error trying to save the DB. Exit anyway.")
		return true
	}
	s.log.Warningf("Error trying to save the DB, can't exit.")
	s.program.cannotSave()
	s.log.Warningf("Errors trying to shut down the server. Check the logs for more information.")
	return false
}

// finalSave saves before the end, in place of a save that is going on.
func (s *Server) finalSave() bool {
	s.stopBackground()
	s.log.Noticef("Saving the final RDB snapshot before exiting.")
	return s.Save() == nil
}
