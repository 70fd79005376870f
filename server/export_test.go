package server

import "syscall"

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

// RestartLog is what a replica does when it takes over other data.
func (s *Server) RestartLog(fn func()) { s.aof.restart(fn) }

// HoldLog keeps the keeper of the log busy until release is called.
func (s *Server) HoldLog() (release func()) {
	held, done := make(chan struct{}), make(chan struct{})
	go s.aof.ask(func() { close(held); <-done })
	<-held
	return func() { close(done) }
}

// LogState reports to the log as cron does.
func (s *Server) LogState() { s.logState() }

// ErrDiskFull is what a full disk says.
var ErrDiskFull error = syscall.ENOSPC

// StreamOnDisk returns how many bytes of the stream are in files.
func (s *Server) StreamOnDisk() int64 { return s.repl.onDisk.bytes() }

// StreamHolds returns for how many the stream is kept on disk.
func (s *Server) StreamHolds() int {
	s.repl.onDisk.mu.RLock()
	defer s.repl.onDisk.mu.RUnlock()
	return len(s.repl.onDisk.holds)
}

// FailStreamDisk has the files for the stream fail from now on, nil: not any more, and
// sets how much may wait for them.
func (s *Server) FailStreamDisk(err error, lagMost int64) {
	d := &s.repl.onDisk
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lagMost = lagMost
	d.create = func() (spool, error) {
		if err != nil {
			return nil, err
		}
		return s.spoolFile()
	}
}
