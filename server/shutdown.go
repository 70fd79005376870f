package server

import (
	"kvorum/config"
)

// Shutdown implements command.Host. A server that is ending already goes on with
// that.
//
// COMPAT: shutdown-save: without SAVE nothing is saved, whatever the save points
// are. With it the server would have to save and cannot, so it goes on, as Redis
// does after a failed save; FORCE overrides that.
func (s *Server) Shutdown(flags int64) bool {
	if !s.ending.CompareAndSwap(false, true) {
		return true
	}
	s.log.Noticef("User requested shutdown...")
	s.program.stopping()
	if flags&config.ShutdownSave != 0 {
		s.log.Noticef("Saving the final RDB snapshot before exiting.")
		s.log.Warningf("There is no persistence in this version: the data cannot be saved.")
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
