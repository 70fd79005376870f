package server

import (
	"fmt"
	"strings"
	"sync"

	"kvorum/command"
	"kvorum/config"
	"kvorum/netloop"
)

// The clients that MONITOR.
//
//	loop that executes ─ line ─► pending of each monitor ─ Post ─► its loop: Send
//
// A line is added under the locks that its command ran with, and to all monitors
// at once: they all see one order, which is also the order of the data. Who adds
// waits for nothing but others who add. The monitor's loop takes what is pending
// in one piece; one that does not come to it in time loses the monitor.
//
// COMPAT: monitor-order: a line may reach a monitor after a later reply to it.

// monitorBytesMax bounds the lines that wait for a monitor's loop. Lines that
// wait for its socket are limited by client-output-buffer-limit.
const monitorBytesMax = 64 << 20

// monitors is the list of the clients that monitor.
type monitors struct {
	mu   sync.Mutex
	list []*monitor
	line []byte // scratch
}

// monitor is one of them. What is not marked otherwise is guarded by monitors.mu.
type monitor struct {
	cl      *client // constant
	pending []byte
	spare   []byte // of the monitor's loop: the buffer that pending changes places with
	posted  bool   // deliver is on its way
	lost    bool   // too much was pending: it is to be closed
}

// StartMonitor implements command.Host.
func (s *Server) StartMonitor(sess *command.Session) {
	c, ok := sess.Peer.(*netloop.Conn)
	if !ok {
		return
	}
	m := &s.monitors
	m.mu.Lock()
	defer m.mu.Unlock()
	m.list = append(m.list, &monitor{cl: c.Data.(*client)})
	s.eng.Watch(true)
}

// StopMonitor implements command.Host.
func (s *Server) StopMonitor(sess *command.Session) []byte {
	m := &s.monitors
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, mon := range m.list {
		if mon.cl.Session == sess {
			m.list = append(m.list[:i:i], m.list[i+1:]...)
			if len(m.list) == 0 {
				s.eng.Watch(false)
			}
			pending := mon.pending
			mon.pending = nil
			return pending
		}
	}
	return nil
}

// tellMonitors is the engine's hook OnCommand. What a monitor's own command adds
// belongs behind the reply to it, and with it all that happened before.
func (s *Server) tellMonitors(sess *command.Session, spec *command.Spec, args [][]byte) (own []byte) {
	m := &s.monitors
	m.mu.Lock()
	defer m.mu.Unlock()
	m.line = appendMonitorLine(m.line[:0], s.clock.NowUs(), sess, spec, args)
	for _, mon := range m.list {
		if mon.lost {
			continue
		}
		mon.pending = append(mon.pending, m.line...)
		if mon.cl.Session == sess && sess.Task == nil {
			own = append(own, mon.pending...)
			mon.pending = mon.pending[:0]
			continue
		}
		if len(mon.pending) > monitorBytesMax {
			mon.pending, mon.lost = nil, true
		}
		if !mon.posted {
			mon.posted = true
			l := mon.cl.conn.Loop()
			l.Post(func() { s.deliver(l, mon) })
		}
	}
	if cap(m.line) > scratchKept {
		m.line = nil
	}
	return own
}

// scratchKept bounds buffers that are kept for reuse after a large command.
const scratchKept = 64 << 10

// deliver gives a monitor's connection what is pending for it. On its loop.
func (s *Server) deliver(l *netloop.Loop, mon *monitor) {
	cl := mon.cl
	m := &s.monitors
	m.mu.Lock()
	mon.posted = false
	if cl.Task != nil && !cl.closed {
		m.mu.Unlock()
		return // the reply to its own command comes first; finish delivers
	}
	lines := mon.pending
	mon.pending = mon.spare[:0]
	lost := mon.lost
	m.mu.Unlock()
	switch {
	case cl.closed || cl.conn.Closing():
	case lost:
		s.closeOverLimit(cl)
	case !cl.Muted():
		cl.NetOut += uint64(len(lines))
		l.User.(*loopState).counts.add(0, 0, uint64(len(lines)))
		cl.conn.Send(lines)
	}
	if mon.spare = lines[:0]; cap(lines) > scratchKept {
		mon.spare = nil
	}
}

// deliverLate delivers what had to wait for the end of a monitor's long command.
func (s *Server) deliverLate(l *netloop.Loop, cl *client) {
	m := &s.monitors
	m.mu.Lock()
	var mine *monitor
	for _, mon := range m.list {
		if mon.cl == cl && !mon.posted && len(mon.pending) > 0 {
			mine = mon
		}
	}
	m.mu.Unlock()
	if mine != nil {
		s.deliver(l, mine)
	}
}

// appendMonitorLine appends the line of a command, as Redis writes it.
func appendMonitorLine(b []byte, nowUs int64, sess *command.Session, spec *command.Spec, args [][]byte) []byte {
	const usPerSec = 1_000_000
	from := "?:0"
	if p := sess.Peer; p != nil {
		from = p.RemoteAddr()
		if p.Unix() {
			from = "unix:" + strings.TrimSuffix(from, ":0")
		}
	}
	b = fmt.Appendf(b, "+%d.%06d [%d %s]", nowUs/usPerSec, nowUs%usPerSec, sess.DB.Index(), from)
	hidden := secrets(spec, args)
	for i, arg := range args {
		b = append(b, ' ')
		if hidden[i] {
			b = config.AppendQuoted(b, redacted)
			continue
		}
		b = config.AppendQuoted(b, string(arg))
	}
	return append(b, '\r', '\n')
}
