package server

import (
	"errors"

	"kvorum/aof"
	"kvorum/keyspace"
	"kvorum/rdb"
	"kvorum/snapshot"
	"kvorum/vfs"
)

// The base of a log: in the RDB format a snapshot that is written while the server goes
// on; as commands a copy of all data that is made while the world stands still.

// baseInRDB reports whether bases are written in the RDB format.
func (a *aofLog) baseInRDB() bool { return a.s.settingBool("aof-use-rdb-preamble") }

// newBaseSource begins a snapshot for a base. The gate is closed. Error:
// keyspace.ErrWalks.
func (s *Server) newBaseSource(inRDB bool) (baseSource, error) {
	if !inRDB {
		return newCommandBase(s.ks), nil
	}
	set := *s.persist.settings.Load()
	b := &snapshotBase{form: s.dumpForm(&set), set: &set, sizes: s.dbSizes()}
	var err error
	b.snap, err = s.eng.BeginSnapshot(b.form)
	return b, err
}

// snapshotBase is a snapshot that becomes a base.
type snapshotBase struct {
	form  *rdb.Form
	set   *persistSettings
	snap  *snapshot.Snapshot // nil: of a first base
	sizes []dbSize
}

// newFirstBase is newBaseSource before the loops run, who carry snapshots on: the world
// stands still until the base is written.
func (s *Server) newFirstBase(inRDB bool) baseSource {
	if !inRDB {
		return newCommandBase(s.ks)
	}
	set := *s.persist.settings.Load()
	return &snapshotBase{form: s.dumpForm(&set), set: &set}
}

func (b *snapshotBase) cancel() { b.snap.Cancel(errRewriteKilled) }

func (b *snapshotBase) write(a *aofLog, job *rewriteJob, f vfs.File) error {
	b.set.saveDelay = 0 // the job's is one that can be cut short
	b.set.syncOften = a.s.settingBool("aof-rewrite-incremental-fsync")
	file := &rdbFile{s: a.s, set: b.set, f: f, aofBase: true, stopped: job.killed.Load}
	err := file.content(b.form, func(form *rdb.Form, to walkSink) error {
		sink := &delayedSink{to, a, job}
		if b.snap == nil {
			return a.s.walkExclusive(form, sink)
		}
		return walkOf(b.snap, b.sizes)(form, sink)
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

// cancel does nothing: the chunks are looked at one by one.
func (*commandBase) cancel() {}

// commandBase are all data as commands.
type commandBase struct{ chunks []commandChunk }

type commandChunk struct {
	b    []byte
	keys int
}

const (
	// commandChunkBytes is about the size of a chunk.
	commandChunkBytes = 64 << 10
)

// newCommandBase collects all data. The gate is closed.
// COMPAT: aof-base-commands: there is no second form of the walk that makes commands.
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
	var back backWriter
	for i, c := range base.chunks {
		base.chunks[i] = commandChunk{}
		if a.delay(job, c.keys); job.killed.Load() {
			return errRewriteKilled
		}
		if _, err := f.Write(c.b); err != nil {
			return err
		}
		if often {
			if err := back.wrote(f, len(c.b)); err != nil {
				return err
			}
		}
	}
	return nil
}
