package server

import (
	"container/heap"
	"time"

	"kvorum/command"
	"kvorum/netloop"
	"kvorum/resp"
)

// Clients whose request waits for keys. The engine keeps who waits for what; a loop
// keeps its own waiting clients from being read, and looks after their time.

// errUnblocked is the reply to a client that CLIENT UNBLOCK ... ERROR has freed.
const errUnblocked = "-UNBLOCKED client unblocked via CLIENT UNBLOCK"

// deadlines is a heap of the clients of a loop that wait until a certain time. A
// client leaves it when its wait ends.
type deadlines []*client

func (d deadlines) Len() int           { return len(d) }
func (d deadlines) Less(i, j int) bool { return d[i].Wait.UntilMs < d[j].Wait.UntilMs }
func (d deadlines) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].deadlineAt, d[j].deadlineAt = i, j
}
func (d *deadlines) Push(x any) {
	cl := x.(*client)
	cl.deadlineAt = len(*d)
	*d = append(*d, cl)
}
func (d *deadlines) Pop() any {
	last := len(*d) - 1
	x := (*d)[last]
	x.deadlineAt = -1
	(*d)[last] = nil
	*d = (*d)[:last]
	return x
}

// await lets a client wait whose request blocks. On its loop.
func (s *Server) await(state *loopState, cl *client) {
	cl.conn.Pause()
	s.blocked.Add(1)
	if cl.Session.Acks != nil {
		s.repl.awaitAcks(cl)
	}
	if cl.Session.Wait.UntilMs > 0 {
		s.timed.Add(1)
		heap.Push(&state.deadlines, cl)
	}
}

// served takes the reply to a request that had to wait. On any goroutine, perhaps
// under locks.
func (s *Server) served(w *command.Waiter, reply []byte) {
	c, ok := w.Sess.Peer.(*netloop.Conn)
	if !ok {
		return
	}
	cl := c.Data.(*client)
	c.Loop().Post(func() {
		if !cl.closed && cl.Session.Wait == w {
			s.endWait(cl, reply)
		}
	})
}

// endWait replies to a client whose wait is over, and lets it go on. On its loop.
func (s *Server) endWait(cl *client, reply []byte) {
	s.leaveWait(cl)
	cl.LastSeen = s.clock.NowMs()
	cl.conn.Loop().User.(*loopState).worker.Finish(cl.Session, 0, [][]byte{reply})
	if !cl.Muted() {
		cl.NetOut += uint64(len(reply))
		s.checkOutput(cl, cl.conn.PendingOut()+len(reply))
		s.give(cl, reply, true)
	}
	cl.Answered()
	s.goOn(cl)
}

// leaveWait forgets a wait that is over. On the client's loop.
func (s *Server) leaveWait(cl *client) {
	state := cl.conn.Loop().User.(*loopState)
	s.blocked.Add(-1)
	if cl.Session.Wait.UntilMs > 0 {
		s.timed.Add(-1)
		if cl.deadlineAt >= 0 {
			heap.Remove(&state.deadlines, cl.deadlineAt)
		}
	}
	if w := cl.Session.Wait; w.Overdue != nil {
		s.repl.forgetAckWaiter(w)
	}
	state.worker.Released(cl.Session)
}

// forgetWait ends the wait of a client that is gone. On its loop.
func (s *Server) forgetWait(cl *client) {
	cl.Session.Wait.GiveUp() // if it was served this moment, what it got is lost with it, as in Redis
	s.leaveWait(cl)
}

// overdue replies to the clients of a loop whose time is over, and returns the time
// until the next one's is, at most wait.
func (s *Server) overdue(state *loopState, wait time.Duration) time.Duration {
	now := s.clock.NowMs()
	for len(state.deadlines) > 0 {
		cl := state.deadlines[0]
		if left := cl.Wait.UntilMs - now; left > 0 {
			if next := time.Duration(left) * time.Millisecond; wait < 0 || next < wait {
				return next
			}
			return wait
		}
		heap.Pop(&state.deadlines)
		s.unblock(cl, false) // not if it was served this moment: the reply is on its way
	}
	return wait
}

// unblock ends a client's wait with the reply for a time that is over, or with an
// error. It reports whether the client waited. On its loop.
func (s *Server) unblock(cl *client, asError bool) bool {
	if asError {
		return s.unblockWith(cl, errUnblocked)
	}
	return s.unblockWith(cl, "")
}

// unblockWith is unblock with the text of an error, "" for the reply of a time that is
// over.
func (s *Server) unblockWith(cl *client, text string) bool {
	w := cl.Session.Wait
	if w == nil || !w.GiveUp() {
		return false
	}
	out := resp.Writer{Proto: cl.Proto}
	switch {
	case text != "":
		out.Err(text)
	case w.Overdue != nil:
		w.Overdue(&out)
	default:
		out.NullArray()
	}
	s.endWait(cl, out.B)
	return true
}

// errDemoted is the reply to clients that wait when the server becomes a replica.
const errDemoted = "-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)"

// unblockAll ends the waits of all clients, and their connections: what they waited for
// will not happen here any more. Called on no loop.
func (s *Server) unblockAll() {
	for _, l := range s.net.Loops() {
		onLoop(l, func() {
			for _, cl := range l.User.(*loopState).sessions {
				if s.unblockWith(cl, errDemoted) {
					cl.conn.CloseAfterWrite()
				}
			}
		})
	}
}

// Unblock implements command.Host.
func (s *Server) Unblock(sess *command.Session, asError bool) bool {
	c, ok := sess.Peer.(*netloop.Conn)
	return ok && s.unblock(c.Data.(*client), asError)
}
