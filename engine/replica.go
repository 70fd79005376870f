package engine

import (
	"bytes"
	"runtime"

	"kvorum/command"
	"kvorum/resp"
)

// Role is what the server's place in replication means for commands.
type Role struct {
	Replica     bool // the data are a master's: nothing expires or is evicted here, and what clients change is in no stream
	ReadOnly    bool // clients of a replica cannot change them
	KeepsAll    bool // nothing is evicted here, and no command refused for want of memory
	Stale       bool // the master is out of reach, and clients are not to see data of yesterday
	FewReplicas bool // too few replicas follow for clients to change anything
}

// SetRole puts a role in force for all commands that begin later. To become a replica,
// or cease to be one, the world must stand still.
func (e *Engine) SetRole(r Role) {
	bits := uint32(0)
	for _, b := range []struct {
		on  bool
		bit uint32
	}{{r.Replica, replica}, {r.Replica && r.ReadOnly, readOnly}, {r.Replica && !r.ReadOnly, ownWrites}, {r.Replica && r.Stale, stale}, {r.Replica && r.KeepsAll, keepsAll}, {!r.Replica && r.FewReplicas, fewReplicas}} {
		if b.on {
			bits |= b.bit
		}
	}
	for {
		old := e.unusual.Load()
		if e.unusual.CompareAndSwap(old, old&^roles|bits) {
			return
		}
	}
}

// feeds reports whether commands feed their effects. A replica's stream is its
// master's, whatever its clients do.
func (e *Engine) feeds() bool { return e.Feed.Enabled() && e.unusual.Load()&replica == 0 }

// IsReplica reports whether the data are a master's.
func (e *Engine) IsReplica() bool { return e.unusual.Load()&replica != 0 }

// Replicate executes the whole requests at the start of in, part of a master's stream,
// in the name of session s, and adds them to this server's own stream. It returns the
// bytes taken. Those of a transaction reach the stream with its EXEC: until then
// Forget takes them back. A pause of clients ends it early. The error is one of protocol.
func (w *Worker) Replicate(s *command.Session, in []byte) (used int, err error) {
	w.out.B, w.out.Proto = nil, s.Proto
	w.begin()
	limits := w.settings.Limits
	for used < len(in) && w.unusual&paused == 0 {
		n, size, _, perr := w.parse(s, in[used:], &limits)
		w.prefetch(s.DB)
		for i := range n {
			if w.reqs[i].Inline {
				n, perr = i, ErrMasterInline
				break
			}
			w.replicateOne(s, i, in[used:used+w.reqs[i].Size])
			used += w.reqs[i].Size
			size -= w.reqs[i].Size
		}
		if perr != nil {
			w.end()
			return used, perr
		}
		if n == 0 {
			if size > 0 { // empty lines
				w.e.Feed.AppendControl(in[used : used+size])
			}
			used += size
			break
		}
	}
	w.end()
	s.Parser.Reset()
	w.out.B = nil
	return used, nil
}

// ErrMasterInline: masters send no inline requests, so what looks like one is the middle
// of something.
var ErrMasterInline = &resp.ProtocolError{Text: "Protocol error: Master using the inline protocol. Desync?"}

var getAck = []byte("REPLCONF")

// replicateOne executes request i of the batch, whose bytes are raw.
func (w *Worker) replicateOne(s *command.Session, i int, raw []byte) {
	p := &w.prep[i]
	args := w.reqs[i].Args
	if blank := blanks(raw); blank > 0 && s.Txn == nil {
		w.e.Feed.AppendControl(raw[:blank])
		raw = raw[blank:]
	}
	w.out.B = w.out.B[:0]
	seq := w.e.KS.PinSeq()
	w.execute(s, p.spec, args, w.keys[p.from:p.to])
	for s.Flags&command.Postponed != 0 { // a long command reads what this one is to change
		s.Flags &^= command.Postponed
		ticket := s.Ticket
		w.end()
		if ticket != nil {
			w.e.KS.AwaitPins(seq)
		} else {
			runtime.Gosched()
		}
		w.begin()
		seq = w.e.KS.PinSeq()
		w.execute(s, p.spec, args, w.keys[p.from:p.to])
		if ticket != nil {
			w.giveBack(s, ticket)
		}
	}
	if len(w.out.B) > 0 && w.out.B[0] == '-' {
		w.totals.UnexpectedReplies++
		if w.e.hooks.OnDivergence != nil {
			w.e.hooks.OnDivergence(args, w.out.B)
		}
	}
	feed := w.e.Feed
	switch {
	case s.Txn != nil:
		w.heldRaw = append(w.heldRaw, raw...)
	case len(w.heldRaw) > 0:
		feed.AppendRaw(append(w.heldRaw, raw...))
		w.heldRaw = w.heldRaw[:0]
	case concernsNoData(args):
		feed.AppendControl(raw)
	default:
		feed.AppendRaw(raw)
	}
}

// blanks returns the size of the empty lines before a request, by which a master shows
// that it is there: they count, but a log must not have them.
func blanks(raw []byte) (n int) {
	for n < len(raw) && (raw[n] == '\r' || raw[n] == '\n') {
		n++
	}
	return n
}

// concernsNoData reports whether a command of the stream is between servers, or a
// message.
func concernsNoData(args [][]byte) bool {
	switch name := args[0]; len(name) {
	case len("PING"):
		return len(args) == 1 && bytes.EqualFold(name, pingName)
	case len("PUBLISH"):
		return bytes.EqualFold(name, publishName)
	case len("SPUBLISH"): // and REPLCONF
		return bytes.EqualFold(name, spublishName) || bytes.EqualFold(name, getAck)
	}
	return false
}

var pingName, publishName, spublishName = []byte("PING"), []byte("PUBLISH"), []byte("SPUBLISH")

// FlushEffects lets the effects of the running batch into the stream. By handlers that
// run under no locks.
func (w *Worker) FlushEffects() {
	if w.feeding {
		w.ring.Flush()
	}
}

// Forget gives up the beginning of a transaction that the stream has brought.
func (w *Worker) Forget(s *command.Session) {
	w.heldRaw = w.heldRaw[:0]
	s.Txn = nil
	s.Parser.Reset()
}
