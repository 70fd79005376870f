package server

import (
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"

	"kvorum/config"
	"kvorum/rdb"
	"kvorum/vfs"
)

// persistence is what the server keeps about its RDB file.
//
// Who writes the file holds the token of saver, so there is one at a time; SAVE and
// the like refuse while somebody else has it. Settings are published, as handlers
// behind the gate may not wait for the lock of the configuration.
type persistence struct {
	fs       vfs.FS
	settings atomic.Pointer[persistSettings]

	lastSave  atomic.Int64  // Unix seconds of the last save that worked, or of the start
	saved     atomic.Uint64 // changes that the last save has (Totals.Dirty)
	failed    atomic.Bool   // the last save in the background did not work
	lastTry   atomic.Int64  // Unix seconds of the last attempt in the background
	saves     atomic.Int64  // that worked
	lastTook  atomic.Int64  // seconds that the last one in the background took, -1 before the first
	lastCow   atomic.Int64  // bytes that the last one kept because they were about to change
	keysSoFar atomic.Int64  // of the save in progress
	keysTotal atomic.Int64

	loading      atomic.Pointer[loadProgress] // nil unless loading
	keysLoaded   atomic.Int64                 // by the last load
	keysExpired  atomic.Int64
	keysEmpty    atomic.Int64
	skipChecksum atomic.Bool // DEBUG SET-SKIP-CHECKSUM-VALIDATION

	mu        sync.Mutex
	saver     bool           // somebody writes the file
	job       *backgroundJob // that one, if in the background
	scheduled bool           // BGSAVE SCHEDULE waits
	functions [][]byte       // libraries that a file had: they are written again
}

// persistSettings are the directives about the RDB file.
type persistSettings struct {
	dir, file  string // dbfilename is in dir
	version    int
	compress   bool
	checksum   bool
	syncOften  bool // rdb-save-incremental-fsync
	stopWrites bool // stop-writes-on-bgsave-error
	points     []config.SavePoint
	saveDelay  int64 // rdb-key-save-delay, microseconds a key
	loadDelay  int64 // key-load-delay, likewise
}

func (s *Server) initPersistence() {
	p := &s.persist
	p.fs = vfs.OS{}
	p.lastSave.Store(s.startMs / msPerSec)
	p.lastTook.Store(-1)
	s.eng.SetLoading(true) // nobody may save before the file has been read: it would be lost
	s.cfg.OnChange(s.applyPersistence, "dir", "save", "dbfilename", "stop-writes-on-bgsave-error", "rdbcompression", "rdbchecksum",
		"rdb-version", "rdb-save-incremental-fsync", "rdb-key-save-delay", "key-load-delay")
}

// applyPersistence is a hook of the configuration.
func (s *Server) applyPersistence() error {
	next := &persistSettings{
		file: s.cfg.String("dbfilename"), dir: s.dir(), version: int(s.cfg.Int("rdb-version")),
		compress: s.cfg.Bool("rdbcompression"), checksum: s.cfg.Bool("rdbchecksum"),
		syncOften: s.cfg.Bool("rdb-save-incremental-fsync"), stopWrites: s.cfg.Bool("stop-writes-on-bgsave-error"),
		points: s.cfg.SavePoints(), saveDelay: s.cfg.Int("rdb-key-save-delay"), loadDelay: s.cfg.Int("key-load-delay"),
	}
	s.persist.settings.Store(next)
	s.tellDiskError()
	return nil
}

// dir returns the folder of the server's files. The caller holds the lock of the
// configuration.
func (s *Server) dir() string {
	dir, ok := s.cfg.Text("dir")
	if !ok || dir == "" {
		return "."
	}
	return dir
}

// path returns where a file of the server is.
func (set *persistSettings) path(name string) string { return filepath.Join(set.dir, name) }

