package server

// Emptied implements command.Host. What is on disk would come back at the next start
// otherwise.
func (s *Server) Emptied() (save func()) {
	_, _ = s.CancelSave() // there may be none
	if len(s.persist.settings.Load().points) == 0 || s.eng.Loading() {
		return nil
	}
	return func() {
		s.awaitSaver()
		_ = s.Save() // what went wrong is in the log
	}
}

// awaitSaver waits until a save in the background, which was cancelled, has ended.
func (s *Server) awaitSaver() {
	if job := s.persist.running(); job != nil {
		<-job.done
	}
}
