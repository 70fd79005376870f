package server

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"kvorum/command"
	"kvorum/keyspace"
	"kvorum/mem"
	"kvorum/rdb"
)

// Loading a file: one goroutine finds where keys begin and end, others make records
// of them.
//
//	scanner -- batches of keys, as they are in the file --> workers, one per processor
//
// A key whose value is large is made by the scanner's goroutine from the file itself.
// While the server is in service (its loops reply -LOADING) a worker holds a pass for
// a batch at a time, so that what stops the world may.

const (
	loadBatchBytes = 64 << 10
	loadBatchKeys  = 256
	loadQueue      = 4 // batches per worker that wait
	progressEvery  = 5 * time.Second
	emptyLogMax    = 10 // keys without elements that the log names
)

// loadOptions say how a file is loaded.
type loadOptions struct {
	exclusive bool // the world stands still
	merge     bool // keys of the file replace those that are there
	optional  bool // no file is no error
	keepDue   bool // keys that are past their due time are loaded, too

	dbs   []*keyspace.DB // to load into; nil: those of the server
	alive func()         // called now and then; nil: never

	restore *restoring // takes over the history of the data; nil: none is
}

// loadProgress is what INFO tells of a load.
type loadProgress struct {
	startMs int64
	total   int64 // bytes of the file
	done    atomic.Int64
	usedMem atomic.Int64 // when the file was made
}

// loadRDB loads the file of the configuration. What goes wrong is in the log.
func (s *Server) loadRDB(o loadOptions) error {
	set := s.persist.settings.Load()
	name := set.path(set.file)
	f, err := s.persist.fs.Open(name)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) && o.optional {
			return nil
		}
		s.log.Warningf("Fatal error loading the DB: %s. Exiting.", strerror(err))
		return err
	}
	size, err := f.Size()
	start := s.clock.NowUs()
	if err == nil {
		err = s.readRDB(f, size, set.file, o)
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	const usPerSec = 1e6
	s.log.Noticef("DB loaded from disk: %.3f seconds", float64(s.clock.NowUs()-start)/usPerSec)
	return nil
}

// readRDB loads what a reader gives. name is for the log.
func (s *Server) readRDB(src io.Reader, size int64, name string, o loadOptions) error {
	p := &s.persist
	progress := &loadProgress{startMs: s.clock.NowMs(), total: size}
	p.loading.Store(progress)
	defer p.loading.Store(nil)
	l := s.newLoader(src, name, o, progress)
	err := l.run()
	p.keysLoaded.Store(l.loaded.Load())
	p.keysExpired.Store(l.expired.Load())
	p.keysEmpty.Store(l.empty.Load())
	if err != nil {
		l.explain(err)
		return err
	}
	if n := l.empty.Load(); n > 0 {
		s.log.Noticef("Done loading RDB, keys loaded: %d, keys expired: %d, empty keys skipped: %d.", l.loaded.Load(), l.expired.Load(), n)
	} else {
		s.log.Noticef("Done loading RDB, keys loaded: %d, keys expired: %d.", l.loaded.Load(), l.expired.Load())
	}
	return nil
}

// loader loads one file.
type loader struct {
	s        *Server
	name     string
	o        loadOptions
	scan     *rdb.Scanner
	progress *loadProgress
	access   rdb.Access
	limits   rdb.Limits
	delay    int64

	loaded, expired, empty atomic.Int64

	batches chan *loadBatch
	free    chan *loadBatch
	workers sync.WaitGroup
	failed  atomic.Pointer[error] // of a worker
	history history               // that the file says its data are a state of
	toldAt  time.Time             // of progress
	begun   time.Time
}

// loadBatch are keys on their way to a worker: items with their bytes in raw.
type loadBatch struct {
	items []rdb.Item
	raw   []byte
}

