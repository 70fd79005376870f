package server

import (
	"sync/atomic"

	"kvorum/command"
	"kvorum/netloop"
)

// Looking after the clients of a loop: idle ones are closed, limits that hold
// over time are checked, sizes are sampled. Each round takes a share of the
// clients, so that all have had their turn within a second.
const (
	sweepEveryNs = 100_000_000
	sweepRounds  = 10 // a second
	sweepMin     = 5  // clients of a round at least

	bufferIdleMs = 2000 // from when on an idle client keeps no room for input
)

// roster is the clients of a loop in an order that a round can go on in.
type roster struct {
	list []*client
	next int   // whose turn it is
	due  int64 // when the next round begins, netloop.Server.Mono
}

func (r *roster) add(cl *client) {
	cl.at = len(r.list)
	r.list = append(r.list, cl)
}

func (r *roster) remove(cl *client) {
	last := len(r.list) - 1
	moved := r.list[last]
	r.list[cl.at], moved.at = moved, cl.at
	r.list[last] = nil
	r.list = r.list[:last]
}

// sweep is a round.
func (s *Server) sweep(l *netloop.Loop, nowMono int64) {
	state := l.User.(*loopState)
	r := &state.roster
	r.due = nowMono + sweepEveryNs
	now := s.clock.NowMs()
	s.recent.turn(now / msPerSec)
	for n := min(max(len(r.list)/sweepRounds, sweepMin), len(r.list)); n > 0; n-- {
		if r.next >= len(r.list) {
			r.next = 0
		}
		s.lookAfter(l, r.list[r.next], now)
		r.next++
	}
	if limit := s.clientLimit.Load(); limit != 0 && s.clientBytes() > limit {
		s.evictSoon()
	}
}

// lookAfter looks after one client. On its loop, between callbacks.
func (s *Server) lookAfter(l *netloop.Loop, cl *client, now int64) {
	if cl.conn.Closing() {
		return
	}
	in, out := cl.conn.InputBuffered(), cl.conn.PendingOut()
	if in != cl.seenIn || out != cl.seenOut {
		// Part of a request came, or of a reply went: that is no command, but the
		// client is not idle.
		cl.seenIn, cl.seenOut = in, out
		cl.LastSeen = max(cl.LastSeen, now)
	}
	if idle := s.idleSec.Load(); idle > 0 && now/msPerSec-cl.LastSeen/msPerSec > idle &&
		cl.Task == nil && cl.Flags&(command.Monitor|command.Postponed|command.Blocked|command.Subscribed) == 0 {
		s.log.Verbosef("Closing idle client")
		cl.sendAway()
		return
	}
	s.recent.note(now/msPerSec, in, out)
	if !s.cronPaused.Load() {
		cl.conn.TrimInput(now-cl.LastSeen > bufferIdleMs)
	}
	l.User.(*loopState).noteMemory(cl, cl.memory())
	if s.overLimit(cl, out) {
		line := s.describe(cl)
		cl.sendAway()
		s.log.Warningf("Client %s closed for overcoming of output buffer limits.", line)
	}
}

// recentSec is for how long the largest buffers of clients are remembered.
const recentSec = 8

// recent remembers the largest buffers of clients that were seen, by seconds.
// Any goroutine may use it; of two that turn the same second, one result counts.
type recent struct {
	sec     atomic.Int64
	in, out [recentSec]atomic.Int64
}

// turn forgets what is older than recentSec seconds.
func (r *recent) turn(sec int64) {
	last := r.sec.Swap(sec)
	for n := min(sec-last, recentSec); n > 0; n-- {
		i := (sec + 1 - n) % recentSec
		r.in[i].Store(0)
		r.out[i].Store(0)
	}
}

func (r *recent) note(sec int64, in, out int) {
	raise(&r.in[sec%recentSec], int64(in))
	raise(&r.out[sec%recentSec], int64(out))
}

// raise makes v at least n.
func raise(v *atomic.Int64, n int64) {
	for have := v.Load(); n > have && !v.CompareAndSwap(have, n); {
		have = v.Load()
	}
}

// max returns the largest buffers that were seen.
func (r *recent) max() (in, out int64) {
	for i := range recentSec {
		in, out = max(in, r.in[i].Load()), max(out, r.out[i].Load())
	}
	return in, out
}
