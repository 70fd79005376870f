package engine

import (
	"runtime"
	"sync/atomic"

	"kvorum/command"
	"kvorum/keyspace"
	"kvorum/resp"
)

// Long commands.
//
//	handler on its loop ── Ctx.Long ──► goOff: the session gets a Task, the loop goes on
//	Task ── offLoop.run: a worker of its own, gate, locks, pins ──► the handler anew
//	handler ── Ctx.Step ──► rest: every longSliceNs all locks and the gate are free
//	for a moment, the pins stay
//	end ── effects, those who wait, unpin ──► the reply, in pieces; Hooks.Wake for
//	commands that wait to change the keys
//
// Other commands on the keys read them meanwhile. One that writes to them gets a
// Ticket: its session is postponed, as by CLIENT PAUSE, and served again when the keys
// are free. FLUSHALL and whatever else runs alone waits for all long commands, and new
// ones wait for it.
//
// COMPAT: long-commands: others are served while a command walks over many elements.
//
// L1: at most as many slices as there are slots run at once, so that the loops find a
// processor. L2: who waits for a slot or for pins holds neither, is not in the gate and
// has no lock; who waits for the gate may hold a slot, as nobody in it waits for one.

const (
	longSliceNs  = 50_000    // length of a slice
	longPiece    = 128 << 10 // bytes of a piece of the reply
	idleWorkers  = 4         // workers for long commands that are kept
	shareOfSlots = 2         // of the processors
)

// longCommands is what the engine knows of long commands.
type longCommands struct {
	slots chan struct{} // one of them is taken for each slice
	idle  []*Worker     // guarded by Engine.mu
}

func (l *longCommands) init() {
	l.slots = make(chan struct{}, max(runtime.GOMAXPROCS(0)/shareOfSlots, 1))
}

// offLoop is a long command on its way.
type offLoop struct {
	e         *Engine
	sess      command.Session // a copy
	spec      *command.Spec
	args      [][]byte // its own
	abandoned atomic.Bool

	keys     []keyspace.Key
	held     []keyspace.Key // whose shards are locked in a slice
	sliceEnd int64          // ticks
}

// goOff has the running command called anew in a Task of its session.
func (w *Worker) goOff() {
	c := &w.ctx
	o := &offLoop{e: w.e, sess: *c.Sess, spec: c.Spec, args: make([][]byte, len(c.Args))}
	for i, arg := range c.Args {
		o.args[i] = append([]byte(nil), arg...)
	}
	o.sess.Flags |= command.NoTouch // this call has touched what it read
	c.Sess.Task = o.run
	c.Sess.Abandon = func() { o.abandoned.Store(true) }
}

// offWorker returns a worker for a long command.
func (e *Engine) offWorker() *Worker {
	e.mu.Lock()
	if n := len(e.long.idle); n > 0 {
		w := e.long.idle[n-1]
		e.long.idle = e.long.idle[:n-1]
		e.mu.Unlock()
		return w
	}
	e.mu.Unlock()
	w := &Worker{e: e, flag: e.gate.register(), id: -1}
	w.init() // before others see it
	e.mu.Lock()
	e.workers = append(e.workers, w)
	e.mu.Unlock()
	w.ctx.OffLoop(w.rest)
	return w
}

// putOffWorker takes a worker back.
func (e *Engine) putOffWorker(w *Worker) {
	w.off = nil
	e.mu.Lock()
	if len(e.long.idle) < idleWorkers {
		e.long.idle = append(e.long.idle, w)
		w = nil
	}
	e.mu.Unlock()
	if w != nil {
		w.Close()
	}
}