func (s *Server) newLoader(src io.Reader, name string, o loadOptions, progress *loadProgress) *loader {
	e, set := s.eng.Settings(), s.persist.settings.Load()
	now := s.clock.NowMs()
	l := &loader{s: s, name: name, o: o, progress: progress, delay: set.loadDelay, limits: e.Packing.Load()}
	l.scan = rdb.NewScanner(src, set.checksum && !s.persist.skipChecksum.Load())
	l.access = rdb.Access{Fresh: command.AccessTime(now), LFU: e.LFU != nil, NowMs: now}
	if e.LFU != nil {
		l.access.Fresh = e.LFU.Fresh(now)
	}
	return l
}

// run loads all, and returns the first error.
func (l *loader) run() error {
	n := processorsUsed()
	l.batches = make(chan *loadBatch, loadQueue*n)
	l.free = make(chan *loadBatch, (loadQueue+1)*n+1)
	l.begun = time.Now()
	l.toldAt = l.begun
	for range n {
		l.workers.Add(1)
		go l.s.guard(nil, l.work)
	}
	err := l.read()
	close(l.batches)
	l.workers.Wait()
	if failed := l.failed.Load(); failed != nil {
		return *failed
	}
	return err
}

// read goes over the file.
func (l *loader) read() error {
	batch := l.newBatch()
	for {
		it, err := l.scan.Next()
		if err != nil {
			return err
		}
		l.progress.done.Store(l.scan.Offset())
		if it.Kind == rdb.KindEnd {
			l.send(batch)
			return nil
		}
		if it.Kind != rdb.KindKey {
			l.aside(it)
			continue
		}
		if batch, err = l.key(batch, it); err != nil {
			return err
		}
	}
}

// key puts a key into the batch, or makes it at once if it is large.
func (l *loader) key(batch *loadBatch, it *rdb.Item) (*loadBatch, error) {
	if it.DB >= l.s.ks.DBCount() {
		l.s.log.Warningf("FATAL: Data file was created with a Redis server configured to handle more than %d databases. Exiting", l.s.ks.DBCount())
		return batch, errWrongDB
	}
	if it.Large() {
		return batch, l.large(it)
	}
	if need := len(it.Key) + len(it.Value); len(batch.items) == loadBatchKeys || len(batch.raw)+need > cap(batch.raw) && len(batch.items) > 0 {
		l.send(batch)
		if failed := l.failed.Load(); failed != nil {
			return nil, *failed
		}
		if l.stopped() {
			l.fail(errStopped) // what waits is of no use any more
			return nil, errStopped
		}
		l.tellProgress()
		batch = l.newBatch()
	}
	kept := *it
	from := len(batch.raw)
	batch.raw = append(batch.raw, it.Key...)
	mid := len(batch.raw)
	batch.raw = append(batch.raw, it.Value...)
	kept.Key, kept.Value = batch.raw[from:mid:mid], batch.raw[mid:]
	batch.items = append(batch.items, kept)
	return batch, nil
}

// errStopped is when the server ends while it loads.
var errStopped = errors.New("server: stopped while loading")

func (l *loader) stopped() bool {
	select {
	case <-l.s.stop:
		return true
	default:
		return false
	}
}

// fail ends the load, if it is the first error.
func (l *loader) fail(err error) { l.failed.CompareAndSwap(nil, &err) }

func (l *loader) newBatch() *loadBatch {
	select {
	case b := <-l.free:
		b.items, b.raw = b.items[:0], b.raw[:0]
		return b
	default:
		return &loadBatch{raw: make([]byte, 0, loadBatchBytes)}
	}
}

func (l *loader) send(b *loadBatch) {
	if len(b.items) > 0 {
		l.batches <- b
	}
}

// pass returns what lets a goroutine through the gate.
func (l *loader) pass() command.Pass {
	if l.o.exclusive {
		return command.NoPass{}
	}
	return l.s.eng.Pass()
}

