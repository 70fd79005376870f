package server

import (
	"time"

	"kvorum/command"
	"kvorum/config"
	"kvorum/engine"
	"kvorum/logx"
	"kvorum/netloop"
	"kvorum/resp"
)

// handler connects the loops with the engine.
type handler struct{ s *Server }

// Open gives a new connection a session, or refuses it.
func (h handler) Open(l *netloop.Loop, c *netloop.Conn) bool {
	s := h.s
	if s.log.Enabled(logx.LevelVerbose) {
		s.logAccepted(c)
	}
	if text := s.refuse(c); text != "" {
		s.stats.rejected.Add(1)
		l.Out = append(l.Out, text...)
		return false
	}
	s.stats.accepted.Add(1)
	cl := &client{Session: s.eng.NewSession(c), conn: c, waitUsec: -1}
	c.Data = cl
	state := l.User.(*loopState)
	cl.Inbox = state.inbox
	state.sessions[cl.ID] = cl
	state.roster.add(cl)
	state.noteMemory(cl, cl.memory())
	return true
}

// Closed forgets a connection.
func (h handler) Closed(l *netloop.Loop, c *netloop.Conn) {
	cl := c.Data.(*client)
	cl.closed = true
	if !cl.sentAway && cl.Flags&command.CloseAfterReply == 0 && h.s.log.Enabled(logx.LevelVerbose) {
		h.s.logLeft(cl)
	}
	state := l.User.(*loopState)
	delete(state.sessions, cl.ID)
	state.roster.remove(cl)
	state.noteMemory(cl, 0)
	if cl.Flags&command.Postponed != 0 && cl.Ticket == nil {
		h.s.forsake(state, cl)
	}
	if cl.Flags&command.Blocked != 0 {
		h.s.forgetWait(cl)
	}
	if cl.Flags&command.Monitor != 0 {
		h.s.StopMonitor(cl.Session)
	}
	if cl.Flags&command.Replica != 0 {
		h.s.replicaGone(cl)
	}
	h.s.clients.Add(-1)
	state.worker.EndSession(cl.Session)
}

// Serve executes the requests that have arrived.
func (h handler) Serve(l *netloop.Loop, c *netloop.Conn, in []byte) (consumed, need int) {
	cl := c.Data.(*client)
	state := l.User.(*loopState)
	if limit := h.s.clientLimit.Load(); limit != 0 && h.s.overMemory(l, cl) {
		return len(in), 0
	}
	if cl.conn.PendingOut() > replyFree && h.s.eng.Settings().Memory.Max > 0 {
		state.noteMemory(cl, cl.memory())
	}
	replica := cl.Flags&command.Replica != 0
	if replica {
		h.s.replicaHeard(cl, in)
	}
	state.inbox.Flush() // what was sent before the requests came is told before their replies
	out, commands, before := len(l.Out), cl.Commands, state.worker.LastEffect()
	state.serving = cl
	consumed, need, l.Out = state.worker.Serve(cl.Session, in, l.Out)
	state.serving = nil
	l.Late = state.worker.Broadcasts() // nobody learns of a change before those who listen to its prefix
	if replica && (len(l.Out) > out || cl.Task != nil) {
		l.Out = l.Out[:out]
		h.s.replicaAnswered(cl)
		return len(in), 0
	}
	written := uint64(len(l.Out) - out)
	cl.NetOut += written
	state.counts.add(cl.Commands-commands, uint64(consumed), written)
	if len(l.Out) > replyFree {
		h.s.checkOutput(cl, c.PendingOut())
	}
	if !h.s.eng.Bus.Idle() && h.s.publishes(cl) || h.s.eng.Tracking.Any() {
		h.s.giveWay(state)
	}
	if h.s.durable.on.Load() || len(cl.held.replies) > 0 {
		if h.s.hold(l, state, cl, out, before) && cl.Task == nil && cl.Flags&(command.Postponed|command.Blocked) == 0 {
			c.Park() // H1
			return consumed, 0
		}
	}
	if cl.Task != nil {
		h.start(l, cl)
		return consumed, 0
	}
	if cl.Flags&(command.CloseAfterReply|command.Postponed|command.Blocked) != 0 {
		if cl.Flags&command.Postponed != 0 {
			if cl.Ticket != nil {
				c.Pause() // until wake
				return consumed, 0
			}
			h.s.postpone(state, cl)
			return consumed, 0
		}
		if cl.Flags&command.Blocked != 0 {
			h.s.await(state, cl)
			return consumed, 0
		}
		c.CloseAfterWrite()
		return len(in), 0
	}
	if need == engine.More {
		need = netloop.Again
	}
	return consumed, need
}

