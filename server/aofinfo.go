package server

// What INFO tells of the log.

// aofReport is a reading of the figures.
type aofReport struct {
	aofFigures
	writes bool // the last write and the last sync worked
}

func (r *report) aof() aofReport {
	a := &r.s.aof
	a.mu.Lock()
	defer a.mu.Unlock()
	return aofReport{a.figures, a.errText == "" && a.bioText == "" && !a.lagging}
}

// sinceStart returns for how many seconds a rewrite has been under way, -1 without one.
func (f aofFigures) sinceStart(nowSec int64) int64 {
	if f.rewriteStart == 0 {
		return -1
	}
	return nowSec - f.rewriteStart
}

// enabled reports whether there is a log, or will be one soon.
func (a *aofLog) enabled() bool { return aofState(a.state.Load()) != aofOff || a.enabling.Load() > 0 }

// inProgress reports whether a rewrite is under way or about to begin.
func (a *aofLog) inProgress() bool { return a.busy.Load() || a.enabling.Load() > 0 }

// startsFirst reports whether the log has been turned on and its first base is being
// written: so far it is not one that could be loaded.
func (a *aofLog) startsFirst() bool { return aofState(a.state.Load()) == aofWaiting && a.inProgress() }

// lag returns how many bytes wait for the disk.
func (a *aofLog) lag() int64 {
	if w := a.writer.Load(); w != nil {
		return w.lag()
	}
	return 0
}

// syncing reports whether a sync is under way beside the writer.
func (a *aofLog) syncing() bool {
	w := a.writer.Load()
	return w != nil && w.syncer.busy.Load()
}

// resetStats zeroes what CONFIG RESETSTAT zeroes.
func (a *aofLog) resetStats() {
	a.mu.Lock()
	a.figures.delayed, a.figures.rewrites = 0, 0
	a.mu.Unlock()
}

// SlowAOF implements command.Host.
func (s *Server) SlowAOF(us int64) { s.aof.flushSleepUs.Store(us) }

// whileAOF is the value of a field that is there only while the log is on.
func whileAOF(value func(*report) any) func(*report) any {
	return func(r *report) any {
		if !r.s.aof.enabled() {
			return nil
		}
		return value(r)
	}
}

// saving reports whether a snapshot to an RDB file is being written.
func (a *aofLog) saving() bool { return a.s.persist.running() != nil }
