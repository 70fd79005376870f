package server

import (
	"kvorum/config"
)

// Shutdown implements command.Host. A server that is ending already goes on with
// that. Data are saved if somebody said so or if there are save points, unless they
// are still being loaded.
func (s *Server) Shutdown(flags int64) bool {
	if !s.ending.CompareAndSwap(false, true) {
		return true
	}
	s.log.Noticef("User requested shutdown...")
	s.program.stopping()
	save := flags&config.ShutdownSave != 0 || flags&config.ShutdownNoSave == 0 && len(s.persist.settings.Load().points) > 0
	if !save || s.eng.Loading() {
		s.Stop()
		return true
	}
	if !s.finalSave() {
		if flags&config.ShutdownForce == 0 {
			s.log.Warningf("Error trying to save the DB, can't exit.")
			s.program.cannotSave()
			s.log.Warningf("Errors trying to shut down the server. Check the logs for more information.")
			s.ending.Store(false)
			return false
		}
		s.log.Warningf("Error trying to save the DB. Exit anyway.")
	}
	s.Stop()
	return true
}

// finalSave saves before the end, in place of a save that is going on.
func (s *Server) finalSave() bool {
	s.stopBackground()
	s.log.Noticef("Saving the final RDB snapshot before exiting.")
	return s.Save() == nil
}
