package server

import (
	"fmt"
	"net"
	"os"
	"syscall"

	"kvorum/logx"
)

// Values of supervised.
const (
	superviseNo      = "no"
	superviseAuto    = "auto"
	superviseSystemd = "systemd"
	superviseUpstart = "upstart"
)

// Environment variables by which supervisors make themselves known.
const (
	notifySocketEnv = "NOTIFY_SOCKET"
	upstartJobEnv   = "UPSTART_JOB"
)

// supervisor is who started the process and wants to know how it is.
type supervisor struct {
	log    *logx.Logger
	mode   string // systemd, upstart or no; what was asked for, even if nobody is there
	active bool   // somebody is
}

// name is process_supervised of INFO.
func (v *supervisor) name() string {
	if !v.active {
		return superviseNo
	}
	return v.mode
}

// begin says that the process is starting.
func (v *supervisor) begin() {
	if v.mode == superviseAuto {
		v.mode = superviseNo
		if os.Getenv(upstartJobEnv) != "" {
			v.log.Verbosef("Upstart supervision detected.")
			v.mode = superviseUpstart
		} else if os.Getenv(notifySocketEnv) != "" {
			v.log.Verbosef("Systemd supervision detected.")
			v.mode = superviseSystemd
		}
	}
	switch v.mode {
	case superviseUpstart:
		v.active = v.stopForUpstart()
	case superviseSystemd:
		v.active = v.tell("STATUS=Redis is loading...\n")
		if v.active {
			v.log.Noticef("Supervised by systemd. Please make sure you set appropriate values for TimeoutStartSec and TimeoutStopSec in your service unit.")
		}
	}
}

// stopForUpstart stops the process: upstart continues it when it has seen that.
func (v *supervisor) stopForUpstart() bool {
	if os.Getenv(upstartJobEnv) == "" {
		v.log.Warningf("upstart supervision requested, but UPSTART_JOB not found!")
		return false
	}
	v.log.Noticef("supervised by upstart, will stop to signal readiness.")
	if err := syscall.Kill(os.Getpid(), syscall.SIGSTOP); err != nil {
		v.log.Warningf("upstart supervision error: %s", strerror(err))
		return false
	}
	if err := os.Unsetenv(upstartJobEnv); err != nil {
		v.log.Warningf("upstart supervision error: %s", strerror(err))
	}
	return true
}

// tell sends systemd a state, as sd_notify(3) does; other supervisors are told
// nothing. It reports whether it was sent.
func (v *supervisor) tell(state string) bool {
	if v.mode != superviseSystemd {
		return false
	}
	path := os.Getenv(notifySocketEnv)
	if path == "" {
		v.log.Warningf("systemd supervision error: NOTIFY_SOCKET not found!")
		return false
	}
	// A name that begins with "@" is in the abstract namespace, to net as well.
	conn, err := net.Dial("unixgram", path)
	if err == nil {
		_, err = fmt.Fprint(conn, state)
		_ = conn.Close() // the datagram is sent or it is not
	}
	if err != nil {
		v.log.Warningf("systemd supervision error: sd_notify: %s", strerror(err))
	}
	return err == nil
}
