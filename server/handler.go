package server

import (
	"time"

	"kvorum/command"
	"kvorum/engine"
	"kvorum/netloop"
	"kvorum/resp"
)

// handler connects the loops with the engine.
type handler struct{ s *Server }

const (
	errMaxClients = "-ERR max number of clients reached\r\n"
	errProtected  = "-DENIED The server is in protected mode: it has no password, and then only clients of its own machine are served. " +
		"To serve others, set a password (requirepass), or turn the mode off: CONFIG SET protected-mode no " +
		"from this machine and CONFIG REWRITE, or protected-mode no in the configuration file, or --protected-mode no at the start. " +
		"Do that only where strangers cannot reach the server.\r\n"
)

// Open gives a new connection a session, or refuses it.
func (h handler) Open(l *netloop.Loop, c *netloop.Conn) bool {
	s := h.s
	if s.protected.Load() && !s.PasswordSet() && !c.Unix() && !c.RemoteIP().IsLoopback() {
		s.stats.rejected.Add(1)
		l.Out = append(l.Out, errProtected...)
		return false
	}
	if s.clients.Add(1) > s.maxClients.Load() {
		s.clients.Add(-1)
		s.stats.rejected.Add(1)
		l.Out = append(l.Out, errMaxClients...)
		return false
	}
	s.stats.accepted.Add(1)
	cl := &client{Session: s.eng.NewSession(c), conn: c, waitUsec: -1}
	c.Data = cl
	l.User.(*loopState).sessions[cl.ID] = cl
	return true
}

// Closed forgets a connection.
func (h handler) Closed(l *netloop.Loop, c *netloop.Conn) {
	cl := c.Data.(*client)
	cl.closed = true
	delete(l.User.(*loopState).sessions, cl.ID)
	h.s.clients.Add(-1)
	h.s.eng.EndSession(cl.Session)
}

// Serve executes the requests that have arrived.
func (h handler) Serve(l *netloop.Loop, c *netloop.Conn, in []byte) (consumed, need int) {
	cl := c.Data.(*client)
	state := l.User.(*loopState)
	out, commands := len(l.Out), cl.Commands
	state.serving = cl
	consumed, need, l.Out = state.worker.Serve(cl.Session, in, l.Out)
	state.serving = nil
	written := uint64(len(l.Out) - out)
	cl.NetOut += written
	state.counts.add(cl.Commands-commands, uint64(consumed), written)
	if cl.Task != nil {
		h.start(l, cl)
		return consumed, 0
	}
	if cl.Flags&command.CloseAfterReply != 0 {
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
		l.Post(func() { h.finish(l, cl, w.B, took) })
	})
}

// finish sends the reply of a long command and lets its client go on.
func (h handler) finish(l *netloop.Loop, cl *client, reply []byte, tookNs int64) {
	cl.Task = nil
	l.User.(*loopState).worker.Finish(cl.Session, tookNs, reply)
	cl.waitUsec = -1
	if cl.closed {
		return
	}
	cl.NetOut += uint64(len(reply))
	l.User.(*loopState).counts.add(0, 0, uint64(len(reply)))
	cl.conn.Send(reply)
	if cl.Flags&command.CloseAfterReply != 0 {
		cl.conn.CloseAfterWrite()
		return
	}
	cl.conn.Resume()
}

// Tick does a slice of background work.
func (h handler) Tick(l *netloop.Loop, nowMono int64) time.Duration {
	state := l.User.(*loopState)
	wait := state.worker.Tick(nowMono)
	state.cycle(l, nowMono)
	return time.Duration(wait)
}

// overflow logs a client that sent more than it may.
func (s *Server) overflow(_ *netloop.Loop, c *netloop.Conn, buffered int) {
	cl := c.Data.(*client)
	s.log.Warningf("Closing client that reached max query buffer length: id=%d addr=%s name=%s db=%d qbuf=%d",
		cl.ID, c.RemoteAddr(), cl.Name, cl.DB.Index(), buffered)
}
