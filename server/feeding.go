package server

// Who wants the stream of effects. It is recorded while anybody does.
const (
	feedAOF uint32 = 1 << iota
	feedReplicas
)

// feedFor begins or ends the recording of the stream for somebody. The world stands
// still.
func (s *Server) feedFor(who uint32, on bool) {
	was := s.feeding
	if on {
		s.feeding |= who
	} else {
		s.feeding &^= who
	}
	switch {
	case was == 0 && s.feeding != 0:
		s.eng.Feed.Enable()
	case was != 0 && s.feeding == 0:
		s.eng.Feed.Disable()
	}
}
