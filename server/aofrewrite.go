package server

import (
	"errors"
	"io/fs"
	"os"
	"sync/atomic"
	"time"

	"kvorum/aof"
	"kvorum/vfs"
)

// A rewrite makes the log short: a new base with all data at a cut, and only the
// effects since then. The keeper begins and ends it; a goroutine of its own writes.
//
//	keeper   new incr file, manifest names it ─► gate: cut, snapshot begins ─► ...
//	writer       up to the cut into the old file, from the cut on into the new one
//	rewrite                                         snapshot ─► temporary file, synced
//	keeper   the file becomes the base, manifest without the old files, these removed
//
// Wherever it stops, the manifest on the disk names files that give all data.

// baseSource is a snapshot of all data that becomes a base file.
type baseSource interface {
	// write writes the file, or ends with errRewriteKilled when the job is killed.
	write(a *aofLog, job *rewriteJob, f vfs.File) error
	// cancel has write end soon. Any goroutine.
	cancel()
}

// errRewriteKilled ends a rewrite that nobody wants any more.
var errRewriteKilled = errors.New("killed")

// rewriteJob is a rewrite under way.
type rewriteJob struct {
	lastOld int64 // incr files up to this number are in the base
	rdb     bool  // format of the base
	pending string
	source  baseSource
	killed  atomic.Bool
	done    chan struct{} // closed when the goroutine has ended
}

// startRewrite begins a rewrite. It has logged its error. By the keeper.
func (a *aofLog) startRewrite() error {
	if a.rewriting != nil {
		if aofState(a.state.Load()) != aofWaiting || a.rewriting.pending != "" {
			return errors.New("already in progress")
		}
		a.s.log.Noticef("AOF was enabled but there is already an AOF rewriting in background. Stopping background AOF and starting a rewrite now.")
		a.cancelRewrite()
	}
	err := a.beginRewrite()
	a.mu.Lock()
	a.figures.rewriteFailed = err != nil
	if err != nil {
		a.figures.failures++
	} else {
		a.figures.rewrites++
		a.figures.rewriteStart = a.s.clock.NowMs() / msPerSec
	}
	a.mu.Unlock()
	if err == nil {
		a.s.log.Noticef("Background append only file rewriting started by pid %d", os.Getpid())
	}
	return err
}

func (a *aofLog) beginRewrite() error {
	if aofState(a.state.Load()) == aofOff {
		if err := a.locate(); err != nil {
			return err
		}
	}
	if err := a.dir.Make(); err != nil {
		return a.logged(err)
	}
	a.busy.Store(true)
	job := &rewriteJob{rdb: a.baseInRDB(), done: make(chan struct{})}
	file, name, err := a.nextIncr(job)
	if err != nil {
		a.busy.Store(false)
		return a.logged(err)
	}
	a.s.eng.Exclusive(func() {
		job.source, err = a.s.newBaseSource(job.rdb)
		if file != nil && (err == nil || job.pending == "") { // the file is in the manifest already
			a.cutTo(file, name)
		}
	})
	if err != nil {
		a.busy.Store(false)
		a.s.log.Warningf("Can't begin a snapshot for the AOF: %s", err)
		if job.pending != "" {
			_ = file.Close()
			a.abandon(job)
		}
		return err
	}
	a.scheduled.Store(false)
	a.rewriting = job
	go a.s.guard(nil, func() {
		defer close(job.done)
		stepBack()
		err := a.writeBase(job, job.source)
		if err != nil {
			job.source.cancel() // wherever it failed: nobody reads the snapshot any more
		}
		select {
		case a.requests <- func() { a.endRewrite(job, err) }:
		case <-a.stop:
		}
	})
	return nil
}

// nextIncr makes the file for the effects after the cut; none while the log is off.
func (a *aofLog) nextIncr(job *rewriteJob) (file vfs.File, name string, err error) {
	job.lastOld = a.manifest.LastIncr()
	switch aofState(a.state.Load()) {
	case aofOn:
		var f aof.File
		if file, f, err = a.dir.Rotate(a.manifest); err != nil {
			return nil, "", err
		}
		name = f.Name
	case aofWaiting:
		name = a.dir.TempIncr()
		if file, _, err = a.dir.Append(name, true); err != nil {
			return nil, "", err
		}
		job.pending = name
	default:
		return nil, "", nil
	}
	a.s.log.Noticef("Creating AOF incr file %s on background rewrite", name)
	return file, name, nil
}

