package server

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"kvorum/command/conncmd"
	"kvorum/logx"
	"kvorum/netloop"
)

// The crash report. There are three ways to it:
//
//	a panic of a goroutine that guard runs    report, then SIGABRT (SIGSEGV if the
//	                                          panic was a bad address)
//	a fatal signal from outside               report, then that signal
//	an error of the runtime itself (a map     the runtime writes what is wrong and
//	written by two, out of memory), or a      all stacks to standard error and, by
//	panic of another goroutine                SetCrashOutput, to the log; SIGABRT
//
// COMPAT: crash-report: no registers, no memory test, no arguments of clients.
//
// The process dies by the signal's default action, so its parent sees it and the
// kernel writes a core where that is wanted.
//
// When it is written anything may be broken: a lock may be held for ever, a loop
// may not come round. So the report is written piece by piece, the surest first,
// beside the goroutine that crashed, and is given up after crashWait.

const (
	levelReport = logx.LevelWarning

	crashWait   = 5 * time.Second        // for the whole report
	sectionWait = 200 * time.Millisecond // for a section of INFO
	loopWait    = 200 * time.Millisecond // for the clients of one loop
	stacksBytes = 1 << 20                // of stacks that are written at most
)

// crashState is what the configuration says about crashes, and the file that
// the runtime writes to.
type crashState struct {
	enabled atomic.Bool // crash-log-enabled
	exit    atomic.Bool // use-exit-on-panic
	begun   atomic.Bool // a report is being written

	mu   sync.Mutex // guards what follows
	file *os.File   // nil: standard error only
}

// applyCrash is a hook of the configuration.
func (p *program) applyCrash() error {
	p.crash.enabled.Store(p.cfg.Bool("crash-log-enabled"))
	p.crash.exit.Store(p.cfg.Bool("use-exit-on-panic"))
	if os.Getenv("GOTRACEBACK") == "" {
		debug.SetTraceback("crash") // SIGABRT instead of status 2
	}
	p.crash.followLog(p.log.Path())
	return nil
}

// followLog lets the runtime write to the file that the log has now: it may have
// been moved away since. Only a regular file is kept open, as others may block,
// and one that was removed is let go. Any goroutine may call it.
func (c *crashState) followLog(path string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, err := os.Stat(path)
	wanted := c.enabled.Load() && path != "" && err == nil && now.Mode().IsRegular()
	if c.file != nil {
		if have, err := c.file.Stat(); wanted && err == nil && os.SameFile(have, now) {
			return
		}
		_ = c.file.Close() // nothing has been written
		c.file = nil
	}
	if wanted {
		if f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0); err == nil {
			c.file = f
		}
	}
	// On an error the runtime goes on with the output it has.
	_ = debug.SetCrashOutput(c.file, debug.CrashOptions{})
}

// guard runs a goroutine of the server; l is the loop that it is, or nil. A
// panic ends in a crash report if the process is the server's, and is left alone
// otherwise.
func (s *Server) guard(l *netloop.Loop, run func()) {
	if s.program == nil {
		run()
		return
	}
	s.program.guard(l, run)
}

func (p *program) guard(l *netloop.Loop, run func()) {
	debug.SetPanicOnFault(true)
	defer func() {
		if reason := recover(); reason != nil {
			p.panicked(l, reason)
		}
	}()
	run()
}

// panicked is called where a panic arrives: its stack is still there. It does
// not return.
func (p *program) panicked(l *netloop.Loop, reason any) {
	stack, place := debug.Stack(), panicPlace()
	sig := syscall.SIGABRT
	text := fmt.Sprint(reason)
	address, bad := badAddress(reason, text)
	if bad {
		sig = syscall.SIGSEGV
	}
	p.report(func() {
		switch message, broken := strings.CutPrefix(text, "invariant broken: "); {
		case bad:
			p.log.Warningf("Redis %s crashed by signal: %d, si_code: 0 (kvorum %s)", RedisVersion, sig, Version)
			p.log.Warningf("Accessing address: 0x%x", address)
			p.log.Warningf("Crashed running the instruction at: %s: %s", place, text)
		case broken:
			p.log.Warningf("=== ASSERTION FAILED ===")
			p.log.Warningf("==> %s '%s' is not true", place, message)
		default:
			p.log.Warningf("------------------------------------------------")
			p.log.Warningf("!!! Software Failure. Press left mouse button to continue")
			p.log.Warningf("Guru Meditation: %s #%s", text, place)
		}
	}, stack, l)
	if !bad && p.crash.exit.Load() {
		os.Exit(1)
	}
	p.die(sig)
}

// killed is called for a fatal signal that somebody has sent. It does not return.
func (p *program) killed(sig syscall.Signal) {
	if p.crash.enabled.Load() {
		p.report(func() {
			p.log.Warningf("Redis %s crashed by signal: %d, si_code: 0 (kvorum %s)", RedisVersion, sig, Version)
		}, nil, nil)
	}
	p.die(sig)
}

// die ends the process by a signal.
func (p *program) die(sig syscall.Signal) {
	if p.daemon != nil {
		_ = os.Remove(p.pidFile) // as in Redis, only that of a daemon
	}
	netloop.DieBySignal(sig)
	const signaled = 128 // what a shell makes of it
	os.Exit(signaled + int(sig))
}

// badAddress reports whether a panic came from touching memory that is not
// there, and which.
func badAddress(reason any, text string) (address uintptr, bad bool) {
	if fault, ok := reason.(interface{ Addr() uintptr }); ok {
		return fault.Addr(), true
	}
	return 0, strings.Contains(text, "invalid memory address")
}

