package server

import (
	"time"

	"kvorum/command"
	"kvorum/netloop"
)

// PauseClients implements command.Host.
func (s *Server) PauseClients(all bool, untilMs, nowMs int64) { s.eng.Pause(all, untilMs, nowMs) }

// UnpauseClients implements command.Host.
func (s *Server) UnpauseClients() {
	s.eng.Unpause()
	s.resumeAll()
}

// resumeAll lets all clients that were postponed try again.
func (s *Server) resumeAll() {
	for _, l := range s.net.Loops() {
		l.Post(func() { s.resume(l.User.(*loopState)) })
	}
}

// Why the data stay as they are.
const (
	frozenForFailover uint32 = 1 << iota
	frozenForEnd
)

// freeze postpones what clients want to change, until thaw. When it returns all effects
// of what came before are in the stream.
func (s *Server) freeze(why uint32) {
	s.undisturbed(func() {
		s.frozen |= why
		s.eng.Freeze()
		s.eng.Feed.Merge()
	})
}

// thaw ends that, unless there is another reason for it.
func (s *Server) thaw(why uint32) {
	s.eng.Exclusive(func() {
		if s.frozen &^= why; s.frozen == 0 {
			s.eng.Thaw()
		}
	})
	s.resumeAll()
}

// postpone keeps a client waiting whose next request CLIENT PAUSE forbids. Its
// input stays where it is and is served again when the pause is over.
func (s *Server) postpone(state *loopState, cl *client) {
	cl.conn.Pause()
	state.postponed = append(state.postponed, cl)
	s.blocked.Add(1)
}

// resume lets all clients of a loop that were postponed try again, in the order
// in which they came.
func (s *Server) resume(state *loopState) {
	list := state.postponed
	state.postponed = nil
	for _, cl := range list {
		s.blocked.Add(-1)
		cl.Flags &^= command.Postponed
		cl.conn.Resume()
	}
}

// forsake forgets a postponed client that is gone.
func (s *Server) forsake(state *loopState, cl *client) {
	for i, have := range state.postponed {
		if have == cl {
			state.postponed = append(state.postponed[:i], state.postponed[i+1:]...)
			s.blocked.Add(-1)
			return
		}
	}
}

// pauseTick resumes the postponed clients of a loop when the pause has ended by
// itself. It returns the time until that, at most wait.
func (s *Server) pauseTick(l *netloop.Loop, wait time.Duration) time.Duration {
	left := s.eng.PauseLeftMs(s.clock.NowMs())
	if left == 0 {
		if s.eng.Frozen() {
			return wait // thaw looks after them
		}
		s.resume(l.User.(*loopState))
		return 0
	}
	if d := time.Duration(left) * time.Millisecond; left < int64(time.Hour/time.Millisecond) && (wait < 0 || d < wait) {
		return d
	}
	return wait
}
