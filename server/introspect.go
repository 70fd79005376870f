package server

// StartSec implements command.Host.
func (s *Server) StartSec() int64 { return s.startMs / msPerSec }

// PauseCron implements command.Host: the work of the cron goroutine and the
// background work of the loops stop, or go on.
func (s *Server) PauseCron(on bool) {
	s.cronPaused.Store(on)
	s.eng.PauseBackground(on)
}
