package server

import (
	"sync/atomic"
	"time"

	"kvorum/aof"
	"kvorum/repl"
)

// The log and the history of replication. The writer keeps the history file up to date
// (aof.HistoryLog), and who loads the log learns from it where in which history the data
// are (retrace). A server that starts then goes on as one that starts from an RDB file
// does (restoring), and what it has read of the stream is its backlog.
//
//	stream   SET a 1 | PING | SET b 2 | GETACK            offsets 100, 127, 141, 168 ...
//	log      SET a 1 | SET b 2 |                          bytes 500, 527
//	marks    500 = 100         527 = 141       554 = 205
//
// Of the stream the log has all but what concerns no data. Each gap is followed by a mark,
// at the latest before the next byte of the stream is written; so is a change of the
// history's name. What the log has and the stream has not are lines of annotation, which
// are not counted, and a SELECT at the beginning of a file, in front of the first mark.
//
// COMPAT: repl-restart-aof: in Redis a log is of no history.
//
// A1: a mark stands at the end of a command. A2: the bytes between two marks are stream.
// A3: a master that starts never goes on under the old name, however it ended: replicas
// may have more of it than the log. The old name is good up to what was loaded. A4: while
// data are taken over from a master nothing is claimed, until the log is of the new data.

// historyMark is the name of the history that the stream is of.
type historyMark struct {
	id   string // "": none that is known
	from int64  // offset in the stream
}

// HistoryChanged implements driver.Node.
func (r *replication) HistoryChanged(id string) {
	a := &r.s.aof
	a.mark.Store(&historyMark{id, r.s.eng.Feed.Offset()})
	if w := a.writer.Load(); w != nil {
		w.nudge()
	}
}

const (
	// pastEvery is the least time between marks that are written without data, and
	// pastSums that between those that are there for the sums.
	pastEvery = 10 * time.Millisecond
	pastSums  = time.Second
	// marksMax bounds the history file: with more marks it begins anew.
	marksMax = 1 << 18
)

// aofPast keeps the history file for a writer. The writer's goroutine's, but for renamed.
type aofPast struct {
	log     *aofLog
	dir     aof.Dir         // the log's, which is the keeper's
	file    *aof.HistoryLog // nil: nothing is claimed
	ident   aof.Identity
	renamed atomic.Pointer[aof.Identity] // what ident is to be
	at      int64                        // offset that the marks give for the end of the log
	marked  time.Time
	failed  bool // on this file of the log
}

func (p *aofPast) init(log *aofLog, ident aof.Identity) {
	p.log, p.dir, p.ident = log, log.dir, ident
}

// resume goes on with what stands in the history file of a log that was loaded up to its
// size, or removes it. Before the writer runs.
func (p *aofPast) resume(w *aofWriter, past *aof.Past, offset, size int64) {
	if past != nil && past.File == p.ident.File && len(w.opening) == 0 {
		var err error
		if p.file, err = p.dir.ContinueHistory(past, size); err == nil {
			p.at = offset
			return
		}
	}
	if err := p.dir.DropHistory(); err != nil {
		_ = p.log.logged(err) // it is of another file, and will not be believed
	}
}

// before is called before stream is written from the cursor on.
func (p *aofPast) before(w *aofWriter) {
	offset := w.cursor.Offset()
	if offset != w.whole {
		return // amid a command
	}
	mark := p.log.mark.Load()
	switch {
	case mark.id == "":
		p.drop()
	case offset < mark.from:
		if p.file != nil && offset != p.at {
			p.mark(w, p.file.Last().ID, offset)
		}
	case p.file == nil:
		p.begin(w.size, mark.id, offset)
	case offset != p.at || mark.id != p.file.Last().ID:
		p.mark(w, mark.id, offset)
	}
}

// rest is called when all is written. It returns the time after which it wants to be
// called again, 0: when something has happened. now: a mark must not wait.
func (p *aofPast) rest(w *aofWriter, now bool) time.Duration {
	if ident := p.renamed.Swap(nil); ident != nil {
		p.ident = *ident
		if p.file != nil && p.file.Identify(p.ident) != nil {
			p.fail()
		}
	}
	offset, mark := w.cursor.Offset(), p.log.mark.Load()
	switch {
	case mark.id == "":
		p.drop()
		return 0
	case offset != w.whole || w.damaged || len(w.opening) > 0 || offset < mark.from:
		return 0
	case p.file == nil:
		p.begin(w.size, mark.id, offset)
		return 0
	}
	least := pastEvery
	if offset == p.at {
		if p.file.Last().Pos == w.size {
			return 0
		}
		least = pastSums
	}
	if left := time.Until(p.marked.Add(least)); left > 0 && !now {
		return left
	}
	p.mark(w, mark.id, offset)
	return 0
}

func (p *aofPast) begin(size int64, id string, offset int64) {
	if p.failed || len(id) != repl.IDLen {
		return
	}
	var err error
	if p.file, err = p.dir.BeginHistory(uint64(time.Now().UnixNano()), p.ident, size, id, offset); err != nil {
		p.file, p.failed = nil, true
		_ = p.dir.DropHistory() // as it is nobody believes it
		return
	}
	p.at, p.marked = offset, time.Now()
}

func (p *aofPast) mark(w *aofWriter, id string, offset int64) {
	if p.file.Marks() >= marksMax {
		p.drop()
		p.begin(w.size, id, offset)
		return
	}
	if p.file.Mark(id, offset) != nil {
		p.fail()
		return
	}
	p.at, p.marked = offset, time.Now()
}

// announce is called before bytes of any kind are appended to the log.
func (p *aofPast) announce(b []byte) {
	if p.file != nil && p.file.Announce(b) != nil {
		p.fail()
	}
}

// unannounce says that they were not.
func (p *aofPast) unannounce() {
	if p.file != nil {
		p.file.Unannounce()
	}
}

// fail gives the file up: nothing of this file of the log is claimed any more.
func (p *aofPast) fail() {
	p.failed = true
	p.drop()
}

// drop removes the history file.
func (p *aofPast) drop() {
	if p.file == nil {
		return
	}
	_ = p.file.Close() // it goes
	p.file = nil
	_ = p.dir.DropHistory() // what is left does not fit the log
}

// turn goes on with another file.
func (p *aofPast) turn(ident aof.Identity) {
	p.drop()
	p.ident, p.failed = ident, false
}

// close ends the writing, when the syncer has ended.
func (p *aofPast) close() {
	if p.file == nil {
		return
	}
	_ = p.file.Sync() // as in the syncer
	_ = p.file.Close()
	p.file = nil
}
