// Package logx writes the server's log in Redis's format.
//
//	9413:M 20 Nov 2026 10:03:12.415 * Ready to accept connections
//	│    │ │                        │ └ message, at most MessageBytesMax bytes
//	│    │ local time               └ level: . debug  - verbose  * notice  # warning
//	│    └ role: M master  S replica  C child  X Sentinel
//	└ process id
//
// Lines go to standard output or to a file. The file is opened for each line,
// as Redis does: after a log rotation has moved it away the next line begins
// a new one, and a full or vanished disk costs lines but never the server.
//
// Who may call it: any goroutine, under any lock; a Logger takes its own
// mutex last and calls nobody but its writer. A line costs a few system
// calls, so no path that serves a request may log at a level that is on.
//
// I1: a line is one write, so lines of several processes do not mix. I2: a
// level that is off costs one atomic load and formats nothing. I3: there is
// no package state; a program passes its Logger to those who log.
//
// What it must not do: fail its caller, rotate files, or know the
// configuration (the server maps directives to setters).
package logx

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Level is the importance of a line, and the least one that is written.
type Level int32

// The levels; LevelNothing as a limit writes no line at all.
const (
	LevelDebug Level = iota
	LevelVerbose
	LevelNotice
	LevelWarning
	LevelNothing
)

var levelNames = [...]string{"debug", "verbose", "notice", "warning", "nothing"}

// levelMarks are what a line shows.
const levelMarks = ".-*#"

// String is the word of the loglevel directive.
func (l Level) String() string {
	if l < 0 || int(l) >= len(levelNames) {
		return strconv.Itoa(int(l))
	}
	return levelNames[l]
}

// ParseLevel reads a word of the loglevel directive, in lower case.
func ParseLevel(word string) (level Level, ok bool) {
	for i, name := range levelNames {
		if name == word {
			return Level(i), true
		}
	}
	return 0, false
}

// Role is what the process is at the moment.
type Role byte

// The roles.
const (
	RoleMaster   Role = 'M'
	RoleReplica  Role = 'S'
	RoleChild    Role = 'C'
	RoleSentinel Role = 'X'
)

// MessageBytesMax is where a message is cut (Redis: LOG_MAX_LEN with its NUL).
const MessageBytesMax = 1023

// fileMode is what the umask works on, as with fopen.
const fileMode = 0o666

// Options describe a Logger. The zero value logs everything at level debug
// and above to standard output as a master.
type Options struct {
	Path   string           // file; "" for Stdout
	Level  Level            // least level that is written
	Role   Role             // 0: RoleMaster
	PID    int              // 0: this process
	Stdout io.Writer        // nil: os.Stdout
	Now    func() time.Time // nil: time.Now; lines show its location's time
	// Copy, if not nil, gets every line that is written, without time and
	// role: the way to syslog. Called under the Logger's mutex.
	Copy func(level Level, message string)
}

// Logger writes lines. Create it with New; do not copy it.
type Logger struct {
	level atomic.Int32
	role  atomic.Int32

	mu   sync.Mutex // guards what follows
	opt  Options
	line []byte
}

// New returns a Logger. It opens nothing: see Probe.
func New(opt Options) *Logger {
	if opt.Role == 0 {
		opt.Role = RoleMaster
	}
	if opt.PID == 0 {
		opt.PID = os.Getpid()
	}
	if opt.Stdout == nil {
		opt.Stdout = os.Stdout
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	l := &Logger{opt: opt}
	l.level.Store(int32(opt.Level))
	l.role.Store(int32(opt.Role))
	return l
}

// Enabled reports whether a line of this level is written.
func (l *Logger) Enabled(level Level) bool {
	return int32(level) >= l.level.Load() && level < LevelNothing
}

// Level returns the least level that is written.
func (l *Logger) Level() Level { return Level(l.level.Load()) }

// SetLevel changes the least level that is written.
func (l *Logger) SetLevel(level Level) { l.level.Store(int32(level)) }

// SetRole changes the role that lines show.
func (l *Logger) SetRole(role Role) { l.role.Store(int32(role)) }

// SetPath changes the file; "" is standard output.
func (l *Logger) SetPath(path string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opt.Path = path
}

// Path returns the file, "" for standard output.
func (l *Logger) Path() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.opt.Path
}

