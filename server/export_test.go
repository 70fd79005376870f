package server

// HoldEvicting keeps clients from being closed for their memory until release is
// called.
func (s *Server) HoldEvicting() (release func()) {
	s.evicting.Lock()
	return s.evicting.Unlock
}

// Deadlines returns how many ends of waits the loops look out for.
func (s *Server) Deadlines() (n int) {
	for _, l := range s.net.Loops() {
		onLoop(l, func() { n += len(l.User.(*loopState).deadlines) })
	}
	return n
}
