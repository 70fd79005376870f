package server

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"kvorum/command"
	"kvorum/config"
)

const (
	// filesReserved are descriptors that are not for clients: listeners, log,
	// event loops, files being written.
	filesReserved = 32
	// COMPAT: file-limit: loopsReserved is how many event loops they allow for; each beyond wants
	// filesPerLoop more.
	loopsReserved = 4
	filesPerLoop  = 3

	filesStep    = 16   // a lower limit than the one wanted is sought in such steps
	filesUnknown = 1024 // the limit when the system does not tell
)

// fileLimit is what became of an attempt to raise the limit of open files.
type fileLimit struct {
	was, now int64 // soft limit before and after
	refusal  error // why it is not what was wanted
}

// raiseFileLimit lets the process open want files, or as many as the system
// allows. It never lowers the limit. An error means that there is no knowing.
func raiseFileLimit(want int64) (fileLimit, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fileLimit{}, err
	}
	was := int64(min(limit.Cur, 1<<62)) // "unlimited" is larger
	f := fileLimit{was: was, now: was}
	if was >= want {
		return f, nil
	}
	if f.refusal = setFileLimit(want, limit.Max); f.refusal == nil {
		f.now = want
		return f, nil
	}
	for _, ceiling := range []int64{filesEver(), int64(min(limit.Max, 1<<62))} {
		n := want - (max(want-ceiling, 0)+filesStep-1)/filesStep*filesStep
		if n > was && n < want && setFileLimit(n, limit.Max) == nil {
			f.now = n
			break
		}
	}
	return f, nil
}

func setFileLimit(n int64, hard uint64) error {
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: uint64(n), Max: max(hard, uint64(n))})
}

// filesEver returns what even a privileged process may not exceed, 0 if unknown.
func filesEver() int64 {
	text, err := os.ReadFile("/proc/sys/fs/nr_open")
	if err != nil {
		return 0 // not Linux
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// reservedFiles returns how many descriptors are not for clients.
func (s *Server) reservedFiles() int64 {
	return filesReserved + filesPerLoop*int64(max(len(s.loops)-loopsReserved, 0))
}

// roomForClients raises the limit of open files for n clients and returns for
// how many it is enough. The error is for a system where there is no room at all.
func (s *Server) roomForClients(n int64) (int64, error) {
	reserved := s.reservedFiles()
	want := n + reserved
	f, err := raiseFileLimit(want)
	switch {
	case err != nil:
		s.log.Warningf("Unable to obtain the current NOFILE limit (%s), assuming %d and setting the max clients configuration accordingly.",
			strerror(err), filesUnknown)
		return min(n, filesUnknown-reserved), nil
	case f.now <= reserved:
		return 0, fmt.Errorf("Your current 'ulimit -n' of %d is not enough for the server to start. "+
			"Please increase your open file limit to at least %d. Exiting.", f.was, want)
	case f.now < want:
		s.log.Warningf("You requested maxclients of %d requiring at least %d max file descriptors.", n, want)
		s.log.Warningf("Server can't set maximum open files to %d because of OS error: %s.", want, strerror(f.refusal))
		s.log.Warningf("Current maximum open files is %d. maxclients has been reduced to %d to compensate for low ulimit. "+
			"If you need higher maxclients increase 'ulimit -n'.", f.now, f.now-reserved)
		return f.now - reserved, nil
	case f.now > f.was:
		s.log.Noticef("Increased maximum number of open files to %d (it was originally set to %d).", want, f.was)
	}
	return n, nil
}

// raiseDescriptors makes room for maxclients connections, or lowers maxclients
// to what there is room for. It runs before the hooks do.
func (s *Server) raiseDescriptors() error {
	n := s.cfg.Int("maxclients")
	room, err := s.roomForClients(n)
	if err != nil || room == n {
		return err
	}
	s.cfgMu.Lock()
	defer s.cfgMu.Unlock()
	return s.cfg.Set([][2]string{{"maxclients", strconv.FormatInt(room, 10)}}, config.SetContext{})
}

// applyMaxClients is the hook of maxclients.
func (s *Server) applyMaxClients() error {
	n := s.cfg.Int("maxclients")
	room, err := s.roomForClients(n)
	if err != nil {
		return err
	}
	if room != n {
		return fmt.Errorf("The operating system is not able to handle the specified number of clients, try with %d", room)
	}
	s.maxClients.Store(n)
	return nil
}

// acceptLogMs is the least time between two lines about connections that could
// not be accepted.
const acceptLogMs = 1000

// acceptFailed logs why connections could not be accepted.
// COMPAT: accept-errors: not each time.
func (s *Server) acceptFailed(err error) {
	if s.mayLog(&s.lastAcceptMs, acceptLogMs) {
		s.log.Warningf("Accepting client connection: %s", acceptProblem(err))
	}
}

// acceptProblem is listenProblem for accept, which has several names.
func acceptProblem(err error) string { return "accept: " + strerror(err) }

// mayLog reports whether a line may be logged that was logged at last[ms], and
// takes note of it.
func (s *Server) mayLog(last *atomic.Int64, everyMs int64) bool {
	now, then := s.clock.NowMs(), last.Load()
	return (then == 0 || now-then >= everyMs || now < then) && last.CompareAndSwap(then, now)
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
	if !s.mayLog(&s.lastAttackMs, attackLogMs) {
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
