package engine

import (
	"bytes"

	"kvorum/command"
	"kvorum/keyspace"
)

// execute runs one request: checks, locks, handler, feed, counts. spec is nil
// when the table has no such command or subcommand.
func (w *Worker) execute(s *command.Session, spec *command.Spec, args [][]byte, keys []keyspace.Key) {
	c := &w.ctx
	if spec == nil || !spec.ArityOK(len(args)) || len(spec.Subs) > 0 && spec.Handler == nil {
		s.LastCmd = spec
		w.reject(s, spec, args)
		return
	}
	if w.mustAuth(s) && spec.Flags&command.NoAuth == 0 {
		s.LastCmd = spec
		if !w.guarded(s, spec) {
			w.refuse(s, spec, command.ErrNoAuth)
		}
		return
	}
	if (w.unusual != 0 || s.Flags&command.Replica != 0) && w.held(s, spec) {
		return
	}
	if w.evictor.limit.Max > 0 && deniedOOM(s, spec) && w.outOfMemory(s, args) {
		w.refuse(s, spec, errOOM)
		return
	}
	if deaf(s, spec) {
		w.refuse(s, spec, errSubscribed(spec))
		return
	}
	if w.unusual&tracked != 0 {
		w.beforeTracked(s)
	}
	if s.Txn != nil && w.queue(s, spec, args) {
		return
	}
	c.Begin(s, spec, args)
	c.Keys = keys
	errors := w.totals.Errors
	switch spec.Mode {
	case command.Exclusive:
		if w.guarded(s, spec) || !w.exclusive(s, spec) {
			return
		}
	case command.Transaction:
		if w.exec(s, args) {
			errors = w.totals.Errors // those of its commands are theirs
		} else if s.Flags&command.Postponed != 0 {
			return
		}
		if w.unusual&monitored != 0 {
			w.tell()
		}
	default:
		if !w.locked(s, spec, keys) {
			return
		}
	}
	if len(w.late) > 0 {
		w.serveLate()
	}
	if spec.Flags&command.Admin != 0 {
		w.adoptNew() // CONFIG SET is in force for the next request, of the same batch too
	}
	w.account(s, spec, args, w.totals.Errors > errors)
	w.out.Proto = s.Proto
}

// locked runs a handler under the locks of its keys, and reports that it did: not, when
// it has to wait for long commands.
func (w *Worker) locked(s *command.Session, spec *command.Spec, keys []keyspace.Key) (ran bool) {
	c := &w.ctx
	// Not when the handler locks: a group is numbered when the locks are free again.
	group := w.feeding && spec.Mode != command.LocksItself
	writes := spec.Flags&command.Write != 0
	held, ok := w.lockFor(s, writes, keys)
	if ok && w.unusual&tracked != 0 {
		held, ok = w.beginTracked(s, writes, keys, held)
	}
	if !ok {
		return false
	}
	if group {
		w.ring.Begin()
	}
	spec.Handler(c)
	if spec.Mode == command.FindsKeys {
		if held, ok = w.findKeys(s, spec, keys, held); !ok {
			return false
		}
	}
	if c.Dirty > 0 {
		w.feed()
	}
	if group {
		w.ring.End()
	}
	if w.unusual&tracked != 0 {
		w.remember(s, spec, keys)
		w.tellOwn(s)
	}
	if spec.MayBlock || spec.Flags&command.Write != 0 {
		w.blockOrServe(s, spec, held)
	}
	if w.unusual != 0 {
		if w.unusual&monitored != 0 {
			w.tell()
		}
		if w.unusual&tracked != 0 {
			w.endTracked()
		}
	}
	w.locks.unlock(w.e.KS)
	return true
}

// guarded refuses a command that the row keeps from the client, and reports
// whether it did.
func (w *Worker) guarded(s *command.Session, spec *command.Spec) bool {
	if spec.Guard == nil {
		return false
	}
	text := spec.Guard(w.e.hooks.Host, s)
	if text == "" {
		return false
	}
	s.LastCmd = spec
	w.refuse(s, spec, text)
	return true
}

// exclusive runs a handler while no other goroutine is in a batch, and reports that it
// did: not, when it has to wait for long commands.
func (w *Worker) exclusive(s *command.Session, spec *command.Spec) (ran bool) {
	w.stop()
	defer w.start()
	if !w.drained(s) {
		return false
	}
	telling := w.e.unusual.Load()&tracked != 0
	if telling {
		w.beginAlone(s)
	}
	if w.feeding {
		w.ring.Begin()
	}
	spec.Handler(&w.ctx)
	w.feed()
	if w.feeding {
		w.ring.End()
	}
	w.tellOwn(s)
	w.serveReady(nil, true)
	if w.unusual&monitored != 0 {
		w.tell()
	}
	if telling {
		w.endAlone()
	}
	return true
}

