package server

import (
	"slices"

	"kvorum/command"
	"kvorum/netloop"
	"kvorum/repl"
	"kvorum/resp"
)

// Clients that wait for acknowledgements of replicas, and of the disk: WAIT, WAITAOF.

// ackWaiter is one of them.
type ackWaiter struct {
	wait  *command.Waiter
	acks  *command.AckWait
	proto uint8
}

// awaitAcks keeps a client that waits until enough is acknowledged. On its loop.
func (r *replication) awaitAcks(cl *client) {
	a := &ackWaiter{cl.Session.Wait, cl.Session.Acks, cl.Proto}
	cl.Session.Acks = nil
	a.wait.Overdue = func(w *resp.Writer) {
		local, replicas := r.s.Acked(a.acks.Offset, a.acks.OnDisk)
		a.acks.Reply(w, local, replicas)
	}
	r.mu.Lock()
	r.waiting = append(r.waiting, a)
	r.mu.Unlock()
	r.driver.Post(repl.AskAcks{})
	r.AcksChanged() // what came in between
}

// AcksChanged implements driver.Node. Any goroutine.
func (r *replication) AcksChanged() {
	r.mu.Lock()
	list := slices.Clone(r.waiting)
	r.mu.Unlock()
	for _, a := range list {
		local, replicas := r.s.Acked(a.acks.Offset, a.acks.OnDisk)
		unlogged := a.acks.Local > 0 && !r.s.LogsEffects()
		if !unlogged && (local < a.acks.Local || replicas < a.acks.Replicas) {
			continue
		}
		r.forgetAckWaiter(a.wait)
		if a.wait.GiveUp() {
			out := resp.Writer{Proto: a.proto}
			if unlogged { // the log has been turned off meanwhile
				out.Err(command.ErrWaitsForNoLog)
			} else {
				a.acks.Reply(&out, local, replicas)
			}
			r.s.served(a.wait, out.B)
		}
	}
}

// forgetAckWaiter takes a wait off the list, if it is on it.
func (r *replication) forgetAckWaiter(w *command.Waiter) {
	r.mu.Lock()
	r.waiting = slices.DeleteFunc(r.waiting, func(a *ackWaiter) bool { return a.wait == w })
	r.mu.Unlock()
}

// StreamEnd implements command.Host.
func (s *Server) StreamEnd(sess *command.Session) int64 {
	if c, ok := sess.Peer.(*netloop.Conn); ok && sess.Flags&command.InExec == 0 {
		c.Loop().User.(*loopState).worker.FlushEffects()
	}
	return s.eng.Feed.Offset()
}

// Acked implements command.Host.
func (s *Server) Acked(offset int64, onDisk bool) (local, replicas int64) {
	s.repl.driver.Ask(func(m *repl.Machine) {
		applied, synced := m.Acked(offset)
		replicas = int64(applied)
		if onDisk {
			replicas = int64(synced)
		}
	})
	if at := s.syncedTo(); at >= offset {
		local = 1
	}
	return local, replicas
}

// syncedTo returns the offset up to which the stream is on this server's disk, -1
// without an append only file.
func (s *Server) syncedTo() int64 { return s.aof.synced() }

// LogsEffects implements command.Host.
func (s *Server) LogsEffects() bool { return s.aof.wanted.Load() }

// IsReplica implements command.Host.
func (s *Server) IsReplica() bool { return s.eng.IsReplica() }
