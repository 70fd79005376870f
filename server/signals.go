package server

import (
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"kvorum/logx"
)

// What the signals do:
//
//	TERM, INT           end, as shutdown-on-sigterm and shutdown-on-sigint say
//	INT, once more      end at once, with status 1
//	HUP, PIPE           nothing
//	ALRM                write the stacks of all goroutines to the log
//	SEGV, BUS, FPE, ILL, ABRT, QUIT, TRAP, SYS, sent by somebody:
//	                    write a crash report, and die of the signal
//
// COMPAT: signals: USR1 and USR2 end Redis, here they do nothing; ALRM ends it
// unless watchdog-period is in use; of QUIT, TRAP and SYS it dies
// without a report.

// signalState is what the configuration says about signals, for the goroutine
// that gets them: it must not wait for the lock of the configuration.
type signalState struct {
	onInt, onTerm atomic.Int64 // bits config.Shutdown...
	asked         atomic.Bool  // a signal has begun the end
}

// fatalSignals end the process, with a crash report.
var fatalSignals = []os.Signal{
	syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGABRT,
	syscall.SIGQUIT, syscall.SIGTRAP, syscall.SIGSYS,
}

// signalQueue is how many signals may wait for their goroutine.
const signalQueue = 16

// handleSignals takes the signals over from the runtime.
func (p *program) handleSignals() {
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE)
	ch := make(chan os.Signal, signalQueue)
	signal.Notify(ch, append([]os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGALRM}, fatalSignals...)...)
	go p.guard(nil, func() {
		for sig := range ch {
			p.signal(sig.(syscall.Signal))
		}
	})
}

// signal handles one signal.
func (p *program) signal(sig syscall.Signal) {
	switch sig {
	case syscall.SIGTERM:
		p.log.Signal(logx.LevelWarning, "Received SIGTERM scheduling shutdown...")
		p.askedToEnd(p.signals.onTerm.Load())
	case syscall.SIGINT:
		// A second Ctrl+C: somebody at a terminal does not want to wait.
		if p.signals.asked.Load() {
			p.log.Signal(logx.LevelWarning, "You insist... exiting now.")
			os.Exit(1)
		}
		p.log.Signal(logx.LevelWarning, "Received SIGINT scheduling shutdown...")
		p.askedToEnd(p.signals.onInt.Load())
	case syscall.SIGALRM:
		p.log.Log(levelReport, "\nReceived SIGALRM")
		logStacks(p.log)
	default:
		p.killed(sig)
	}
}

// askedToEnd begins the end, which may wait for replicas.
func (p *program) askedToEnd(flags int64) {
	p.signals.asked.Store(true)
	go p.guard(nil, func() {
		if !p.s.shutDown(flags) {
			p.signals.asked.Store(false)
		}
	})
}

// applySignals is a hook of the configuration.
func (p *program) applySignals() error {
	p.signals.onInt.Store(p.cfg.EnumBits("shutdown-on-sigint"))
	p.signals.onTerm.Store(p.cfg.EnumBits("shutdown-on-sigterm"))
	return nil
}