// cutTo has the effects from here on written to a file. The gate is closed.
func (a *aofLog) cutTo(file vfs.File, name string) {
	stream := a.s.eng.Feed
	if w := a.writer.Load(); w != nil {
		a.mu.Lock()
		a.figures.settledBytes += w.fileSize.Load() // nearly: corrected when the rewrite ends
		a.mu.Unlock()
		w.turns.add(&rotation{at: stream.Cut(), file: file, ident: a.dir.Identify(a.manifest, name), db: a.s.repl.streamDB()})
		w.nudge()
		return
	}
	a.s.feedFor(feedAOF, true)
	if err := a.startWriter(stream.Cut(), file, aof.Identity{}, 0, nil); err != nil {
		a.s.log.Warningf("%s", err)
	}
}

// writeBase writes the snapshot to the temporary file and syncs it.
func (a *aofLog) writeBase(job *rewriteJob, source baseSource) error {
	f, err := a.dir.FS.Create(a.dir.Path(a.tempBase()))
	if err != nil {
		a.s.log.Warningf("Opening the temp file for AOF rewrite in rewriteAppendOnlyFile(): %s", strerror(err))
		return err
	}
	err = source.write(a, job, f)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		a.s.log.Noticef("Successfully created the temporary AOF base file %s", a.tempBase())
	} else if !errors.Is(err, errRewriteKilled) {
		a.s.log.Warningf("Write error writing append only file on disk: %s", strerror(err))
	}
	return err
}

// delay waits as rdb-key-save-delay says, for tests.
func (a *aofLog) delay(job *rewriteJob, keys int) {
	const slice = 10 * time.Millisecond
	us := a.s.settingInt("rdb-key-save-delay")
	for left := time.Duration(us) * time.Microsecond * time.Duration(keys); left > 0 && !job.killed.Load(); left -= slice {
		time.Sleep(min(left, slice))
		if a.s.settingInt("rdb-key-save-delay") != us {
			return
		}
	}
}

// cancelRewrite ends a rewrite that nobody wants any more, and waits for it. By the
// keeper.
func (a *aofLog) cancelRewrite() {
	job := a.rewriting
	if job == nil {
		return
	}
	a.s.log.Noticef("Killing running AOF rewrite child: %d", os.Getpid())
	job.killed.Store(true)
	job.source.cancel()
	<-job.done
	a.endRewrite(job, errRewriteKilled)
}

// endRewrite makes the base that a rewrite has written part of the log, or cleans up
// after it. By the keeper.
func (a *aofLog) endRewrite(job *rewriteJob, err error) {
	if a.rewriting != job {
		return // it was killed, and this is its last word
	}
	a.rewriting = nil
	killed := errors.Is(err, errRewriteKilled)
	switch {
	case killed:
		a.s.log.Warningf("Background AOF rewrite terminated by signal %d", sigUser1)
	case err != nil:
		a.s.log.Warningf("Background AOF rewrite terminated with error")
	default:
		a.s.log.Noticef("Background AOF rewrite terminated with success")
		err = a.install(job)
	}
	if err != nil {
		if rmErr := a.dir.FS.Remove(a.dir.Path(a.tempBase())); rmErr != nil && !errors.Is(rmErr, fs.ErrNotExist) {
			a.s.log.Warningf("Can't remove the temporary AOF base file %s: %s", a.tempBase(), strerror(rmErr))
		}
		a.abandon(job)
	}
	a.mu.Lock()
	if !killed {
		a.figures.rewriteFailed = err != nil
		if err != nil {
			a.figures.failures++
		} else {
			a.figures.failures = 0
		}
	}
	a.figures.lastRewriteSec = a.s.clock.NowMs()/msPerSec - a.figures.rewriteStart
	a.figures.rewriteStart = 0
	a.mu.Unlock()
	if err == nil {
		a.s.log.Noticef("Background AOF rewrite finished successfully")
	}
	a.busy.Store(false)
}

// sigUser1 is the number of the signal by which Redis ends a rewrite.
const sigUser1 = 10

// install takes the new base into the log and drops what it replaces.
func (a *aofLog) install(job *rewriteJob) error {
	start := time.Now()
	base, incr, err := a.dir.Install(a.manifest, a.dir.Path(a.tempBase()), job.rdb, job.lastOld, job.pending)
	if err != nil {
		return a.logged(err)
	}
	a.noteLatency("aof-rename", time.Since(start))
	a.s.log.Noticef("Successfully renamed the temporary AOF base file %s into %s", a.tempBase(), base.Name)
	if job.pending != "" {
		a.s.log.Noticef("Successfully renamed the temporary AOF incr file %s into %s", job.pending, incr.Name)
		a.state.Store(int32(aofOn))
	}
	if w := a.writer.Load(); w != nil {
		ident := a.dir.Identify(a.manifest, a.manifest.Incr[len(a.manifest.Incr)-1].Name)
		w.past.renamed.Store(&ident)
		w.nudge()
	}
	if all, _, err := a.dir.Size(a.manifest); err == nil {
		a.mu.Lock()
		if w := a.writer.Load(); w != nil {
			a.figures.settledBytes = all - w.fileSize.Load()
		} else {
			a.figures.settledBytes = all
		}
		a.figures.baseBytes = all
		a.mu.Unlock()
	}
	a.retryAt, a.retryWait = time.Time{}, 0
	a.sweep()
	return nil
}

