package server

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"
)

// A Go program cannot fork: a copy of one thread of a process with many is of no
// use. So a server that is to go to the background starts its own binary anew,
// with the same arguments, in a session of its own:
//
//	parent                              child
//	read configuration                  .
//	refuse it: status 1                 .
//	warn of the system                  .
//	start child ----------------------> read configuration, silently
//	wait                                pid file, sockets
//	   <---------- one byte on fd 3 --- accepting connections
//	status 0                            serve
//
// COMPAT: daemonize-wait: Redis's parent ends as soon as it has forked, with
// status 0 also when the child then finds its port taken. Here the parent waits
// until connections are accepted; when the child ends instead, so does the
// parent, with status 1. One that takes longer than daemonWait is left to itself.
//
// The child finds daemonEnv in its environment and drops it. What the parent has
// read from standard input comes on fd 4.

const (
	daemonEnv    = "KVORUM_DAEMON" // set: the process has been started to be in the background
	daemonStatus = 3               // descriptor to say on that connections are accepted
	daemonStdin  = 4               // descriptor with what was standard input

	daemonWait = 10 * time.Second // for a child to be ready

	pidFileDefault = "/var/run/redis.pid" // of a server in the background
)

// errBackground is told by the parent of a child that has ended.
var errBackground = errors.New("The server in the background has ended at its start; its log file says why, if it has one.")

// daemon is the child's end of its start. A nil daemon is a process that was
// started in some other way.
type daemon struct {
	status *os.File
	stdin  *os.File // nil unless it has been read by the parent
}

// daemonChild returns what the parent has left, nil when there is none.
func daemonChild() (*daemon, error) {
	kind := os.Getenv(daemonEnv)
	if kind == "" {
		return nil, nil
	}
	if err := os.Unsetenv(daemonEnv); err != nil {
		return nil, err
	}
	var status syscall.Stat_t
	if err := syscall.Fstat(daemonStatus, &status); err != nil || status.Mode&syscall.S_IFMT != syscall.S_IFIFO {
		return nil, nil // the mark is somebody else's
	}
	syscall.CloseOnExec(daemonStatus)
	d := &daemon{status: os.NewFile(daemonStatus, "status")}
	if kind == "stdin" {
		syscall.CloseOnExec(daemonStdin)
		d.stdin = os.NewFile(daemonStdin, "stdin")
	}
	return d, nil
}

// ready lets the parent end.
func (d *daemon) ready() {
	_, _ = d.status.Write([]byte{1}) // a parent that is gone does not want to know
	_ = d.status.Close()             // as above
}

// spawn is the parent: it starts the child and returns the exit status. dir is
// the working directory in which the parent was started; stdin what it has read
// from standard input, or nil.
func spawn(dir string, stdin []byte) (int, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return 1, err
	}
	defer null.Close()
	status, childStatus, err := os.Pipe()
	if err != nil {
		return 1, err
	}
	defer status.Close()
	files, kind := []*os.File{null, null, null, childStatus}, "plain"
	var give *os.File
	if stdin != nil {
		take, pipe, err := os.Pipe()
		if err != nil {
			return 1, errors.Join(err, childStatus.Close())
		}
		defer take.Close()
		files, kind, give = append(files, take), "stdin", pipe
	}
	// The binary may have been replaced since: Linux still knows it.
	path := "/proc/self/exe"
	if _, err := os.Lstat(path); err != nil {
		if path, err = os.Executable(); err != nil {
			return 1, errors.Join(err, childStatus.Close())
		}
	}
	_, err = os.StartProcess(path, os.Args, &os.ProcAttr{
		Dir: dir, Env: append(os.Environ(), daemonEnv+"="+kind), Files: files,
		Sys: &syscall.SysProcAttr{Setsid: true},
	})
	_ = childStatus.Close() // the child's copy counts
	if err != nil {
		return 1, err
	}
	if give != nil {
		// A child that does not take it has ended, as is seen below.
		_, _ = give.Write(stdin)
		_ = give.Close()
	}
	if err := status.SetReadDeadline(time.Now().Add(daemonWait)); err != nil {
		return 1, err
	}
	var b [1]byte
	if _, err := io.ReadFull(status, b[:]); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return 1, errBackground
	}
	return 0, nil
}

// background reports whether the server is to go to the background.
func (b *boot) background() bool {
	return b.cfg.Bool("daemonize") && !b.supervisor.active
}

// writePidFile writes the pid file, if there is to be one: a server in the
// background has one even if none is asked for.
func (p *program) writePidFile() {
	path := p.cfg.String("pidfile")
	if path == "" && p.daemon != nil {
		path = pidFileDefault
		p.cfg.SetPidFile(path)
	}
	if path == "" {
		return
	}
	// The working directory may change before the file is removed.
	p.pidFile = absolute(path)
	const mode = 0o666 // the umask takes from it
	if err := os.WriteFile(path, fmt.Appendf(nil, "%d\n", os.Getpid()), mode); err != nil {
		p.log.Warningf("Failed to write PID file: %s", strerror(err))
	}
}

func (p *program) removePidFile() {
	if p.pidFile == "" {
		return
	}
	p.log.Noticef("Removing the pid file.")
	_ = os.Remove(p.pidFile) // one that could not be written is not there either
}

// absolute is filepath.Abs without its tidying, which a symbolic link in the
// path may not survive.
func absolute(path string) string {
	if strings.HasPrefix(path, "/") {
		return path
	}
	dir, err := os.Getwd()
	if err != nil {
		return path
	}
	return dir + "/" + path
}
