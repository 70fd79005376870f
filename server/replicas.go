package server

import (
	"math"
	"sync/atomic"

	"kvorum/command"
	"kvorum/feed"
	"kvorum/netloop"
	"kvorum/repl"
	"kvorum/resp"
)

// Replicas of this server. A replica's connection stays on its loop: its requests
// (REPLCONF ACK) are served there, and the stream is copied from the feed into its
// output as fast as the socket takes it, never more than streamAhead at a time.

// streamAhead is the output that a replica's socket may be behind with; the rest of the
// stream waits in the feed, once for all replicas.
const streamAhead = 256 << 10

// What replicas may want of a snapshot, instead of everything.
const (
	filterAll       = "none"
	filterFunctions = "functions"
)

// replicaConn is the connection of a replica, or of one that has asked to be.
type replicaConn struct {
	r    *replication
	id   repl.PeerID
	cl   *client
	loop *netloop.Loop

	plain bool // it wants a snapshot and no stream
	held  bool // its stream is kept in reach; the driver's

	kept   *streamHold  // keeps its stream in reach while cursor is nil; this and what follows is the loop's own
	cursor *feed.Cursor // where it is in the stream in memory
	at     int64        // where it is in the stream on disk, while cursor is nil
	buf    []byte       // what it is given from there
	stream bool
	acked  bool // it has acknowledged something: it has loaded its snapshot
	gone   bool
	// brought is how far it was behind at least since the stream began. That much does
	// not count as its fault: it is what came while it was given everything.
	brought int64
	stuckMs int64        // monotonic time since which the socket takes nothing of a snapshot, 0: it does
	bytes   atomic.Int64 // memory of the connection when it was last written to
}

// AskStream implements command.Host.
func (s *Server) AskStream(sess *command.Session, req command.StreamRequest) {
	c, ok := sess.Peer.(*netloop.Conn)
	if !ok {
		return
	}
	sess.Flags |= command.Replica
	c.SetNoDelay(!s.repl.settings.Load().waitsForMore)
	id := repl.PeerID(sess.ID)
	s.repl.mu.Lock()
	s.repl.peers[id] = &replicaConn{r: s.repl, id: id, cl: c.Data.(*client), loop: c.Loop(), plain: sess.Replica.RDBOnly, acked: req.Old}
	s.repl.mu.Unlock()
	info := repl.PeerInfo{
		Addr: c.RemoteAddr(), IP: sess.Replica.IP, Port: sess.Replica.Port,
		EOF: sess.Replica.EOF, PSYNC2: sess.Replica.PSYNC2, RDBOnly: sess.Replica.RDBOnly,
	}
	if sess.Replica.Filtered {
		info.Filter = filterAll
		if sess.Replica.Functions {
			info.Filter = filterFunctions
		}
	}
	if req.Failover {
		info.Client = s.describe(c.Data.(*client))
	}
	s.repl.driver.Post(repl.Psync{Peer: id, Info: info, ID: req.ID, Offset: req.Offset, Failover: req.Failover, Old: req.Old})
}

// ReplicaAck implements command.Host.
func (s *Server) ReplicaAck(sess *command.Session, offset, synced int64) {
	if c, ok := sess.Peer.(*netloop.Conn); ok {
		if rc := s.repl.peer(repl.PeerID(sess.ID)); rc != nil && !rc.acked {
			rc.acked = true
			c.Loop().Post(rc.pump) // it may have caught up
		}
	}
	s.repl.driver.Post(repl.Ack{Peer: repl.PeerID(sess.ID), Offset: offset, Synced: synced})
}

// replicaHeard takes an empty line for a sign of life, as a replica that loads sends it.
// On its loop.
func (s *Server) replicaHeard(cl *client, in []byte) {
	if in[0] == '\n' || in[0] == '\r' {
		s.repl.driver.Post(repl.Alive{Peer: repl.PeerID(cl.ID)})
	}
}

// replicaAnswered cuts off a replica whose request has a reply: that would end up in the
// middle of its stream. On its loop.
func (s *Server) replicaAnswered(cl *client) {
	name := "<unknown>"
	if cl.LastCmd != nil {
		name = cl.LastCmd.FullName()
	}
	cl.Task = nil
	s.log.Warningf("Replica generated a reply to command '%s', disconnecting it: %s", name, s.describe(cl))
	cl.sendAway()
}

