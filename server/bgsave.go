package server

import (
	"errors"
	"os"
	"time"

	"kvorum/snapshot"
)

// backgroundJob is a save in the background.
type backgroundJob struct {
	startMs int64
	snap    *snapshot.Snapshot
	done    chan struct{}
}

// saveRetrySec is how many seconds after a failed save another one is begun.
const saveRetrySec = 5

// BackgroundSave implements command.Host. The world stands still.
func (s *Server) BackgroundSave(schedule bool) (scheduled bool, err error) {
	p := &s.persist
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.saver:
		return false, errSaving
	case s.aof.inProgress():
		if !schedule {
			return false, errRewriting
		}
		p.scheduled = true
		return true, nil
	case s.beginBackground() == nil:
		return false, nil
	case schedule:
		p.scheduled = true
		return true, nil
	}
	return false, errRewriting
}

// CancelSave implements command.Host.
func (s *Server) CancelSave() (scheduled bool, err error) {
	p := &s.persist
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.job != nil:
		p.job.snap.Cancel(errCancelled)
		return false, nil
	case p.scheduled:
		p.scheduled = false
		return true, nil
	}
	return false, errNoSave
}

// beginBackground makes the cut of a save. The world stands still, the caller holds the
// mutex, and nobody saves. Error: keyspace.ErrWalks.
func (s *Server) beginBackground() error {
	set := s.persist.settings.Load()
	job := &backgroundJob{startMs: s.clock.NowMs(), done: make(chan struct{})}
	form, sizes := s.dumpForm(set), s.dbSizes()
	changes := s.eng.TotalsExclusive().Dirty
	more := s.repl.aux(s.eng.Feed.Cut())
	var err error
	if job.snap, err = s.eng.BeginSnapshot(form); err != nil {
		return err
	}
	s.persist.saver, s.persist.job, s.persist.scheduled = true, job, false
	s.persist.lastTry.Store(job.startMs / msPerSec)
	s.persist.keysSoFar.Store(0)
	s.persist.keysTotal.Store(job.snap.Stats().Total)
	s.log.Noticef("Background saving started by pid %d", os.Getpid())
	s.tasks.Add(1)
	go s.guard(nil, func() {
		defer s.tasks.Done()
		stepBack()
		s.background(job, changes, s.writeRDB(form, set, walkOf(job.snap, sizes), job.snap.Cancelled, more))
	})
	return nil
}

// background notes how a save has ended that has so many changes.
func (s *Server) background(job *backgroundJob, changes uint64, err error) {
	defer close(job.done)
	p := &s.persist
	switch {
	case err == nil:
		s.log.Noticef("Background saving terminated with success")
		s.noteSaved(changes)
	case errors.Is(err, errCancelled):
		s.log.Warningf("Background saving cancelled")
	default:
		job.snap.Cancel(err) // if the file could not even be made
		s.log.Warningf("Background saving error")
		p.failed.Store(true)
		s.tellDiskError()
	}
	p.lastTook.Store((s.clock.NowMs() - job.startMs) / msPerSec)
	p.lastCow.Store(job.snap.Stats().Preserved)
	p.giveBack()
}

// stopBackground ends a save in the background, if there is one, and waits for it.
func (s *Server) stopBackground() {
	p := &s.persist
	p.mu.Lock()
	job := p.job
	p.mu.Unlock()
	if job == nil {
		return
	}
	s.log.Warningf("There is a child saving an .rdb. Killing it!")
	job.snap.Cancel(errCancelled)
	<-job.done
}

// saveCron begins a save when a save point is reached, or one that was scheduled.
// saveLook is when the changes were counted last.
func (s *Server) saveCron(saveLook *time.Time) {
	p, set := &s.persist, s.persist.settings.Load()
	if set == nil || s.eng.Loading() || s.ending.Load() {
		return
	}
	now := s.clock.NowMs() / msPerSec
	p.mu.Lock()
	busy, scheduled := p.saver, p.scheduled
	p.mu.Unlock()
	if busy || s.aof.inProgress() || p.failed.Load() && now-p.lastTry.Load() <= saveRetrySec {
		return
	}
	if !scheduled {
		changes, seconds, due := s.pointReached(set, now, saveLook)
		if !due {
			return
		}
		s.log.Noticef("%d changes in %d seconds. Saving...", changes, seconds)
	}
	s.eng.Exclusive(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if !p.saver && s.beginBackground() != nil {
			p.scheduled = true // as soon as there are fewer walks
		}
	})
}

// pointReached looks for a save point that is reached. Changes are counted at most
// once a second, and only when enough time has passed for one of the points.
func (s *Server) pointReached(set *persistSettings, now int64, saveLook *time.Time) (changes, seconds int64, due bool) {
	since := now - s.persist.lastSave.Load()
	waited := false
	for _, pt := range set.points {
		waited = waited || since > pt.Seconds
	}
	if !waited || time.Since(*saveLook) < time.Second {
		return 0, 0, false
	}
	*saveLook = time.Now()
	have := int64(s.changes())
	for _, pt := range set.points {
		if have >= pt.Changes && since > pt.Seconds {
			return pt.Changes, pt.Seconds, true
		}
	}
	return 0, 0, false
}

// changes returns the number of changes since the last save. The caller is not in a
// batch.
func (s *Server) changes() uint64 { return s.eng.Totals().Dirty - s.persist.saved.Load() }
