package server

// StartSec implements command.Host.
func (s *Server) StartSec() int64 { return s.startMs / msPerSec }

// newReplID draws a replication ID: the name of the history of the data.
func (s *Server) newReplID() {
	id := newRunID()
	s.replID.Store(&id)
}

// ChangeReplID implements command.Host.
func (s *Server) ChangeReplID() {
	s.log.Noticef("Changing replication IDs after receiving DEBUG change-repl-id")
	s.newReplID()
}

// PauseCron implements command.Host: the work of the cron goroutine and the
// background work of the loops stop, or go on.
func (s *Server) PauseCron(on bool) {
	s.cronPaused.Store(on)
	s.eng.PauseBackground(on)
}