// replicaGone follows the end of a replica's connection. On its loop.
func (s *Server) replicaGone(cl *client) {
	id := repl.PeerID(cl.ID)
	if rc := s.repl.forgetPeer(id); rc != nil {
		rc.end()
		s.repl.driver.Post(repl.PeerGone{Peer: id})
	}
}

// forgetPeer takes a connection off the list and returns it.
func (r *replication) forgetPeer(id repl.PeerID) *replicaConn {
	r.mu.Lock()
	defer r.mu.Unlock()
	rc := r.peers[id]
	delete(r.peers, id)
	return rc
}

func (r *replication) peer(id repl.PeerID) *replicaConn {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.peers[id]
}

// Reply implements driver.Node.
func (r *replication) Reply(id repl.PeerID, text string) {
	if rc := r.peer(id); rc != nil {
		rc.loop.Post(func() { rc.send([]byte(text)) })
	}
}

// Refuse implements driver.Node.
func (r *replication) Refuse(id repl.PeerID, text string) {
	if rc := r.forgetPeer(id); rc != nil {
		rc.loop.Post(func() {
			rc.cl.Flags &^= command.Replica
			rc.cl.conn.SetNoDelay(true)
			rc.cl.conn.Send([]byte(text))
		})
	}
}

// sendPiece is how much is sent at a time: loops keep buffers of this size for use.
const sendPiece = 16 << 10

// send writes to the replica. On its loop.
func (rc *replicaConn) send(b []byte) {
	rc.count(len(b))
	for len(b) > 0 {
		n := min(len(b), sendPiece)
		rc.cl.conn.Send(b[:n])
		b = b[n:]
	}
	rc.bytes.Store(rc.cl.memory())
}

// count counts bytes that go to the replica. On its loop.
func (rc *replicaConn) count(n int) {
	rc.cl.NetOut += uint64(n)
	rc.r.sentOut.Add(uint64(n))
}

// hold returns a cursor that keeps the stream from an offset on in reach for a replica
// that will want it. Any goroutine; the loop is to take it.
func (rc *replicaConn) hold(from int64) (*feed.Cursor, error) {
	return rc.r.s.eng.Feed.NewCursor(from, feed.CursorOptions{Hold: true, Notify: rc.wake})
}

// A replica that was given a snapshot has its stream kept by a streamHold until it has
// loaded the snapshot, which its first acknowledgement tells, and has caught up; what it
// is behind with costs no memory. After that, as with one that needed no snapshot, its
// cursor keeps the stream in memory, and the limit of its class counts.

// keep makes a hold the connection's, unless that has ended in the meantime: then it
// would keep the stream for nobody. On the loop.
func (rc *replicaConn) keep(h *streamHold) {
	if rc.gone {
		h.release()
		return
	}
	rc.kept = h
}

// take makes a cursor the connection's, likewise. On the loop.
func (rc *replicaConn) take(c *feed.Cursor) {
	if rc.gone {
		c.Close()
		return
	}
	rc.cursor = c
}

// wake has the loop send what is new in the stream. Any goroutine.
func (rc *replicaConn) wake() { rc.loop.Post(rc.pump) }

// Stream implements driver.Node.
func (r *replication) Stream(id repl.PeerID, from int64) {
	rc := r.peer(id)
	if rc == nil {
		return
	}
	var cursor *feed.Cursor
	if !rc.held {
		start, onDisk := r.onDisk.start()
		var err error
		if cursor, err = rc.hold(from); err == nil {
			rc.held = true
		} else if !onDisk || from < start {
			r.Drop(id) // the stream has gone on in the meantime: it asks again
			r.driver.Post(repl.PeerGone{Peer: id})
			return
		}
	}
	rc.loop.Post(func() {
		if cursor != nil {
			rc.take(cursor)
		}
		rc.at, rc.stream, rc.brought, rc.stuckMs = from, true, math.MaxInt64, 0
		rc.pump()
	})
}

