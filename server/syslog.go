package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"kvorum/config"
	"kvorum/logx"
)

// syslogPaths are where the system's log listens.
var syslogPaths = []string{"/dev/log", "/var/run/syslog", "/var/run/log"}

// syslogWait bounds how long a line may wait for a slow system log: the log must
// not hold up the server.
const syslogWait = 20 * time.Millisecond

// syslogger copies lines of the log to the system's log. Its calls are made one
// at a time, under the Logger's mutex.
//
// It writes datagrams itself, as package log/syslog waits for ever for a system
// log that does not read.
type syslogger struct {
	ident    string
	facility int
	paths    []string // sockets to try in order
	conn     net.Conn // nil: not connected
	retryAt  time.Time
}

// retryAfter is the pause after the system log could not be reached, or did not read.
const retryAfter = time.Second

var errNoSyslog = errors.New("no system log listens here")

// syslogSeverity is, by level, the number of the severity: debug, info, notice, warning.
var syslogSeverity = [...]int{7, 6, 5, 4}

// syslogFacility is the number of a facility of syslog-facility.
func syslogFacility(word string) int {
	const user, local0 = 1, 16
	if n, ok := strings.CutPrefix(word, "local"); ok && len(n) == 1 {
		return local0 + int(n[0]-'0')
	}
	return user
}

// openSyslog lets the log be copied to the system's log, if that is wanted. One
// that cannot be reached now is tried again with later lines.
func openSyslog(cfg *config.Config, log *logx.Logger) {
	if !cfg.Bool("syslog-enabled") {
		return
	}
	y := &syslogger{ident: cfg.String("syslog-ident"), facility: syslogFacility(cfg.Enum("syslog-facility")), paths: syslogPaths}
	log.SetCopy(y.send)
}

// send writes a line. One that cannot be sent is lost.
func (y *syslogger) send(level logx.Level, message string) {
	now := time.Now()
	if now.Before(y.retryAt) || y.conn == nil && y.dial(now) != nil {
		return
	}
	line := fmt.Sprintf("<%d>%s %s[%d]: %s", y.facility<<3|syslogSeverity[min(max(level, 0), logx.LevelWarning)],
		now.Format(time.Stamp), y.ident, os.Getpid(), message)
	err := y.write(now, line)
	if err == nil {
		return
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		y.retryAt = now.Add(retryAfter) // it does not read: lines are lost for a while
		return
	}
	// The system log has perhaps been started anew since.
	_ = y.conn.Close() // it is of no more use
	y.conn = nil
	if y.dial(now) == nil {
		_ = y.write(now, line) // nowhere to report it
	}
}

func (y *syslogger) write(now time.Time, line string) error {
	if err := y.conn.SetWriteDeadline(now.Add(syslogWait)); err != nil {
		return err
	}
	_, err := y.conn.Write([]byte(line))
	return err
}

func (y *syslogger) dial(now time.Time) error {
	for _, path := range y.paths {
		if conn, err := net.Dial("unixgram", path); err == nil {
			y.conn = conn
			return nil
		}
	}
	y.retryAt = now.Add(retryAfter)
	return errNoSyslog
}
