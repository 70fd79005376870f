package server

import "time"

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

// delayStep is how long rdb-key-save-delay sleeps at once.
const delayStep = 10 * time.Millisecond

// delay waits as rdb-key-save-delay says, for so many keys, unless the save is
// cancelled meanwhile.
func (w *rdbFile) delay(keys int64) {
	left := time.Duration(w.set.saveDelay*keys) * time.Microsecond
	for ; left > 0 && (w.stopped == nil || !w.stopped()); left -= delayStep {
		time.Sleep(min(left, delayStep))
	}
}