// run is the Task.
func (o *offLoop) run(to *resp.Writer) {
	w := o.e.offWorker()
	w.off = o
	w.out = resp.Writer{Proto: to.Proto}
	o.keys = w.appendKeys(nil, o.spec, o.args)
	write := o.spec.Flags&command.Write != 0
	w.enterPinned(write)
	c := &w.ctx
	c.Begin(&o.sess, o.spec, o.args)
	c.Keys = o.keys
	counted := w.totals.Stats
	o.spec.Handler(c)
	if c.Dirty > 0 {
		w.feed()
	}
	// The handler's first call has counted these, and Finish counts errors.
	w.totals.Hits, w.totals.Misses, w.totals.Errors = counted.Hits, counted.Misses, counted.Errors
	if write {
		w.serveReady(o.held, false)
	}
	w.remember(&o.sess, o.spec, o.keys) // anew: a key may have changed before it was pinned
	wake := w.e.KS.Unpin(o.keys, write)
	w.locks.unlock(w.e.KS)
	w.end()
	<-o.e.long.slots
	to.Move(&w.out)
	o.e.putOffWorker(w)
	o.e.wake(wake)
}

// enterPinned begins the first slice of a long command, with its keys pinned.
func (w *Worker) enterPinned(write bool) {
	o, ks := w.off, w.e.KS
	var ticket *keyspace.Ticket
	for {
		seq := ks.PinSeq()
		w.e.long.slots <- struct{}{}
		w.begin()
		w.locks.lock(ks, o.keys)
		o.held = o.keys
		if write {
			o.held = w.lockMore(o.keys)
		}
		pinned := ks.TryPin(o.keys, write)
		if !pinned && write && ticket == nil {
			ticket = ks.Wanted(o.keys, nil)
		}
		if pinned && ticket == nil {
			break
		}
		w.locks.unlock(ks)
		if pinned {
			ks.GiveBack(ticket) // its turn has come
			w.locks.lock(ks, o.held)
			break
		}
		w.end()
		<-w.e.long.slots
		ks.AwaitPins(seq)
	}
	o.sliceEnd = w.lastTicks + w.e.clock.NsToTicks(longSliceNs)
}

// rest gives way to others if the slice is over, and reports whether to go on.
func (w *Worker) rest() bool {
	o := w.off
	w.out.Cut(longPiece)
	if w.e.clock.Ticks() < o.sliceEnd {
		return true
	}
	w.locks.unlock(w.e.KS)
	w.e.gate.leave(w.flag)
	<-w.e.long.slots
	runtime.Gosched()
	w.e.long.slots <- struct{}{}
	w.e.gate.enter(w.flag)
	if on := w.e.feeds(); on != w.feeding {
		w.listen(on)
	}
	w.locks.lock(w.e.KS, o.held)
	o.sliceEnd = w.e.clock.Ticks() + w.e.clock.NsToTicks(longSliceNs)
	return o.spec.Flags&command.Write != 0 || !o.abandoned.Load() && !w.floods()
}

// floods reports whether the reply is longer than the client may have output waiting,
// whose connection is then at its end.
func (w *Worker) floods() bool {
	if w.e.hooks.ReplyMax == nil {
		return false
	}
	limit := w.e.hooks.ReplyMax()
	return limit > 0 && int64(w.out.Size()) > limit
}

// wake has sessions served again whose requests have waited for pins.
func (e *Engine) wake(list []any) {
	for _, s := range list {
		e.hooks.Wake(s.(*command.Session))
	}
}

// waitsForPins lets the running request wait if one of keys, whose shards are locked,
// is pinned, and reports whether it does: then the locks are free again.
func (w *Worker) waitsForPins(s *command.Session, keys []keyspace.Key) bool {
	t := w.e.KS.Wanted(keys, parkable(s, w.e))
	if t == nil {
		return false
	}
	w.locks.unlock(w.e.KS)
	s.Ticket = t
	s.Flags |= command.Postponed
	return true
}

// parkable returns who is to be woken: nobody where the caller of Do waits itself.
func parkable(s *command.Session, e *Engine) any {
	if e.hooks.Wake == nil {
		return nil
	}
	return s
}

// drained lets the running request, which has stopped the world, wait if any key is
// pinned, and reports whether it does not.
func (w *Worker) drained(s *command.Session) bool {
	t := w.e.KS.Drain(parkable(s, w.e))
	if t == nil {
		return true
	}
	s.Ticket = t
	s.Flags |= command.Postponed
	return false
}

// giveBack ends the wait of a session whose request has been tried again.
func (w *Worker) giveBack(s *command.Session, t *keyspace.Ticket) {
	w.e.KS.GiveBack(t)
	if s.Ticket == t {
		s.Ticket = nil
	}
}
