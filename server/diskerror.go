package server

import "sync"

// Why commands that write are refused: what could not be brought to the disk. The first
// reason that holds is the one clients are told.
const (
	denySave = iota // the last save in the background failed
	denyAOF
	denyReasons
)

// denials are the reasons in force. Any goroutine may change its own.
type denials struct {
	mu    sync.Mutex
	texts [denyReasons]string
}

// denyWrites notes a reason to refuse commands that write: the error that they get, ""
// when it is over.
func (s *Server) denyWrites(reason int, text string) {
	d := &s.denials
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.texts[reason] == text {
		return
	}
	d.texts[reason] = text
	for _, text := range d.texts {
		if text != "" {
			s.eng.RefuseWrites(text)
			return
		}
	}
	s.eng.RefuseWrites("")
}
