package server

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"kvorum/feed"
	"kvorum/repl"
	"kvorum/snapshot"
)

// A snapshot for replicas is written once, into a file without a name, and each replica
// takes it from there at its own pace, also while it is being written. So a slow
// replica bounds nothing but itself, and one that comes late can still have it.

// COMPAT: repl-snapshot: with repl-diskless-sync, too, so that replicas do not wait for
// each other.

const (
	// payloadChunk is how much is read at a time for a replica, where that is needed.
	payloadChunk = 128 << 10
	// giveMost is how much of a snapshot goes to a replica before the others of its loop
	// have their turn.
	giveMost = 256 << 10
	// eofMarkLen is the length of the mark behind a snapshot of unknown size.
	eofMarkLen = 40
)

var errSnapshotStopped = errors.New("nobody wants the snapshot any more")

// syncSnapshot is a snapshot for replicas.
type syncSnapshot struct {
	number    uint64
	closeFile func(*os.File) // takes its time, elsewhere

	mu      sync.Mutex
	file    *os.File // spool, without a name
	snap    *snapshot.Snapshot
	stream  *streamHold // from the cut on, until it is free
	size    int64       // bytes written
	done    bool        // all of it is there
	failed  bool
	stopped bool
	free    bool // nobody else will want it
	readers int
	waiting []func() // called when there is more
}

// Write implements io.Writer, for the one who makes the snapshot.
func (p *syncSnapshot) Write(b []byte) (int, error) {
	p.mu.Lock()
	if p.stopped {
		p.mu.Unlock()
		return 0, errSnapshotStopped
	}
	at := p.size
	p.mu.Unlock()
	n, err := p.file.WriteAt(b, at)
	p.mu.Lock()
	p.size += int64(n)
	wake := p.waiting
	p.waiting = nil
	p.mu.Unlock()
	for _, fn := range wake {
		fn()
	}
	return n, err
}

// end says that nothing more comes.
func (p *syncSnapshot) end(err error) {
	p.mu.Lock()
	p.done, p.failed = true, err != nil
	wake := p.waiting
	p.waiting = nil
	p.release()
	p.mu.Unlock()
	for _, fn := range wake {
		fn()
	}
}

// release closes the file when nobody needs it any more. mu is held.
func (p *syncSnapshot) release() {
	if p.done && p.free && p.readers == 0 && p.file != nil {
		p.closeFile(p.file)
		p.file = nil
	}
}

// ready returns how many bytes there are from an offset on: none, without an error, when
// there are none yet; then wake is called when that has changed. io.EOF: that was all.
func (p *syncSnapshot) ready(at int64, wake func()) (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case at < p.size:
		return p.size - at, nil
	case !p.done:
		p.waiting = append(p.waiting, wake)
		return 0, nil
	case p.failed:
		return 0, errSnapshotStopped
	}
	return 0, io.EOF
}

// enter is called for one who will read, and who gets the stream from the cut on kept
// if it is not just for the data. Error: feed.ErrGone.
func (p *syncSnapshot) enter(plain bool) (h *streamHold, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case plain:
	case p.stream == nil:
		return nil, feed.ErrGone
	default:
		if h, err = p.stream.share(); err != nil {
			return nil, err
		}
	}
	p.readers++
	return h, nil
}

func (p *syncSnapshot) leave() {
	p.mu.Lock()
	p.readers--
	p.release()
	p.mu.Unlock()
}

// TakeSnapshot implements driver.Node.
func (r *replication) TakeSnapshot(number uint64, filter string, begun func(int64), ended func(bool)) {
	p := &syncSnapshot{number: number, closeFile: r.s.closeAside}
	file, err := r.s.spoolFile()
	if err != nil {
		r.s.log.Warningf("Can't make a file for the snapshot that replicas want: %v", err)
		ended(false)
		return
	}
	p.file = file
	r.mu.Lock()
	p.stopped = r.ending
	r.snapshots[number] = p
	r.mu.Unlock()
	r.s.tasks.Add(1)
	go r.s.guard(nil, func() {
		defer r.s.tasks.Done()
		err := r.s.writeSyncSnapshot(p, filter, begun)
		if err != nil && !errors.Is(err, errSnapshotStopped) {
			r.s.log.Warningf("Error making the snapshot for replicas: %v", err)
		}
		p.end(err)
		ended(err == nil)
	})
}

// StopSnapshot implements driver.Node.
func (r *replication) StopSnapshot(number uint64) {
	r.mu.Lock()
	p := r.snapshots[number]
	r.mu.Unlock()
	if p != nil {
		p.stop()
	}
	r.FreeSnapshot(number)
}

