package server

import (
	"time"

	"kvorum/aof"
	"kvorum/repl"
)

// retrace follows the newest file of the log while it is loaded: it counts where in which
// history the data are, and puts what it reads of the stream into the backlog, so that
// replicas which are behind can go on, too.
type retrace struct {
	s     *Server
	past  *aof.Past
	next  int // mark
	begun bool
	history
	stream []byte // read and not in the backlog yet
	flushs int    // how often it went there

	hurried bool // the disk has no time for the stream, which is not waited for any more

	open struct { // what was before the open transaction
		history
		stream, flushs int
	}
}

// retraceMax is how much of the stream is gathered before it goes to the backlog.
const retraceMax = 64 << 10

// retracePatience is how long the disk may stand still that takes the stream.
const retracePatience = time.Second

// newRetrace returns what the history file allows, nil if it says nothing about the log.
func (s *Server) newRetrace(m *aof.Manifest) *retrace {
	past, err := s.aof.dir.ReadHistory(m)
	if err != nil {
		_ = s.aof.logged(err) // the data are what counts
	}
	if past == nil {
		return nil
	}
	return &retrace{s: s, past: past}
}

// pass applies the marks up to a position in the file.
func (t *retrace) pass(pos int64) {
	for t.next < len(t.past.Marks) && t.past.Marks[t.next].Pos <= pos {
		m := &t.past.Marks[t.next]
		t.next++
		if !t.begun {
			t.begun, t.offset = true, m.Offset
			t.s.beginRetrace(m.Offset)
		}
		if m.Offset < t.offset {
			t.next, t.id = len(t.past.Marks), "" // cannot be
			return
		}
		t.gap(m.Offset - t.offset)
		t.id, t.offset = m.ID, m.Offset
	}
}

// gap stands for what the stream has and the log has not. Empty lines do not less than
// the PINGs that they replace, and a replica that has seen some of those is amid nothing.
func (t *retrace) gap(size int64) {
	if size == 0 {
		return
	}
	t.flush()
	t.flushs++
	set := t.s.repl.settings.Load()
	if size > max(set.backlog, set.backlogDisk) { // nothing before it is in reach
		to := t.offset + size
		t.s.eng.Exclusive(func() { t.s.eng.Feed.Reset(to) })
		return
	}
	blank := make([]byte, min(size, retraceMax))
	for i := range blank {
		blank[i] = '\n'
	}
	for ; size > 0; size -= int64(len(blank)) {
		blank = blank[:min(size, int64(len(blank)))]
		t.s.eng.Feed.AppendControl(blank)
	}
}

// command takes a command that ends at a position in the file; within: it is behind a
// MULTI.
func (t *retrace) command(raw []byte, end int64, within bool) {
	t.pass(end - int64(len(raw)))
	if t.id == "" {
		return
	}
	if !within && len(t.stream) >= retraceMax {
		t.flush()
	}
	t.stream = append(t.stream, raw...)
	t.offset += int64(len(raw))
}

// hold remembers what was before the MULTI that it has taken last.
func (t *retrace) hold(multi []byte) {
	t.open.history, t.open.stream, t.open.flushs = t.history, 0, t.flushs
	if t.id != "" {
		t.open.stream = len(t.stream) - len(multi)
		t.open.offset -= int64(len(multi))
	}
}

// revert goes back there: the file ends before the transaction does.
func (t *retrace) revert() {
	if t.id == "" {
		return
	}
	t.history = t.open.history
	if t.flushs == t.open.flushs {
		t.stream = t.stream[:t.open.stream]
		return
	}
	t.stream = t.stream[:0]
	t.s.eng.Exclusive(func() { t.s.eng.Feed.Reset(t.offset) })
}

func (t *retrace) flush() {
	if len(t.stream) == 0 {
		return
	}
	t.s.eng.Feed.AppendRaw(t.stream)
	t.stream = t.stream[:0]
	t.flushs++
	for end := time.Now().Add(retracePatience); !t.hurried && t.s.repl.onDisk.behind(t.s.eng.Feed.Offset()) > streamLagMost/2; {
		time.Sleep(time.Millisecond) // the log is read faster than the stream is written
		t.hurried = time.Now().After(end)
	}
}

// beginRetrace lets the backlog begin.
func (s *Server) beginRetrace(offset int64) {
	s.eng.Exclusive(func() { s.eng.Feed.Reset(offset) })
	s.eng.Feed.SetWindow(s.repl.settings.Load().backlog)
	s.repl.keepOnDisk(true)
}

// endRetrace puts the history in force when all is loaded, and returns what the history
// file says if that can be gone on with.
func (s *Server) endRetrace(p *replay) *aof.Past {
	t := p.trace
	if t == nil || !t.begun {
		return nil
	}
	t.flush()
	if t.id == "" || p.failed() || s.eng.Feed.Offset() != t.offset {
		s.repl.keepOnDisk(false)
		return nil
	}
	if at := s.ks.DB(p.selected); at != nil {
		s.repl.apply.session.DB = at
	}
	s.eng.Exclusive(func() { s.feedFor(feedReplicas, true) })
	now := s.repl.NowMs()
	s.repl.driver.Prepare(func(m *repl.Machine) {
		m.Restore(now, t.id, t.offset)
		s.aof.mark.Store(&historyMark{m.Saved(), t.offset})
	})
	return t.past
}
