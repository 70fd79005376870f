package server

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"kvorum/checksum"
	"kvorum/keyspace"
	"kvorum/mem"
	"kvorum/rdb"
)

// A walk gives all data as they are at one moment, in frames of package rdb: the
// keys of one database after those of another.
type walk func(form *rdb.Form, to walkSink) error

// walkSink takes what a walk finds. An error ends the walk.
type walkSink interface {
	// Database says that the keys of a database follow, and about how many.
	Database(db int, keys, volatile int64) error
	// Frames takes whole keys, or the next part of one: borrowed. keys is the number
	// of keys that begin in it.
	Frames(staged []byte, keys int) error
}

const (
	stagedMax  = 64 << 10 // bytes of frames given at once, or a key
	fileBuffer = 256 << 10
)

// walkPlain walks while the world stands still, if no snapshot can be made.
func (s *Server) walkPlain(form *rdb.Form, to walkSink) error {
	var staged []byte
	for i := range s.ks.DBCount() {
		db := s.ks.DB(i)
		if db.Len() == 0 {
			continue
		}
		if err := to.Database(i, db.Len(), db.VolatileLen()); err != nil {
			return err
		}
		var err error
		for shard := range keyspace.ShardCount {
			keys := 0
			db.ScanShard(shard, func(e keyspace.Entry) {
				if err != nil {
					return
				}
				staged = form.StageKey(staged, e.Rec)
				if keys++; len(staged) >= stagedMax {
					err = to.Frames(staged, keys)
					staged, keys = staged[:0], 0
				}
			})
			if err == nil && keys > 0 {
				err = to.Frames(staged, keys)
				staged = staged[:0]
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// savedTo is where a file goes: to a disk, or to replicas.
type savedTo interface {
	io.Writer
	Sync() error
	WriteBack(offset, size int64, wait bool) error
}

// rdbFile writes a file.
type rdbFile struct {
	s           *Server
	set         *persistSettings
	f           savedTo
	more        [][2]string // further auxiliary fields
	fin         rdb.Finisher
	buf         []byte
	sum         uint64
	keys        int64 // in buf
	back        backWriter
	since       int64       // Unix ms of the first delay
	noFunctions bool        // are written
	stopped     func() bool // whether the save is cancelled; nil: never
	aofBase     bool        // the file is part of the log
}

// Database implements walkSink.
func (w *rdbFile) Database(db int, keys, volatile int64) error {
	w.buf = rdb.AppendDB(w.buf, db, keys, volatile)
	return w.flush(fileBuffer)
}

// Frames implements walkSink.
func (w *rdbFile) Frames(staged []byte, keys int) error {
	w.buf = w.fin.Finish(w.buf, staged, rdb.Options{Compress: w.set.compress})
	w.keys += int64(keys)
	if w.set.saveDelay > 0 {
		w.delay(int64(keys))
	}
	return w.flush(fileBuffer)
}

// flush writes what is there if it is at least so many bytes.
func (w *rdbFile) flush(least int) error {
	if len(w.buf) < least {
		return nil
	}
	w.s.persist.keysSoFar.Add(w.keys)
	w.keys = 0
	if w.set.checksum {
		w.sum = checksum.CRC64(w.sum, w.buf)
	}
	if _, err := w.f.Write(w.buf); err != nil {
		return err
	}
	if w.set.syncOften {
		if err := w.back.wrote(w.f, len(w.buf)); err != nil {
			return err
		}
	}
	w.buf = w.buf[:0]
	return nil
}

// head writes what the file begins with.
func (w *rdbFile) head(form *rdb.Form) {
	w.buf = rdb.AppendHead(w.buf, form.Version)
	aux := [][2]string{
		{"redis-ver", RedisVersion},
		{"redis-bits", strconv.Itoa(strconv.IntSize)},
		{"ctime", strconv.FormatInt(form.NowMs/msPerSec, 10)},
		{"used-mem", strconv.FormatInt(mem.ReadStats().Total, 10)},
	}
	aux = append(append(aux, w.more...), [2]string{"aof-base", strconv.Itoa(oneIf(w.aofBase))})
	for _, aux := range aux {
		w.buf = w.fin.AppendAux(w.buf, aux[0], aux[1])
	}
	if w.noFunctions {
		return
	}
	w.s.persist.mu.Lock()
	defer w.s.persist.mu.Unlock()
	for _, code := range w.s.persist.functions {
		w.buf = w.fin.AppendFunction(w.buf, code, rdb.Options{Compress: w.set.compress})
	}
}

// content writes the whole file.
func (w *rdbFile) content(form *rdb.Form, all walk) error {
	w.head(form)
	if err := all(form, w); err != nil {
		return err
	}
	w.buf = rdb.AppendEnd(w.buf)
	if err := w.flush(0); err != nil {
		return err
	}
	w.buf = rdb.AppendSum(w.buf, w.sum)
	if _, err := w.f.Write(w.buf); err != nil {
		return err
	}
	return w.f.Sync()
}

// writeRDB writes the file: under another name, which then takes the place of the
// old file in one step, so that there is always one that is whole. stopped may be
// nil, more are further auxiliary fields. What goes wrong is in the log.
func (s *Server) writeRDB(form *rdb.Form, set *persistSettings, all walk, stopped func() bool, more [][2]string) error {
	p := &s.persist
	temp := set.path("temp-" + strconv.Itoa(os.Getpid()) + ".rdb")
	f, err := p.fs.Create(temp)
	if err != nil {
		s.log.Warningf("Failed opening the temp RDB file %s (in server root dir %s) for saving: %s", filepath.Base(temp), set.dir, strerror(err))
		return err
	}
	w := &rdbFile{s: s, set: set, f: f, more: more, stopped: stopped}
	err = w.content(form, all)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		if err != errCancelled {
			s.log.Warningf("Write error while saving DB to the disk(%s): %s", filepath.Base(temp), strerror(err))
		}
		s.removeTemp(temp)
		return err
	}
	if err := p.fs.Rename(temp, set.path(set.file)); err != nil {
		s.log.Warningf("Error moving temp DB file %s on the final destination %s (in server root dir %s): %s", filepath.Base(temp), set.file, set.dir, strerror(err))
		s.removeTemp(temp)
		return err
	}
	if err := p.fs.SyncDir(filepath.Dir(set.path(set.file))); err != nil {
		s.log.Warningf("Write error while saving DB to the disk(fsync of %s): %s", set.dir, strerror(err))
		return err
	}
	s.log.Noticef("DB saved on disk")
	return nil
}

// removeTemp removes a file that could not be completed.
func (s *Server) removeTemp(temp string) {
	if err := s.persist.fs.Remove(temp); err != nil {
		s.log.Warningf("Can't remove %s: %s", temp, strerror(err))
	}
}

// processorsUsed is how many goroutines may work on one thing beside the loops.
func processorsUsed() int { return runtime.GOMAXPROCS(0) }