// pump copies stream to the output until that is full or the stream at its end. On the
// loop.
func (rc *replicaConn) pump() {
	if rc.gone || !rc.stream || rc.cl.conn.Closing() { // what is sent then gets nowhere
		return
	}
	if rc.cursor == nil && !rc.fromDisk() {
		return
	}
	if rc.kept == nil && rc.overLimit() {
		return
	}
	for rc.cl.conn.PendingOut() < streamAhead {
		b, err := rc.cursor.Next()
		switch {
		case err != nil && rc.kept != nil: // on disk meanwhile
			rc.at = rc.cursor.Offset()
			rc.cursor.Close()
			rc.cursor = nil
			rc.loop.Post(rc.pump)
			return
		case err != nil:
			rc.cl.sendAway()
			return
		case len(b) == 0: // wake is called when there is more
			rc.brought = 0
			rc.caughtUp()
			return
		}
		rc.send(b)
		rc.cursor.Advance(len(b))
	}
	if rc.kept != nil {
		rc.kept.advance(rc.cursor.Offset())
	}
	rc.cl.conn.Drained(rc.pump)
}

// caughtUp has the cursor of a replica, which is at the end of the stream, keep what it
// is behind with from now on, if it has been heard of. On the loop.
func (rc *replicaConn) caughtUp() {
	if rc.kept == nil {
		return
	}
	rc.kept.advance(rc.cursor.Offset())
	if rc.acked && rc.cursor.Hold() == nil {
		rc.letGo()
	}
}

// overLimit closes a replica that is further behind than it may be. The backlog is kept
// anyway, so that much is never too much. On the loop.
// COMPAT: repl-catch-up: nor is what it was behind when its stream began.
func (rc *replicaConn) overLimit() bool {
	s, lag := rc.r.s, rc.cursor.Lag()
	rc.brought = min(rc.brought, lag)
	if lag <= rc.r.settings.Load().backlog || !s.overLimit(rc.cl, int(lag-rc.brought)) {
		return false
	}
	s.closeOverLimit(rc.cl)
	s.log.Warningf("The replica was %d bytes of the stream behind, %d of them since it is online. If it was not stuck, it needs a larger limit.", lag, lag-rc.brought)
	return true
}

// limitLookMs is the time between two looks at replicas that take nothing.
const limitLookMs = 200

// checkLimits looks at all replicas: one that has stopped to read pumps nothing, while
// the stream that is kept for it grows. By the driver's goroutine.
func (r *replication) checkLimits(nowMs int64) {
	if nowMs-r.limitsAt < limitLookMs {
		return
	}
	r.limitsAt = nowMs
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rc := range r.peers {
		rc.loop.Post(func() {
			switch {
			case rc.gone:
			case rc.stream && rc.cursor != nil && rc.kept == nil:
				rc.overLimit()
			case rc.stuckMs > 0:
				r.driver.Post(repl.PayloadStuck{Peer: rc.id, SinceMs: rc.stuckMs})
			}
		})
	}
}

// fromDisk sends stream that memory no longer has, and reports whether the replica is
// where memory begins. On the loop.
func (rc *replicaConn) fromDisk() bool {
	for rc.cl.conn.PendingOut() < streamAhead {
		cursor, err := rc.r.s.eng.Feed.NewCursor(rc.at, feed.CursorOptions{Hold: rc.kept == nil, Notify: rc.wake})
		if err == nil {
			rc.cursor, rc.buf = cursor, nil
			return true
		}
		if rc.buf == nil {
			rc.buf = make([]byte, payloadChunk)
		}
		n, err := rc.r.onDisk.read(rc.buf, rc.at)
		if err != nil {
			rc.lost()
			return false
		}
		rc.send(rc.buf[:n])
		rc.at += int64(n)
		if rc.kept != nil {
			rc.kept.advance(rc.at)
		}
	}
	rc.cl.conn.Drained(rc.pump)
	return false
}

// lost closes a replica whose stream could not be kept. On the loop.
func (rc *replicaConn) lost() {
	rc.r.s.log.Warningf("The stream that a replica needs is gone, it has to synchronize anew: %s", rc.r.s.describe(rc.cl))
	rc.cl.sendAway()
}

// letGo lets go of the stream that was kept. On the loop.
func (rc *replicaConn) letGo() {
	rc.kept.release()
	rc.kept = nil
}

// end gives up what the connection holds. On its loop.
func (rc *replicaConn) end() {
	rc.gone = true
	rc.letGo()
	if rc.cursor != nil {
		rc.cursor.Close()
		rc.cursor = nil
	}
}

// Drop implements driver.Node.
func (r *replication) Drop(id repl.PeerID) {
	if rc := r.forgetPeer(id); rc != nil {
		rc.loop.Post(func() {
			rc.end()
			rc.cl.conn.CloseAfterWrite()
		})
	}
}

func commandBytes(args []string) []byte { return resp.AppendCommandStrings(nil, args...) }
