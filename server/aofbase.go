package server

import (
	"errors"

	"kvorum/aof"
	"kvorum/keyspace"
	"kvorum/rdb"
	"kvorum/vfs"
)

// The base of a log, for now: all data are copied while the world stands still, and
// written afterwards.

// baseInRDB reports whether bases are written in the RDB format.
func (a *aofLog) baseInRDB() bool { return a.s.settingBool("aof-use-rdb-preamble") }

// newBaseSource begins a snapshot for a base. The gate is closed.
func (s *Server) newBaseSource(inRDB bool) baseSource {
	if !inRDB {
		return newCommandBase(s.ks)
	}
	set := *s.persist.settings.Load()
	b := &stagedBase{form: s.dumpForm(&set), set: &set}
	_ = s.walkExclusive(b.form, b) // it only collects, which cannot fail
	return b
}

// stagedBase are all data in frames of package rdb.
type stagedBase struct {
	form  *rdb.Form
	set   *persistSettings
	parts []stagedPart
}

// stagedPart is what a walk told at once: frames, or a database.
type stagedPart struct {
	staged         []byte
	keys           int64
	db             int
	volatile       int64
	beginsDatabase bool
}

// Database implements walkSink.
func (b *stagedBase) Database(db int, keys, volatile int64) error {
	b.parts = append(b.parts, stagedPart{db: db, keys: keys, volatile: volatile, beginsDatabase: true})
	return nil
}

// Frames implements walkSink.
func (b *stagedBase) Frames(staged []byte, keys int) error {
	b.parts = append(b.parts, stagedPart{staged: append([]byte(nil), staged...), keys: int64(keys)})
	return nil
}

// replay is a walk over what was collected, which is given up on the way.
func (b *stagedBase) replay(_ *rdb.Form, to walkSink) (err error) {
	for i := range b.parts {
		part := &b.parts[i]
		if part.beginsDatabase {
			err = to.Database(part.db, part.keys, part.volatile)
		} else {
			err = to.Frames(part.staged, int(part.keys))
		}
		if err != nil {
			return err
		}
		*part = stagedPart{}
	}
	return nil
}

func (b *stagedBase) write(a *aofLog, job *rewriteJob, f vfs.File) error {
	b.set.saveDelay = 0 // the job's is one that can be cut short
	b.set.syncOften = a.s.settingBool("aof-rewrite-incremental-fsync")
	file := &rdbFile{s: a.s, set: b.set, f: f, aofBase: true, stopped: job.killed.Load}
	err := file.content(b.form, func(form *rdb.Form, to walkSink) error {
		return b.replay(form, &delayedSink{to, a, job})
	})
	if errors.Is(err, errCancelled) {
		return errRewriteKilled
	}
	return err
}

// delayedSink waits as rdb-key-save-delay says.
type delayedSink struct {
	walkSink
	a   *aofLog
	job *rewriteJob
}

// Frames implements walkSink.
func (d *delayedSink) Frames(staged []byte, keys int) error {
	d.a.delay(d.job, keys)
	return d.walkSink.Frames(staged, keys)
}

// commandBase are all data as commands.
type commandBase struct{ chunks []commandChunk }

type commandChunk struct {
	b    []byte
	keys int
}

const (
	// commandChunkBytes is about the size of a chunk.
	commandChunkBytes = 64 << 10
	// commandSyncBytes is how much is written between two syncs.
	commandSyncBytes = 4 << 20
)

// newCommandBase collects all data. The gate is closed.
func newCommandBase(ks *keyspace.Keyspace) *commandBase {
	base := &commandBase{}
	var c commandChunk
	for i := range ks.DBCount() {
		db := ks.DB(i)
		if db.Len() == 0 {
			continue
		}
		c.b = aof.AppendSelect(c.b, i)
		for shard := range keyspace.ShardCount {
			db.ScanShard(shard, func(e keyspace.Entry) {
				c.b = aof.AppendKey(c.b, e.Rec)
				c.keys++
				if len(c.b) >= commandChunkBytes {
					base.chunks = append(base.chunks, c)
					c = commandChunk{}
				}
			})
		}
	}
	if len(c.b) > 0 {
		base.chunks = append(base.chunks, c)
	}
	return base
}

func (base *commandBase) write(a *aofLog, job *rewriteJob, f vfs.File) error {
	if a.timestamps.Load() {
		if _, err := f.Write(aof.AppendTimestamp(nil, a.s.clock.NowMs()/msPerSec)); err != nil {
			return err
		}
	}
	often := a.s.settingBool("aof-rewrite-incremental-fsync")
	unsynced := 0
	for i, c := range base.chunks {
		base.chunks[i] = commandChunk{}
		if a.delay(job, c.keys); job.killed.Load() {
			return errRewriteKilled
		}
		if _, err := f.Write(c.b); err != nil {
			return err
		}
		if unsynced += len(c.b); often && unsynced >= commandSyncBytes {
			unsynced = 0
			if err := f.Sync(); err != nil {
				return err
			}
		}
	}
	return nil
}
