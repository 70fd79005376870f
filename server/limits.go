package server

import (
	"strconv"
	"strings"
	"syscall"

	"kvorum/command"
	"kvorum/config"
)

// reservedFiles are descriptors that are not for clients: listeners, log, event
// loops, files being written.
const reservedFiles = 32

// raiseFileLimit makes sure that the process may open n files, if the system
// lets it, and returns how many it may.
func raiseFileLimit(n int64) int64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return n // unknown: try
	}
	want := uint64(n)
	if limit.Cur >= want {
		return n
	}
	raised := limit
	raised.Cur = want
	raised.Max = max(limit.Max, want)
	if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised) == nil {
		return n
	}
	raised.Cur, raised.Max = min(want, limit.Max), limit.Max
	if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised) == nil {
		return int64(raised.Cur)
	}
	return int64(limit.Cur)
}

// raiseDescriptors makes room for maxclients connections, or lowers maxclients
// to what there is room for.
func (s *Server) raiseDescriptors() {
	n := s.cfg.Int("maxclients")
	can := raiseFileLimit(n + reservedFiles)
	if can >= n+reservedFiles {
		return
	}
	s.log.Warningf("You requested maxclients of %d requiring at least %d max file descriptors.", n, n+reservedFiles)
	s.log.Warningf("Server can't set maximum open files to %d because of OS error.", n+reservedFiles)
	n = max(can-reservedFiles, 1)
	s.log.Warningf("Current maximum open files is %d. maxclients has been reduced to %d to compensate for low ulimit. "+
		"If you need higher maxclients increase 'ulimit -n'.", can, n)
	s.cfgMu.Lock()
	defer s.cfgMu.Unlock()
	if err := s.cfg.Set([][2]string{{"maxclients", strconv.FormatInt(n, 10)}}, config.SetContext{}); err != nil {
		s.log.Warningf("maxclients: %s", err)
	}
}

// strerror returns the text of a system error as C's strerror has it: Go's is
// the same without the capital letter.
func strerror(err error) string {
	text := cause(err).Error()
	return strings.ToUpper(text[:1]) + text[1:]
}

// attackLogMs is the least time between two warnings of clients that speak HTTP.
const attackLogMs = 60_000

// logAttack warns of a client that speaks HTTP.
func (s *Server) logAttack(cl *command.Session) {
	now := s.clock.NowMs()
	last := s.lastAttackMs.Load()
	if now-last < attackLogMs && last != 0 || !s.lastAttackMs.CompareAndSwap(last, now) {
		return
	}
	from := "unknown"
	if cl.Peer != nil {
		from = cl.Peer.RemoteAddr()
	}
	s.log.Warningf("Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to Redis. "+
		"This is likely due to an attacker attempting to use Cross Protocol Scripting to compromise your Redis instance. "+
		"Connection from %s aborted.", from)
}