// work makes the keys of batches until there are no more.
func (l *loader) work() {
	defer l.workers.Done()
	builder := rdb.Builder{Limits: l.limits, NowMs: l.access.NowMs}
	pass := l.pass()
	defer pass.Close()
	for b := range l.batches {
		if l.failed.Load() != nil {
			continue
		}
		pass.Enter()
		for i := range b.items {
			if err := l.make(&builder, &b.items[i], nil); err != nil {
				l.fail(err)
				break
			}
		}
		pass.Leave()
		if cap(b.raw) == loadBatchBytes {
			select {
			case l.free <- b:
			default:
			}
		}
	}
}

// large makes a key of the file itself, after those before it.
func (l *loader) large(it *rdb.Item) error {
	builder := rdb.Builder{Limits: l.limits, NowMs: l.access.NowMs}
	pass := l.pass()
	defer pass.Close()
	pass.Enter()
	defer pass.Leave()
	return l.make(&builder, it, l.scan)
}

// make makes one key. from is where a large value is read.
func (l *loader) make(b *rdb.Builder, it *rdb.Item, from *rdb.Scanner) (err error) {
	ks, db := l.s.ks, l.s.ks.DB(it.DB)
	if l.o.dbs != nil {
		db = l.o.dbs[it.DB]
	}
	k := ks.Key(it.Key)
	access := l.access.Of(it)
	var rec mem.Handle
	if from != nil {
		rec, err = b.BuildLarge(from, db.ArenaOf(k), it, access)
	} else {
		rec, err = b.Build(db.ArenaOf(k), it, access)
	}
	switch {
	case errors.Is(err, rdb.ErrEmpty):
		if n := l.empty.Add(1); n <= emptyLogMax {
			l.s.log.Noticef("rdbLoadObject skipping empty key: %s", printable(it.Key))
		}
		return nil
	case err != nil:
		return err
	case it.Due >= 0 && it.Due < l.access.NowMs && !l.o.keepDue:
		ks.Discard(rec)
		l.expired.Add(1)
		if l.o.restore != nil {
			l.o.restore.gone(it.DB, it.Key)
		}
		return nil
	}
	if l.delay > 0 {
		time.Sleep(time.Duration(l.delay) * time.Microsecond)
	}
	return l.insert(db, k, rec, it)
}

// insert puts a record into its database.
func (l *loader) insert(db *keyspace.DB, k keyspace.Key, rec mem.Handle, it *rdb.Item) error {
	shard := keyspace.ShardOf(k.Hash)
	l.s.ks.Lock(shard)
	defer l.s.ks.Unlock(shard)
	if old := db.Find(k); old.OK() {
		if !l.o.merge {
			l.s.ks.Discard(rec)
			return fmt.Errorf("RDB has duplicated key '%s' in DB %d, at byte %d: %w", it.Key, it.DB, it.At, errDuplicateKey)
		}
		db.Delete(k, old)
	}
	e := db.Add(k, rec)
	if it.Due >= 0 {
		e = db.SetExpire(k, e, it.Due)
	}
	db.ScheduleFields(k, e.Rec)
	l.loaded.Add(1)
	return nil
}

// aside deals with what is no key.
func (l *loader) aside(it *rdb.Item) {
	switch it.Kind {
	case rdb.KindAux:
		l.aux(string(it.Name), string(it.Text))
	case rdb.KindFunction:
		l.s.keepFunction(it.Text)
	// COMPAT: load-errors: the keys are worth more than what a module kept beside them.
	case rdb.KindModule:
		l.s.log.Warningf("The RDB file contains AUX module data I can't load: no matching module '%s'. It is passed over.", it.Name)
	}
}