// abandon deals with the effects since the cut of a rewrite that has failed. They are
// part of the log already, unless there is none yet: then the next rewrite begins anew.
func (a *aofLog) abandon(job *rewriteJob) {
	if job.pending == "" {
		return
	}
	if w := a.writer.Load(); w != nil {
		a.s.eng.Exclusive(func() { a.s.feedFor(feedAOF, false) })
		a.stopWriter()
	}
	a.s.log.Noticef("Removing the temp incr aof file %s in the background", job.pending)
	if err := a.dir.FS.Remove(a.dir.Path(job.pending)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		a.s.log.Warningf("Can't remove the temp incr aof file %s: %s", job.pending, strerror(err))
	}
	a.scheduled.Store(true)
}

// size returns the bytes of the log.
func (a *aofLog) size() int64 {
	a.mu.Lock()
	n := a.figures.settledBytes
	a.mu.Unlock()
	if w := a.writer.Load(); w != nil {
		n += w.fileSize.Load()
	}
	return n
}

// growth returns by how many percent the log has grown since the last rewrite.
func (a *aofLog) growth() int64 {
	a.mu.Lock()
	base := max(a.figures.baseBytes, 1)
	a.mu.Unlock()
	return a.size()*100/base - 100
}

// mustRewrite reports whether the log has grown so much that it is rewritten.
func (a *aofLog) mustRewrite() bool {
	percent, least := a.s.settingInt("auto-aof-rewrite-percentage"), a.s.settingMemory("auto-aof-rewrite-min-size")
	return percent > 0 && a.size() > least && a.growth() >= percent && !a.limited()
}

// limited reports whether a rewrite has to wait because several have failed: a minute,
// then two, four and so on.
func (a *aofLog) limited() bool {
	a.mu.Lock()
	failures := a.figures.failures
	a.mu.Unlock()
	if failures < rewriteLimit {
		a.retryAt, a.retryWait = time.Time{}, 0
		return false
	}
	if !a.retryAt.IsZero() {
		if time.Now().Before(a.retryAt) {
			return true
		}
		a.retryAt = time.Time{}
		return false
	}
	a.retryWait = min(max(2*a.retryWait, time.Minute), rewriteWaitMax)
	a.retryAt = time.Now().Add(a.retryWait)
	a.s.log.Warningf("Background AOF rewrite has repeatedly failed and triggered the limit, will retry in %d minutes", int(a.retryWait.Minutes()))
	return true
}

// firstBase writes the base of a log that begins with the server.
func (a *aofLog) firstBase() error {
	job := &rewriteJob{rdb: a.baseInRDB()}
	var err error
	a.s.eng.Exclusive(func() { err = a.writeBase(job, a.s.newFirstBase(job.rdb)) })
	if err != nil {
		return err
	}
	next := a.manifest.Clone()
	base := next.ReplaceBase(a.dir.Filename, job.rdb, 0)
	if err := a.dir.FS.Rename(a.dir.Path(a.tempBase()), a.dir.Path(base.Name)); err != nil {
		a.s.log.Warningf("Error moving temp append only file on the final destination: %s", strerror(err))
		return err
	}
	a.manifest = next
	a.s.log.Noticef("Creating AOF base file %s on server start", base.Name)
	return nil
}

// RewriteAOF implements command.Host.
func (s *Server) RewriteAOF(later bool) (reply string) {
	a := &s.aof
	const scheduled = "+Background append only file rewriting scheduled"
	if later {
		a.scheduled.Store(true)
		return scheduled
	}
	ok := a.ask(func() {
		switch {
		case a.rewriting != nil:
			reply = "-ERR Background append only file rewriting already in progress"
		case a.saving():
			a.scheduled.Store(true)
			a.mu.Lock()
			a.figures.failures = 0
			a.mu.Unlock()
			reply = scheduled
		case a.startRewrite() == nil:
			reply = "+Background append only file rewriting started"
		default:
			reply = "-ERR Can't execute an AOF background rewriting. Please check the server logs for more information."
		}
	})
	if !ok {
		return "-ERR the server is ending"
	}
	return reply
}
