package server

import (
	"cmp"
	"slices"

	"kvorum/command"
	"kvorum/command/conncmd"
	"kvorum/netloop"
)

// maxmemory-clients: how much memory all clients take together.
//
// Each loop keeps the sum of its clients' memory. Without a limit it is brought up
// to date as the clients are looked after, within a second; with one, whenever a
// buffer grows. Buffers that shrink are noticed later, so the sum is never too
// small, from the first look at all clients under the limit on. Who finds it over
// the limit has it computed exactly, off the loops, and the largest clients are
// closed until the rest fits. A client that is over the limit all by itself is
// closed at once, on its loop: before it executes what made it so large.
//
// COMPAT: client-memory: the sum is not exact at every command.

// clientLimitMin is the least limit: with less nobody could correct a mistake.
const clientLimitMin = 128 << 10

// memory returns the bytes that a client takes. On its loop.
func (cl *client) memory() int64 {
	return int64(conncmd.ClientBytes + cl.conn.BufferBytes() + cl.Session.Bytes())
}

// noteMemory brings the part of a client in the sum of its loop up to date. On
// its loop. A replica has none: its memory is told with that of the stream (noteMemory of
// the server), at one moment, so that no key goes for it meanwhile.
func (state *loopState) noteMemory(cl *client, mem int64) {
	if cl.Flags&command.Replica != 0 {
		mem = 0
	}
	if mem != cl.counted {
		state.clientBytes.Store(state.clientBytes.Load() + mem - cl.counted)
		cl.counted = mem
	}
}

// clientBytes returns the memory of all clients, as last noted.
func (s *Server) clientBytes() (sum int64) {
	for _, state := range s.loops {
		sum += state.clientBytes.Load()
	}
	return sum
}

// clientExcess returns by how much the clients exceed maxmemory-clients, if closing
// some will put an end to it: it may take the cron goroutine a while.
func (s *Server) clientExcess() int64 {
	limit := s.clientLimit.Load()
	if limit == 0 || s.overAfterEvicting.Load() {
		return 0
	}
	return max(s.clientBytes()-limit, 0)
}

// applyClientLimit publishes maxmemory-clients in bytes, 0 for no limit.
func (s *Server) applyClientLimit() error {
	bytes, percent := s.cfg.MemoryOrPercent("maxmemory-clients")
	limit := int64(min(bytes, 1<<62))
	if percent > 0 {
		limit = int64(float64(s.cfg.Memory("maxmemory")) * float64(percent) / 100)
	}
	if limit > 0 {
		limit = max(limit, clientLimitMin)
	}
	s.clientLimit.Store(limit)
	s.recount.Store(true)
	s.evictSoon()
	return nil
}

// evictSoon has the cron goroutine look at the clients' memory now.
func (s *Server) evictSoon() {
	select {
	case s.evictNow <- struct{}{}:
	default: // it has been told already
	}
}

// evictable reports whether a client may be closed to save memory.
func evictable(sess *command.Session) bool {
	return sess.Flags&(command.NoEvict|command.Replica) == 0
}

// overMemory notes the memory of a client, when there is a limit. It closes the
// client, and returns true, if it exceeds the limit alone. On the client's loop.
func (s *Server) overMemory(l *netloop.Loop, cl *client) bool {
	limit, mem := s.clientLimit.Load(), cl.memory()
	l.User.(*loopState).noteMemory(cl, mem)
	if mem > limit && limit != 0 && evictable(cl.Session) {
		s.evict(cl)
		return true
	}
	if s.clientBytes() > limit {
		s.evictSoon()
	}
	return false
}

func (s *Server) evict(cl *client) {
	if cl.conn.Closing() {
		return
	}
	s.log.Noticef("Evicting client: %s", s.describe(cl))
	s.stats.evictedClients.Add(1)
	cl.sendAway()
}

// kept is a hook of netloop: c keeps input that is no complete request yet.
func (s *Server) kept(l *netloop.Loop, c *netloop.Conn) {
	if s.clientLimit.Load() == 0 {
		if s.eng.Settings().Memory.Max > 0 { // what clients take counts there too
			cl := c.Data.(*client)
			l.User.(*loopState).noteMemory(cl, cl.memory())
		}
		return
	}
	s.overMemory(l, c.Data.(*client))
}

// clientSize is a client as eviction sees it.
type clientSize struct {
	loop  *netloop.Loop
	id    uint64
	bytes int64
}

// evictClients closes the largest clients until all together take no more than the
// limit. It waits for the loops, so it must not be called on one.
func (s *Server) evictClients() {
	limit := s.clientLimit.Load()
	if limit == 0 {
		return
	}
	s.evicting.Lock()
	defer s.evicting.Unlock()
	if !s.recount.Swap(false) && s.clientBytes() <= limit {
		return
	}
	var sum int64
	var list []clientSize
	for _, l := range s.net.Loops() {
		state := l.User.(*loopState)
		s.eachOf(l, func(sess *command.Session) {
			cl := state.sessions[sess.ID]
			mem := cl.memory()
			state.noteMemory(cl, mem)
			if sess.Flags&command.Replica != 0 {
				return // output limits are for those
			}
			if sum += mem; evictable(sess) {
				list = append(list, clientSize{l, sess.ID, mem})
			}
		})
	}
	slices.SortFunc(list, func(a, b clientSize) int { return cmp.Compare(b.bytes, a.bytes) })
	for _, c := range list {
		if sum <= limit {
			break
		}
		state := c.loop.User.(*loopState)
		onLoop(c.loop, func() {
			if cl := state.sessions[c.id]; cl != nil && evictable(cl.Session) {
				s.evict(cl)
			}
		})
		sum -= c.bytes
	}
	if over := sum > limit; s.overAfterEvicting.Swap(over) != over && over {
		s.log.Warningf("Over client maxmemory after evicting all evictable clients")
	}
}