func (l *loader) aux(name, text string) {
	log := l.s.log
	number, _ := strconv.ParseInt(text, 10, 64) // what is no number counts as 0
	switch name {
	case "redis-ver", "valkey-ver":
		log.Noticef("Loading RDB produced by version %s", text)
	case "ctime":
		log.Noticef("RDB age %d seconds", max(l.access.NowMs/msPerSec-number, 0))
	case "used-mem":
		log.Noticef("RDB memory usage when created %.2f Mb", float64(number)/(1<<20))
		l.progress.usedMem.Store(number)
	case "repl-stream-db":
		l.history.db = int(number)
	case "repl-id":
		l.history.id = text
	case "repl-offset":
		l.history.offset = number
		if l.o.restore != nil {
			l.o.restore.begin(l.history)
		}
	case "aof-base":
		if number != 0 {
			log.Noticef("RDB is base AOF")
		}
	default:
		if strings.HasPrefix(name, "%") {
			log.Noticef("RDB '%s': %s", name, text)
		}
	}
}

// tellProgress logs how far a load is, now and then.
func (l *loader) tellProgress() {
	if l.o.alive != nil {
		l.o.alive()
	}
	now := time.Now()
	if now.Sub(l.toldAt) < progressEvery {
		return
	}
	l.toldAt = now
	done, total := l.scan.Offset(), l.progress.total
	if total <= 0 || done <= 0 {
		return
	}
	left := time.Duration(float64(now.Sub(l.begun)) * float64(total-done) / float64(done))
	l.s.log.Noticef("Loading: %.1f%% of %s, %d keys so far, about %.0f seconds left",
		100*float64(done)/float64(total), human(total), l.loaded.Load(), left.Seconds())
}

// explain logs why a file cannot be loaded, and what to do.
func (l *loader) explain(err error) {
	log := l.s.log
	if errors.Is(err, errStopped) {
		return
	}
	if errors.Is(err, rdb.ErrTruncated) {
		log.Warningf("Short read or OOM loading DB. Unrecoverable error, aborting now.")
	}
	if errors.Is(err, rdb.ErrCorrupt) {
		log.Warningf("Internal error in RDB reading: %s", rdb.Reason(err))
	}
	if l.o.dbs != nil { // of a master
		log.Warningf("Bad data %s: %s", l.name, err)
		return
	}
	log.Warningf("Bad RDB file %s: %s", l.name, err)
	log.Warningf("The file was left as it is, and nothing was lost of it. 'kvorum check-rdb %s' tells how far it is right. "+
		"To go on, put a good copy in its place, or move it away to start empty.", l.name)
	log.Warningf("Terminating server after rdb file reading failure.")
}

// printable quotes a key that has bytes other than plain text.
func printable(key []byte) string {
	if q := strconv.Quote(string(key)); len(q) != len(key)+2 {
		return q
	}
	return string(key)
}

// keepFunction keeps the code of a library for the next save: it is not lost.
func (s *Server) keepFunction(code []byte) {
	s.persist.mu.Lock()
	defer s.persist.mu.Unlock()
	s.persist.functions = append(s.persist.functions, append([]byte(nil), code...))
}

// loadQuiet is how long a load may take before clients are let in to be told of it.
const loadQuiet = 50 * time.Millisecond

// startLoaded loads the file that is there when the server starts and lets clients
// in: when all is loaded, or earlier, if that takes long, to be told so.
func (s *Server) startLoaded() error {
	loaded := make(chan error, 1)
	go s.guard(nil, func() { loaded <- s.loadAtStart() })
	var err error
	select {
	case err = <-loaded:
		s.net.Start()
	case <-time.After(loadQuiet):
		s.net.Start()
		err = <-loaded
	}
	return err
}

// loadAtStart loads the file. While it cannot be read nothing is saved in its place.
func (s *Server) loadAtStart() error {
	var err error
	if s.aof.wanted.Load() {
		err = s.loadLog()
	} else if err = s.aof.locate(); err == nil {
		s.logAofDir()
		err = s.loadRestoring()
	}
	switch {
	case err == nil:
		s.stage.Store(stageRunning)
		go s.guard(nil, s.aof.keep)
		s.eng.SetLoading(false)
		return nil
	case errors.Is(err, errStopped):
		return nil
	}
	return errors.New("Fatal error loading the DB, check server logs. Exiting.")
}