// stop stops the world, in the middle of a batch.
func (w *Worker) stop() {
	if !w.behind {
		w.e.gate.leave(w.flag)
		w.e.gate.stop()
	}
}

// start lets the world go on.
func (w *Worker) start() {
	if !w.behind {
		w.e.gate.start()
		w.e.gate.enter(w.flag)
	}
	w.look()
	if on := w.e.feeds(); on != w.feeding {
		w.listen(on)
	}
}

// feed counts changes, and appends the verbatim request when the handler told no
// effect of its own.
func (w *Worker) feed() {
	c := &w.ctx
	w.totals.Dirty += uint64(c.Dirty)
	if c.Feed != nil && c.Dirty > 0 && c.EffectCount() == 0 {
		c.Feed.Append(c.DB.Index(), c.Args...)
	}
	if w.unusual&ownWrites != 0 && c.Dirty > 0 {
		w.noteOwn()
	}
}

// account counts an executed command and measures it.
func (w *Worker) account(s *command.Session, spec *command.Spec, args [][]byte, failed bool) {
	now := w.e.clock.Ticks()
	spent := now - w.lastTicks
	w.lastTicks = now
	s.Commands++
	s.LastCmd = spec
	s.LastSeen = w.nowMs
	if s.Task != nil || s.Flags&command.Blocked != 0 {
		s.Unfinished = unfinished(spec, args, spent)
		return
	}
	w.count(s, spec, args, spent, failed)
	if now >= w.nextMs {
		w.readTime()
	}
}

// count adds a command that is done to the statistics, and reports it if it was
// slow.
func (w *Worker) count(s *command.Session, spec *command.Spec, args [][]byte, spent int64, failed bool) {
	w.totals.Commands++
	st := &w.totals.PerCommand[spec.ID]
	st.Calls++
	st.Ticks += uint64(spent)
	if failed {
		st.Failed++
		w.countReplyError()
	}
	if w.settings.LatencyTrack {
		st.record(w.e.clock.TicksToNs(spent))
	}
	if spent >= w.slowFrom {
		w.report(s, spec, args, spent)
	}
}

// refuse replies the error of a command that is not executed.
func (w *Worker) refuse(s *command.Session, spec *command.Spec, text string) {
	if s.Txn != nil {
		s.Txn.Failed = true
	}
	if spec != nil {
		if spec.Mode == command.Transaction {
			text = w.abort(s, text)
		}
		w.totals.PerCommand[spec.ID].Rejected++
	}
	w.out.Err(text)
	w.totals.Errors++
	w.totals.countError(text)
}

// Bounds of what the error of an unknown command repeats of the request.
const (
	unknownNameMax = 128
	unknownArgsMax = 128
)

// The words that a request and a header line of HTTP begin with.
var (
	httpPost = []byte("post")
	httpHost = []byte("host:")
)

// reject replies why a request names no command that could run.
//
// COMPAT: http-replies: replies to requests before the one of a client that
// speaks HTTP are still sent.
func (w *Worker) reject(s *command.Session, spec *command.Spec, args [][]byte) {
	if spec == nil {
		if bytes.EqualFold(args[0], httpPost) || bytes.EqualFold(args[0], httpHost) {
			s.Flags |= command.CloseAfterReply
			if w.e.hooks.OnAttack != nil {
				w.e.hooks.OnAttack(s)
			}
			return
		}
		if w.e.Table.Lookup(args[0]) != nil {
			w.refuse(s, nil, unknownSub(args[0], args[1]))
			return
		}
		w.refuse(s, nil, unknownCommand(args))
		return
	}
	w.refuse(s, spec, "-ERR wrong number of arguments for '"+spec.FullName()+"' command")
}

func unknownCommand(args [][]byte) string {
	text := []byte("-ERR unknown command '")
	text = append(text, clip(args[0], unknownNameMax)...)
	text = append(text, "', with args beginning with: "...)
	for size, i := 0, 1; i < len(args) && size < unknownArgsMax; i++ {
		arg := clip(args[i], unknownArgsMax-size)
		text = append(text, '\'')
		text = append(text, arg...)
		text = append(text, "' "...)
		size += len(arg) + len("'' ")
	}
	return string(text)
}

func unknownSub(parent, sub []byte) string {
	text := []byte("-ERR unknown subcommand '")
	text = append(text, clip(sub, unknownNameMax)...)
	text = append(text, "'. Try "...)
	text = append(text, command.AsciiUpper(parent)...)
	return string(append(text, " HELP."...))
}

func clip(b []byte, size int) []byte {
	for i, c := range b {
		if c == 0 {
			b = b[:i] // Redis prints with %s
			break
		}
	}
	if len(b) > size {
		return b[:max(size, 0)]
	}
	return b
}

// countReplyError counts the error that the handler replied by its code. The
// reply is the last in the output.
func (w *Worker) countReplyError() {
	w.totals.countError(w.totals.lastError())
}