// stop ends the making of a snapshot that nobody wants any more.
func (p *syncSnapshot) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	if p.snap != nil {
		p.snap.Cancel(errSnapshotStopped)
	}
}

// stopSnapshots stops all snapshots, and those to come: the loops that carry them are
// about to end.
func (r *replication) stopSnapshots() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ending = true
	for _, p := range r.snapshots {
		p.stop()
	}
}

// FreeSnapshot implements driver.Node.
func (r *replication) FreeSnapshot(number uint64) {
	r.mu.Lock()
	p := r.snapshots[number]
	delete(r.snapshots, number)
	r.mu.Unlock()
	if p != nil {
		p.mu.Lock()
		p.free = true
		p.stream.release()
		p.stream = nil
		p.release()
		p.mu.Unlock()
	}
}

// GiveSnapshot implements driver.Node.
func (r *replication) GiveSnapshot(id repl.PeerID, number uint64, eof bool, sent func()) {
	r.mu.Lock()
	rc, p := r.peers[id], r.snapshots[number]
	r.mu.Unlock()
	if rc == nil {
		return
	}
	var hold *streamHold
	err := error(feed.ErrGone)
	if p != nil {
		hold, err = p.enter(rc.plain)
	}
	if err != nil {
		r.Drop(id)
		r.driver.Post(repl.PeerGone{Peer: id})
		return
	}
	rc.held = true
	g := &giver{rc: rc, p: p, sent: sent}
	if eof {
		g.mark = newRunID()[:eofMarkLen]
	}
	rc.loop.Post(func() {
		rc.keep(hold)
		g.begin()
	})
}

// giver sends a snapshot to a replica. All on the replica's loop.
type giver struct {
	rc   *replicaConn
	p    *syncSnapshot
	mark string // "" when the size is sent in front
	at   int64
	sent func()

	copies bool   // the system cannot send straight from the file
	buf    []byte // for that case
}

func (g *giver) begin() {
	head := "$EOF:" + g.mark + "\r\n"
	if g.mark == "" {
		g.p.mu.Lock()
		head = fmt.Sprintf("$%d\r\n", g.p.size)
		g.p.mu.Unlock()
	}
	g.rc.send([]byte(head))
	g.next()
}

// next sends what there is and the socket takes.
func (g *giver) next() {
	g.rc.stuckMs = 0
	conn := g.rc.cl.conn
	for left := int64(giveMost); ; {
		switch {
		case g.rc.gone || conn.Closing(): // what is sent then gets nowhere
			g.p.leave()
			return
		case g.rc.kept != nil && g.rc.kept.isLost():
			g.p.leave()
			g.rc.lost()
			return
		case conn.PendingOut() > 0 && (!g.copies || conn.PendingOut() >= streamAhead):
			g.rc.stuckMs = g.rc.r.NowMs()
			conn.Drained(g.next)
			return
		case left == 0:
			g.rc.loop.Post(g.next)
			return
		}
		n, err := g.p.ready(g.at, func() { g.rc.loop.Post(g.next) })
		switch {
		case err == io.EOF:
			if g.mark != "" {
				g.rc.send([]byte(g.mark))
			}
			g.p.leave()
			g.rc.stuckMs = g.rc.r.NowMs()
			conn.Drained(func() {
				g.rc.stuckMs = 0
				g.sent()
			})
			return
		case err != nil:
			g.p.leave()
			g.rc.cl.sendAway()
			return
		case n == 0:
			return
		}
		n, err = g.give(min(n, left))
		if err != nil {
			g.p.leave()
			g.rc.cl.sendAway()
			return
		}
		if n == 0 {
			g.rc.stuckMs = g.rc.r.NowMs()
			conn.Writable(g.next)
			return
		}
		left -= n
	}
}

// give sends up to n bytes that there are, and returns how many the socket or the output
// has taken.
func (g *giver) give(n int64) (int64, error) {
	if !g.copies {
		sent, ok := g.rc.cl.conn.SendFile(g.p.file, g.at, int(n))
		g.rc.count(sent)
		g.at += int64(sent)
		if ok {
			return int64(sent), nil
		}
		g.copies, g.buf = true, make([]byte, payloadChunk)
	}
	b := g.buf[:min(n, payloadChunk)]
	if _, err := g.p.file.ReadAt(b, g.at); err != nil {
		return 0, err
	}
	g.rc.send(b)
	g.at += int64(len(b))
	return int64(len(b)), nil
}