// start runs the rest of a long command on a goroutine of its own. The client
// waits, the loop does not.
func (h handler) start(l *netloop.Loop, cl *client) {
	task, proto := cl.Task, cl.Proto
	if u := cl.Unfinished; u != nil {
		cl.waitUsec = waitUsec(cl.conn, h.s.clock.TicksToNs(u.Ticks)/nsPerUs)
	}
	cl.conn.Park()
	h.s.tasks.Add(1)
	go h.s.guard(nil, func() {
		defer h.s.tasks.Done()
		w := resp.Writer{Proto: proto}
		begin := h.s.clock.MonoNs()
		task(&w)
		took := h.s.clock.MonoNs() - begin
		pieces := w.Take()
		l.Post(func() { h.finish(l, cl, pieces, took) })
	})
}

// finish sends the reply of a long command and lets its client go on.
func (h handler) finish(l *netloop.Loop, cl *client, pieces [][]byte, tookNs int64) {
	cl.Task, cl.Abandon = nil, nil
	wrote := wroteLast(cl.Session)
	l.User.(*loopState).worker.Finish(cl.Session, tookNs, pieces)
	cl.waitUsec = -1
	if cl.closed {
		return
	}
	if !cl.Muted() {
		size := 0
		for _, piece := range pieces {
			size += len(piece)
		}
		cl.NetOut += uint64(size)
		l.User.(*loopState).counts.add(0, 0, uint64(size))
		h.s.checkOutput(cl, cl.conn.PendingOut()+size)
		for _, piece := range pieces {
			h.s.give(cl, piece, wrote)
		}
	}
	if len(cl.Pushes) > 0 {
		l.User.(*loopState).sendPushes(cl)
	}
	cl.Answered()
	if cl.Flags&command.Monitor != 0 {
		h.s.deliverLate(l, cl)
	}
	if cl.Flags&command.CloseAfterReply != 0 && len(cl.held.replies) == 0 {
		cl.conn.CloseAfterWrite()
		return
	}
	h.s.goOn(cl)
}

// Tick does a slice of background work.
func (h handler) Tick(l *netloop.Loop, nowMono int64) time.Duration {
	state := l.User.(*loopState)
	wait := time.Duration(state.worker.Tick(nowMono))
	state.cycle(l, nowMono)
	if state.worker.Broadcasts() {
		state.worker.Broadcast()
	}
	if nowMono >= state.roster.due {
		h.s.sweep(l, nowMono)
	}
	if len(state.postponed) > 0 {
		wait = h.s.pauseTick(l, wait)
	}
	if len(state.deadlines) > 0 {
		wait = h.s.overdue(state, wait)
	}
	return wait
}

// overflow logs a client that sent more than it may.
func (s *Server) overflow(_ *netloop.Loop, c *netloop.Conn, input []byte) {
	c.Data.(*client).sentAway = true
	start := config.AppendQuoted(nil, string(input[:min(len(input), overflowShown)]))
	s.log.Warningf("Closing client that reached max query buffer length: %s (qbuf initial bytes: %s)", s.describe(c.Data.(*client)), start)
}

// logLeft says that a client has closed its connection, unless all are being closed.
func (s *Server) logLeft(cl *client) {
	select {
	case <-s.stop:
	default:
		s.log.Verbosef("Client closed connection %s", s.describe(cl))
	}
}

// overflowShown is how much of its input the log shows.
const overflowShown = 64