// panicPlace returns file and line of the panic that is being recovered.
func panicPlace() string {
	const depth = 64
	pcs := make([]uintptr, depth)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	seen := false
	for {
		f, more := frames.Next()
		switch {
		case f.Function == "runtime.gopanic":
			seen = true
		case seen && !strings.HasPrefix(f.Function, "runtime.") && !strings.HasSuffix(f.Function, "invariants.Fail"):
			return filepath.Base(f.File) + ":" + strconv.Itoa(f.Line)
		}
		if !more {
			return "?:0"
		}
	}
}

// report writes the crash report: cause writes its first lines, stack is that of
// the goroutine that crashed, l the loop that it is, or nil. A second crash waits
// here for the end of the process.
func (p *program) report(cause func(), stack []byte, l *netloop.Loop) {
	if !p.crash.begun.CompareAndSwap(false, true) {
		select {}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = recover() }() // a report that crashes is cut off there
		p.log.Raw(levelReport, "\n\n=== REDIS BUG REPORT START: Cut & paste starting from here ===\n")
		cause()
		if p.crash.enabled.Load() {
			p.sections(stack, l)
		}
		p.log.Raw(levelReport, reportEnd)
	}()
	select {
	case <-done:
	case <-time.After(crashWait):
	}
}

const reportEnd = "\n=== REDIS BUG REPORT END. Make sure to include from START to END. ===\n\n" +
	"       Please report the crash to the project that you have kvorum from,\n" +
	"       with all of the above, after a look for what should not leave your house.\n\n" +
	"  Suspect RAM error? Use kvorum server --test-memory to verify it.\n\n" +
	"  Some other issues could be detected by kvorum server --check-system\n"

// sections writes what is known about the server. The client lines of the loop
// that crashed are read from here: it does nothing else any more.
func (p *program) sections(stack []byte, l *netloop.Loop) {
	p.log.Raw(levelReport, "\n------ STACK TRACE ------\n"+string(stack)+"\n")
	p.log.Raw(levelReport, string(allStacks())+"\n------ STACK TRACE DONE ------\n")

	p.log.Raw(levelReport, "\n------ INFO OUTPUT ------\n"+p.infoText())
	p.log.Raw(levelReport, "\n------ CLIENT LIST OUTPUT ------\n"+p.clientText(l))
	if l != nil {
		if cl := l.User.(*loopState).serving; cl != nil {
			p.log.Raw(levelReport, "\n------ CURRENT CLIENT INFO ------\n"+p.clientLine(cl)+"\n")
		}
	}
	p.log.Raw(levelReport, "\n------ CONFIG DEBUG OUTPUT ------\n"+p.configText())
}

// infoText is INFO, section by section: some figures are read while the world
// stands still, and it may not come to that any more.
func (p *program) infoText() string {
	var text strings.Builder
	patience := sectionWait
	for _, sec := range sections() {
		name := strings.ToLower(sec.title)
		part := make(chan string, 1)
		go func() {
			defer func() {
				if recover() != nil {
					part <- "# " + sec.title + "\n(failed)\n"
				}
			}()
			part <- p.s.crashInfo(name)
		}()
		select {
		case t := <-part:
			text.WriteString(strings.ReplaceAll(t, "\r\n", "\n"))
		case <-time.After(patience):
			patience = sectionWait / 10 // the lock will not be let go
			text.WriteString("# " + sec.title + "\n(not to be had: a lock is held)\n")
		}
		text.WriteByte('\n')
	}
	return text.String()
}

// clientText has the lines of all clients whose loops answer.
func (p *program) clientText(crashed *netloop.Loop) string {
	var text strings.Builder
	for _, l := range p.s.net.Loops() {
		lines := make(chan string, 1)
		list := func() {
			var b strings.Builder
			for _, cl := range l.User.(*loopState).sessions {
				b.WriteString(p.clientLine(cl) + "\n")
			}
			lines <- b.String()
		}
		if l == crashed {
			list()
		} else if !l.Post(list) {
			continue
		}
		select {
		case s := <-lines:
			text.WriteString(s)
		case <-time.After(loopWait):
			fmt.Fprintf(&text, "(event loop %d does not answer)\n", l.ID)
		}
	}
	return text.String()
}

func (p *program) clientLine(cl *client) string {
	return conncmd.ClientLine(cl.Session, p.s.clock.NowMs(), p.s.BufferBytes(cl.Session))
}

// configText has the directives that were given a value, secrets left out.
func (p *program) configText() string {
	if !p.s.cfgMu.TryRLock() {
		return "(the configuration is being changed)\n"
	}
	defer p.s.cfgMu.RUnlock()
	var text strings.Builder
	for _, pair := range p.cfg.Given() {
		fmt.Fprintf(&text, "%s: %s\n", pair.Name, pair.Text)
	}
	return text.String()
}

// allStacks returns the stacks of all goroutines, cut at stacksBytes.
func allStacks() []byte {
	b := make([]byte, stacksBytes)
	return bytes.TrimSpace(b[:runtime.Stack(b, true)])
}

// logStacks writes the stacks of all goroutines of a server that goes on.
func logStacks(log *logx.Logger) {
	log.Raw(levelReport, "\n------ STACK TRACE ------\n"+string(allStacks())+"\n\n------ STACK TRACE DONE ------\n")
}

// Segfault implements command.Host.
func (s *Server) Segfault() {
	page, err := syscall.Mmap(-1, 0, os.Getpagesize(), syscall.PROT_READ, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		panic(err) // it is to end here anyway
	}
	page[0] = 'x'
}