// dumpForm returns the form in which keys are written now.
func (s *Server) dumpForm(set *persistSettings) *rdb.Form {
	e := s.eng.Settings()
	form := &rdb.Form{Version: set.version, NowMs: s.clock.NowMs()}
	for i := range s.ks.DBCount() {
		if s.ks.DB(i).TimedLen() > 0 {
			form.Version = rdb.VersionTimed // the least that can hold them
		}
	}
	switch {
	case e.LFU != nil:
		form.Track, form.DecayMinutes = rdb.TrackFreq, e.LFU.DecayTime
	case e.Memory.Policy.LRU():
		form.Track = rdb.TrackIdle
	}
	return form
}

// tellDiskError has the engine refuse writes while saving does not work, if it is
// to.
func (s *Server) tellDiskError() {
	set := s.persist.settings.Load()
	refused := ""
	if set.stopWrites && len(set.points) > 0 && s.persist.failed.Load() {
		refused = errMisconf
	}
	s.denyWrites(denySave, refused)
}

const errMisconf = "-MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. " +
	"Commands that may modify the data set are disabled, because this instance is configured to report errors during writes " +
	"if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error."

// Errors of those who want to save, as replies without the dash.
var (
	errSaving       = errors.New("ERR Background save already in progress")
	errRewriting    = errors.New("ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.")
	errSaveFailed   = errors.New("ERR Error saving, see the log")
	errLoadFailed   = errors.New("ERR Error trying to load the RDB dump, check server logs")
	errNoSave       = errors.New("ERR Background saving is currently not in progress or scheduled")
	errCancelled    = errors.New("server: the save was cancelled")
	errWrongDB      = errors.New("server: more databases than configured")
	errDuplicateKey = errors.New("server: duplicated key")
)

// take gets the right to write the file.
func (p *persistence) take() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.saver {
		return false
	}
	p.saver = true
	return true
}

func (p *persistence) giveBack() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.saver, p.job = false, nil
}

// Save implements command.Host.
func (s *Server) Save() error {
	if !s.persist.take() {
		return errSaving
	}
	defer s.persist.giveBack()
	var err error
	s.eng.Exclusive(func() { err = s.saveExclusive() })
	if err != nil {
		return errSaveFailed
	}
	return nil
}

// saveExclusive writes the file while the world stands still. The caller has the
// right to.
func (s *Server) saveExclusive() error {
	changes := s.eng.TotalsExclusive().Dirty
	set := s.persist.settings.Load()
	if err := s.writeRDB(s.dumpForm(set), set, s.walkExclusive, nil, s.repl.aux(s.eng.Feed.Cut())); err != nil {
		return err
	}
	s.noteSaved(changes)
	return nil
}

// noteSaved notes a save that has worked and that has so many changes.
func (s *Server) noteSaved(changes uint64) {
	p := &s.persist
	p.saved.Store(changes)
	p.lastSave.Store(s.clock.NowMs() / msPerSec)
	p.failed.Store(false)
	p.saves.Add(1)
	s.tellDiskError()
}

// LastSave implements command.Host.
func (s *Server) LastSave() int64 { return s.persist.lastSave.Load() }

// SkipChecksums implements command.Host.
func (s *Server) SkipChecksums(on bool) {
	s.persist.skipChecksum.Store(on)
	next := *s.eng.Settings()
	next.DumpForm.TrustSum = on
	s.eng.Apply(next)
}

// Reload implements command.Host.
func (s *Server) Reload(save, flush, merge bool) error {
	if save {
		if !s.persist.take() {
			return errSaving
		}
		err := s.saveExclusive()
		s.persist.giveBack()
		if err != nil {
			return errSaveFailed
		}
	}
	if flush {
		for i := range s.ks.DBCount() {
			s.ks.DB(i).Flush()
		}
	}
	if err := s.loadRDB(loadOptions{exclusive: true, merge: merge}); err != nil {
		return errLoadFailed
	}
	s.log.Warningf("DB reloaded by DEBUG RELOAD")
	return nil
}
