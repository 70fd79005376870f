package server

import (
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"kvorum/config"
	"kvorum/logx"
)

// program is a server that is all there is in its process: it may name the
// process, take its signals, write its pid file and its crash report. A server
// that a test builds with New has no program, and leaves the process alone.
//
// Its methods are called by the goroutine of Main, but for those whose comments
// say otherwise.
type program struct {
	s          *Server
	cfg        *config.Config // s.cfg: under s.cfgMu once the server runs
	log        *logx.Logger
	supervisor *supervisor
	daemon     *daemon // nil unless started to be in the background
	name       string  // as it was started
	pidFile    string  // absolute; "" if there is none
	area       titleArea
	title      string   // of the process at the start
	oom        oomScore // after running is set: under cfgMu
	running    atomic.Bool
	signals    signalState
	crash      crashState
	watchdog   *watchdog
}

// newProgram makes the process that of s.
func newProgram(s *Server, b *boot) *program {
	p := &program{
		s: s, cfg: s.cfg, log: s.log, supervisor: &b.supervisor, daemon: b.daemon, name: programName(b.args),
		area: findTitleArea(), oom: oomScore{path: oomScoreFile}, watchdog: newWatchdog(s),
	}
	s.program = p
	p.cfg.OnChange(p.applyOOM, "oom-score-adj", "oom-score-adj-values")
	p.cfg.OnChange(p.applyTitle, "proc-title-template", "port", "bind")
	p.cfg.OnChange(p.applySignals, "shutdown-on-sigint", "shutdown-on-sigterm")
	p.cfg.OnChange(p.applyCrash, "crash-log-enabled", "use-exit-on-panic")
	p.cfg.OnChange(p.applyWatchdog, "watchdog-period")
	return p
}

// programName is how the program was started, without args.
func programName(args []string) string {
	own := os.Args[:max(len(os.Args)-len(args), 1)]
	return strings.Join(own, " ")
}

// begin is what comes between the first lines of the log and the listening.
func (p *program) begin() {
	p.handleSignals()
	p.pin()
	p.giveWay()
	p.refuseHugePages()
	p.writePidFile()
	p.title = p.s.title(p.name)
	if p.cfg.Bool("set-proc-title") {
		if err := p.showTitle(); err != nil {
			p.log.Warningf("%s", err)
		}
	}
	p.s.logo()
	p.warnOfLimits()
	go p.guard(nil, p.followLog)
}

// ready is called when connections are accepted. cfgMu is not held.
func (p *program) ready() {
	if p == nil {
		return
	}
	p.supervisor.tell("STATUS=Ready to accept connections\n")
	p.supervisor.tell("READY=1\n")
	p.s.cfgMu.Lock()
	p.warnOfMemory()
	p.running.Store(true)
	_ = p.applyOOM() // logged; the server runs without
	if p.s.title(p.name) != p.title {
		_ = p.applyTitle() // somebody was quick; as above
	}
	p.s.cfgMu.Unlock()
	if p.daemon != nil {
		p.daemon.ready()
	}
}

// stopping is called when the server has been told to end. Any goroutine.
func (p *program) stopping() {
	if p != nil {
		p.supervisor.tell("STOPPING=1\n")
	}
}

// cannotSave is called when the end has been called off for want of a save. Any
// goroutine.
func (p *program) cannotSave() {
	if p != nil {
		p.supervisor.tell("STATUS=Error trying to save the DB, can't exit.\n")
	}
}

// end is called before connections are closed.
func (p *program) end() {
	if p != nil {
		p.removePidFile()
	}
}

// followLog keeps the runtime's crash output in the file of the log while the
// server runs: log rotation moves files away.
func (p *program) followLog() {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-p.s.stop:
			return
		case <-t.C:
			p.crash.followLog(p.log.Path())
		}
	}
}

// supervised is process_supervised of INFO.
func (p *program) supervised() string {
	if p == nil {
		return superviseNo
	}
	return p.supervisor.name()
}

// applyOOM is a hook of the configuration, and follows the role.
func (p *program) applyOOM() error {
	if p == nil || !p.running.Load() {
		return nil // a server without a process of its own; or ready does it
	}
	const master, replica = 0, 1 // of the three values; there are no children
	role := master
	if p.s.eng.IsReplica() {
		role = replica
	}
	if err := p.oom.apply(p.cfg.EnumBits("oom-score-adj"), p.cfg.OOMScoreValues()[role]); err != nil {
		p.log.Warningf("%s", err)
		return errOOMScore
	}
	return nil
}

// applyTitle is a hook of the configuration: a title says what is true.
func (p *program) applyTitle() error {
	if !p.running.Load() {
		return nil // begin does it, if it is to be done
	}
	if err := p.showTitle(); err != nil {
		p.log.Warningf("%s", err)
		return errTitle
	}
	return nil
}

// errTitle is the problem that CONFIG SET names.
var errTitle = errors.New("failed to set process title")

func (p *program) showTitle() error { return p.area.set(p.s.title(p.name)) }

// applyWatchdog is a hook of the configuration.
func (p *program) applyWatchdog() error {
	p.watchdog.setPeriod(p.cfg.Int("watchdog-period"))
	return nil
}