// SetCopy changes who gets a copy of every line; nil is nobody.
func (l *Logger) SetCopy(copyTo func(level Level, message string)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opt.Copy = copyTo
}

// Probe opens the file once, creating it, to find out at start whether that
// works. The error is that of the system call, without path and operation.
func (l *Logger) Probe() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.opt.Path == "" {
		return nil
	}
	f, err := open(l.opt.Path)
	if err != nil {
		return cause(err)
	}
	return cause(f.Close())
}

// Debugf writes a line of level debug.
func (l *Logger) Debugf(format string, args ...any) { l.Logf(LevelDebug, format, args...) }

// Verbosef writes a line of level verbose.
func (l *Logger) Verbosef(format string, args ...any) { l.Logf(LevelVerbose, format, args...) }

// Noticef writes a line of level notice.
func (l *Logger) Noticef(format string, args ...any) { l.Logf(LevelNotice, format, args...) }

// Warningf writes a line of level warning.
func (l *Logger) Warningf(format string, args ...any) { l.Logf(LevelWarning, format, args...) }

// Logf writes a line, if its level is on. The message is cut at
// MessageBytesMax bytes.
func (l *Logger) Logf(level Level, format string, args ...any) {
	if !l.Enabled(level) {
		return
	}
	message := fmt.Sprintf(format, args...)
	if len(message) > MessageBytesMax {
		message = message[:MessageBytesMax]
	}
	l.Log(level, message)
}

// Log writes a line of any length, if its level is on.
func (l *Logger) Log(level Level, message string) {
	if !l.Enabled(level) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b := strconv.AppendInt(l.line[:0], int64(l.opt.PID), 10)
	b = append(b, ':', byte(l.role.Load()), ' ')
	b = l.opt.Now().AppendFormat(b, "02 Jan 2006 15:04:05.000")
	b = append(b, ' ', levelMarks[max(level, 0)], ' ')
	b = append(append(b, message...), '\n')
	l.write(b)
	l.keep(b)
	if l.opt.Copy != nil {
		l.opt.Copy(level, message)
	}
}

// Signal writes a line about a signal, if its level is on, in the form that Redis's
// signal handlers use, which cannot tell the date: PID:signal-handler (Unix time) message.
func (l *Logger) Signal(level Level, message string) {
	if !l.Enabled(level) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b := strconv.AppendInt(l.line[:0], int64(l.opt.PID), 10)
	b = append(b, ":signal-handler ("...)
	b = strconv.AppendInt(b, l.opt.Now().Unix(), 10)
	b = append(append(append(b, ") "...), message...), '\n')
	l.write(b)
	l.keep(b)
	if l.opt.Copy != nil {
		l.opt.Copy(level, message)
	}
}

// Raw writes text as it is, without time and line end (crash reports, the
// logo), if its level is on. Its lines are copied one by one, empty ones left out.
func (l *Logger) Raw(level Level, text string) {
	if !l.Enabled(level) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b := append(l.line[:0], text...)
	l.write(b)
	l.keep(b)
	if l.opt.Copy == nil {
		return
	}
	for line := range strings.SplitSeq(text, "\n") {
		if line != "" {
			l.opt.Copy(level, line)
		}
	}
}

// keep reuses the buffer of a line, unless one long text made it large.
func (l *Logger) keep(b []byte) {
	if cap(b) <= 4*MessageBytesMax {
		l.line = b[:0]
	}
}

// write hands b to the file or to standard output. A failure loses the line:
// there is nowhere left to say so.
func (l *Logger) write(b []byte) {
	if l.opt.Path == "" {
		_, _ = l.opt.Stdout.Write(b) // nowhere to report it
		return
	}
	f, err := open(l.opt.Path)
	if err != nil {
		return
	}
	_, _ = f.Write(b) // nowhere to report it
	_ = f.Close()     // nowhere to report it
}

func open(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, fileMode)
}

// cause strips the path and the operation: the text shown to the user has its
// own.
func cause(err error) error {
	if pathErr, ok := err.(*os.PathError); ok {
		return pathErr.Err
	}
	return err
}
