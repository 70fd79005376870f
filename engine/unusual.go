package engine

import "kvorum/command"

// What makes the execution of commands unusual: CLIENT PAUSE, MONITOR, loading, and
// disks that fail. All are off nearly always, so workers keep the bits beside them and look at them
// with one test per command.
//
// Who turns one of the first two on is exclusive: no command that began before runs on
// when it has been turned on, and every command that begins afterwards sees it.
const (
	pausedWrites uint32 = 1 << iota // commands that may write are postponed
	pausedAll                       // all commands are
	frozen                          // commands that may write are postponed until Thaw
	monitored                       // commands are told to Hooks.OnCommand
	replica                         // the data are a master's: they change by its stream only
	readOnly                        // a replica's clients cannot change them either
	ownWrites                       // or they can, in no stream
	stale                           // nor read them, for the master is out of reach
	keepsAll                        // a replica evicts nothing of its own, whatever memory its data take
	fewReplicas                     // clients cannot change data that too few replicas get
	loading                         // commands without the flag Loading are refused
	noWrites                        // commands that write are refused
	tracked                         // changes are told to clients that cache

	paused = pausedWrites | pausedAll
	halted = paused | frozen
	roles  = replica | readOnly | ownWrites | stale | keepsAll | fewReplicas
)

const errMonitorKeys = "-ERR Replica can't interact with the keyspace"

// Pause postpones commands that may write, or all commands, until a Unix time in
// milliseconds. A pause that is in force at nowMs is prolonged and extended, never
// cut. The world stands still. Meanwhile expired keys stay, unseen, and nothing
// is evicted.
func (e *Engine) Pause(all bool, untilMs, nowMs int64) {
	end := e.pauseEnd.Load()
	if end <= nowMs {
		e.Unpause()
		end = 0
	}
	e.pauseEnd.Store(max(end, untilMs))
	bits := pausedWrites
	if all {
		bits = paused
	}
	e.unusual.Or(bits)
}

// Unpause ends the pause. Postponed requests have to be served again. By a
// goroutine in a batch, or while the world stands still: no pause begins meanwhile.
func (e *Engine) Unpause() {
	e.pauseEnd.Store(0)
	e.unusual.And(^paused)
}

// Freeze postpones commands that may write until Thaw, whatever clients say of pauses:
// the data stay as they are. The world stands still.
func (e *Engine) Freeze() { e.unusual.Or(frozen) }

// Thaw ends that. Postponed requests have to be served again.
func (e *Engine) Thaw() { e.unusual.And(^frozen) }

// Frozen reports whether the data stay as they are.
func (e *Engine) Frozen() bool { return e.unusual.Load()&frozen != 0 }

// PauseLeftMs returns how long the pause still lasts at nowMs, 0 when there is
// none.
func (e *Engine) PauseLeftMs(nowMs int64) int64 {
	if e.unusual.Load()&paused == 0 {
		return 0
	}
	return max(e.pauseEnd.Load()-nowMs, 0)
}

// Watch has the commands executed from now on told to Hooks.OnCommand, or no
// longer. To turn it on the world must stand still.
func (e *Engine) Watch(on bool) {
	if on {
		e.unusual.Or(monitored)
		return
	}
	e.unusual.And(^monitored)
}

// look reads what is unusual, at the beginning of a batch and after having been
// alone.
func (w *Worker) look() {
	w.unusual = w.e.unusual.Load()
	if w.unusual&paused != 0 && w.e.PauseLeftMs(w.nowMs) == 0 {
		w.e.Unpause()
		w.unusual &^= paused
	}
	w.ctx.KeepExpired = w.unusual&(halted|replica|loading) != 0
	w.evictor.idle = w.unusual&(halted|loading|keepsAll) != 0
	w.ctx.Teller = nil
	if w.unusual&tracked != 0 {
		w.ctx.Teller = &w.teller
	}
}

// held deals with what forbids a command now: it reports whether it is refused
// or postponed.
func (w *Worker) held(s *command.Session, spec *command.Spec) bool {
	const writes = command.Write | command.MayReplicate
	writing := spec.Flags&writes != 0 || spec.Mode == command.Transaction && s.Txn != nil && s.Txn.Flags&writes != 0
	switch {
	case s.Flags&command.Internal != 0:
		return false
	case s.Flags&(command.Monitor|command.Replica) != 0:
		// To Redis a monitor is a sort of replica: never paused, without access to keys.
		if spec.Flags&(writes|command.ReadOnly) == 0 {
			return false
		}
		s.LastCmd = spec
		w.refuse(s, spec, errMonitorKeys)
		return true
	case w.unusual&(roles|loading|noWrites) != 0 && w.denied(s, spec):
		return true
	case w.unusual&halted == 0, deaf(s, spec), w.unusual&pausedAll == 0 && !writing:
		return false
	}
	s.Flags |= command.Postponed
	s.LastCmd = spec
	return true
}

// tell tells the monitors of the command that has just been executed, also by the link to
// a master.
func (w *Worker) tell() {
	c := &w.ctx
	own := c.Sess.Flags&(command.Internal|command.MasterLink) == command.Internal
	if c.Spec.Flags&(command.SkipMonitor|command.Admin) != 0 || own || w.e.hooks.OnCommand == nil {
		return
	}
	w.out.B = append(w.out.B, w.e.hooks.OnCommand(c.Sess, c.Spec, c.Args)...)
}

// mute takes the reply to a request back, if the client wants none, and ends the
// request unless it goes on.
func (w *Worker) mute(s *command.Session, before int) {
	if s.Muted() {
		w.out.B = w.out.B[:before]
	}
	if s.Task == nil && s.Flags&command.Blocked == 0 {
		s.Answered()
	}
}
