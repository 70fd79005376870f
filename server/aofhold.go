package server

import (
	"math"
	"slices"
	"sync/atomic"

	"kvorum/command"
	"kvorum/netloop"
)

// With "appendfsync always" the reply to a command that changed something is held
// until the change is on the disk. The loop goes on meanwhile: the connection is
// parked with its reply, and one sync lets all go that it covers.
//
//	Serve ─► reply, number of the last effect ─► synced up to it? ─► socket
//	                                              no │
//	                        client.held, loopState.holders ◄─ release, after a sync
//
// COMPAT: aof-always: reads do not wait for the disk, and a disk that fails ends nothing.
//
// H1: replies of a connection stay in order: what follows a held reply is held, too.
// H2: a reply that is held is looked at again after each sync.

// holdState is who waits for the disk.
type holdState struct {
	on     atomic.Bool   // replies are held
	synced atomic.Uint64 // effects up to this number are on the disk
}

// holders are the clients of a loop whose replies are held. Touched on the loop, but
// for waiting.
type holders struct {
	list    []*client
	waiting atomic.Bool // list is not empty
	wake    func()      // made once: looks at list
}

// held are replies that wait for the disk.
type held struct {
	replies []byte
	number  uint64 // of the effect they wait for
	listed  bool   // in holders
}

// hold keeps back what a batch has appended to the output from offset on, if the
// batch changed something that is not on the disk yet, and reports whether it did. On
// the client's loop.
func (s *Server) hold(l *netloop.Loop, state *loopState, cl *client, from int, before uint64) bool {
	number := state.worker.LastEffect()
	if number == before {
		number = 0
	}
	if number <= s.durable.synced.Load() && len(cl.held.replies) == 0 || len(l.Out) == from {
		return false
	}
	s.keep(state, cl, l.Out[from:], number)
	l.Out = l.Out[:from]
	return true
}

// keep adds replies to those that a client waits for.
func (s *Server) keep(state *loopState, cl *client, replies []byte, number uint64) {
	cl.held.replies = append(cl.held.replies, replies...)
	cl.held.number = max(cl.held.number, number)
	if cl.held.listed {
		return
	}
	cl.held.listed = true
	state.holders.list = append(state.holders.list, cl)
	state.holders.waiting.Store(true)
	if cl.held.number <= s.durable.synced.Load() || !s.durable.on.Load() {
		// The sync came before the list was seen not to be empty.
		cl.conn.Loop().Post(state.holders.wake)
	}
}

// give sends a reply that was made beside the loop; wrote: its command may have
// changed something. On the client's loop.
func (s *Server) give(cl *client, reply []byte, wrote bool) {
	if !s.durable.on.Load() && len(cl.held.replies) == 0 {
		cl.conn.Give(reply)
		return
	}
	number := uint64(0)
	if wrote && s.durable.on.Load() {
		number = s.eng.Feed.Taken()
	}
	if number <= s.durable.synced.Load() && len(cl.held.replies) == 0 {
		cl.conn.Give(reply)
		return
	}
	s.keep(cl.conn.Loop().User.(*loopState), cl, reply, number)
}

// goOn lets a client be read again, now or when its replies are no longer held. On its
// loop.
func (s *Server) goOn(cl *client) {
	if len(cl.held.replies) > 0 {
		cl.conn.Park()
		return
	}
	cl.conn.Resume()
}

// wroteLast reports whether the last command of a session may have changed something.
func wroteLast(sess *command.Session) bool {
	return sess.LastCmd != nil && (sess.LastCmd.Flags&command.Write != 0 || sess.LastCmd.Mode == command.Transaction)
}

// letGo sends the replies that are no longer held. On the loop.
func (s *Server) letGo(state *loopState) {
	synced := s.durable.synced.Load()
	if !s.durable.on.Load() {
		synced = math.MaxUint64
	}
	state.holders.list = slices.DeleteFunc(state.holders.list, func(cl *client) bool {
		if !cl.closed && cl.held.number > synced {
			return false
		}
		replies := cl.held.replies
		cl.held = held{}
		if !cl.closed {
			s.letOneGo(cl, replies)
		}
		return true
	})
	state.holders.waiting.Store(len(state.holders.list) > 0)
	if len(state.holders.list) > 0 && s.durable.synced.Load() > synced {
		state.holders.wake() // a sync that came in between may not have seen the flag
	}
}

func (s *Server) letOneGo(cl *client, replies []byte) {
	s.checkOutput(cl, cl.conn.PendingOut()+len(replies))
	cl.conn.Give(replies)
	switch {
	case cl.Task != nil || cl.Flags&(command.Blocked|command.Postponed) != 0:
		// It waits for something else.
	case cl.Flags&command.CloseAfterReply != 0:
		cl.conn.CloseAfterWrite()
	default:
		cl.conn.Resume()
	}
}

// wakeHolders has all loops look at the replies they hold. Any goroutine.
func (s *Server) wakeHolders() {
	for _, l := range s.net.Loops() {
		if state := l.User.(*loopState); state.holders.waiting.Load() {
			l.Post(state.holders.wake)
		}
	}
}
