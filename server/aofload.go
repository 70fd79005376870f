package server

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"

	"kvorum/aof"
	"kvorum/command"
	"kvorum/engine"
	"kvorum/keyspace"
	"kvorum/vfs"
)

// Loading the log: its files one after the other, each as fast as all processors can
// execute what stands in it.
//
//	file ─► Reader ─► dispatcher ─┬─► loader 0   keys whose shard is 0 mod n
//	                              ├─► loader 1   keys whose shard is 1 mod n
//	                              └─► ...
//
// Commands with the same key go to the same loader, in their order. What concerns keys
// of several loaders, or all data, waits until all of them have finished and runs alone.
// A transaction is taken apart: nobody looks on, and its end has been read before its
// first command is handed out.

var (
	errAOFLoad  = errors.New("the append-only log could not be loaded")
	rdbMagic    = []byte("REDIS")
	multiWord   = []byte("multi")
	execWord    = []byte("exec")
	selectWord  = []byte("select")
	discardWord = []byte("discard")
)

// loadAOF loads all files of the log into the empty database. It has logged its error.
func (s *Server) loadAOF(p *replay) error {
	a := &s.aof
	if err := a.locate(); err != nil {
		return err
	}
	m := a.manifest
	done, err := a.dir.Upgrade(m)
	if err != nil {
		return a.logged(err)
	}
	if done {
		s.log.Noticef("Successfully migrated an old-style AOF file (%s) into the AOF directory (%s).", a.dir.Filename, a.dir.Name)
	}
	if m.Empty() {
		return nil
	}
	start := time.Now()
	all, base, err := a.dir.Size(m)
	if err != nil {
		var op *aof.OpError
		if errors.As(err, &op) {
			s.log.Warningf("Unable to obtain the AOF file %s length. stat: %s", op.File, strerror(op.Err))
		}
		return errAOFLoad
	}
	p.progress = &loadProgress{startMs: s.clock.NowMs(), total: all}
	s.persist.loading.Store(p.progress)
	defer s.persist.loading.Store(nil)
	files := m.Files()
	last := a.lastWritten(files)
	if !p.behind {
		p.trace = s.newRetrace(m)
	}
	for i, f := range files {
		began := time.Now()
		truncated, err := s.loadOne(p, f.Name, f.Name == a.dir.Filename)
		if err == nil && truncated && i < last {
			s.log.Warningf("Fatal error: the truncated file is not the last file")
			err = errAOFLoad
		}
		if err != nil {
			return err
		}
		kind := "incr"
		if f.Type == aof.Base {
			kind = "base"
		}
		s.log.Noticef("DB loaded from %s file %s: %.3f seconds", kind, f.Name, time.Since(began).Seconds())
		p.before = p.progress.done.Load()
	}
	a.figures.baseBytes = base
	if all > 0 {
		s.log.Noticef("DB loaded from append only file: %.3f seconds", time.Since(start).Seconds())
	}
	return nil
}

// lastWritten returns the index of the last file that is not empty. The files behind it
// have been made for a rewrite that had not begun to write when the server ended.
//
// COMPAT: aof-truncated-last: Redis refuses to start if the file before an empty one is
// cut off.
func (a *aofLog) lastWritten(files []aof.File) int {
	last := len(files) - 1
	for ; last > 0; last-- {
		if info, err := a.dir.FS.Stat(a.dir.Path(files[last].Name)); err != nil || info.Size > 0 {
			break
		}
	}
	return last
}

// loadOne loads one file and reports whether its end was cut off. It has logged its
// error.
func (s *Server) loadOne(p *replay, name string, oldStyle bool) (truncated bool, err error) {
	f, err := s.aof.dir.FS.Open(s.aof.dir.Path(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.log.Warningf("The append log file %s doesn't exist: %s", name, strerror(err))
		return false, errAOFLoad
	case err != nil:
		s.log.Warningf("Fatal error: can't open the append log file %s for reading: %s", name, strerror(err))
		return false, errAOFLoad
	}
	defer func() { _ = f.Close() }() // it was only read
	at, err := s.loadPreamble(p, f, name, oldStyle)
	if err != nil {
		return false, err
	}
	r := aof.NewReader(io.NewSectionReader(f, at, 1<<62), at)
	p.traced = p.trace != nil && p.trace.past.File == name
	err = p.file(r)
	if err == nil && p.openSince >= 0 {
		s.log.Warningf("Revert incomplete MULTI/EXEC transaction in AOF file %s", name)
		p.revert()
		return s.cutAOF(name, p.openSince)
	}
	var unknown *unknownCommandError
	switch {
	case err == nil:
		return false, nil
	case errors.Is(err, errStopped):
		return false, err
	case errors.As(err, &unknown):
		s.log.Warningf("Unknown command '%s' reading the append only file %s", unknown.name, name)
	case errors.Is(err, aof.ErrTruncated):
		offset := r.Offset()
		if p.openSince >= 0 {
			offset = p.openSince
			p.revert()
		}
		return s.cutAOF(name, offset)
	case errors.Is(err, aof.ErrFormat):
		s.log.Warningf("Bad file format reading the append only file %s at offset %d: make a backup of your AOF file, then use ./redis-check-aof --fix <filename.manifest>", name, r.Offset())
	default:
		s.log.Warningf("Unrecoverable error reading the append only file %s: %s", name, strerror(err))
	}
	return false, errAOFLoad
}

// loadPreamble loads what stands in the RDB format at the beginning of a file, and
// returns where the commands begin.
func (s *Server) loadPreamble(p *replay, f vfs.File, name string, oldStyle bool) (end int64, err error) {
	magic := make([]byte, len(rdbMagic))
	if _, err := f.ReadAt(magic, 0); err != nil && !errors.Is(err, io.EOF) {
		s.log.Warningf("Unrecoverable error reading the append only file %s: %s", name, strerror(err))
		return 0, errAOFLoad
	}
	if !bytes.Equal(magic, rdbMagic) {
		return 0, nil
	}
	if oldStyle {
		s.log.Noticef("Reading RDB preamble from AOF file...")
	} else {
		s.log.Noticef("Reading RDB base file on AOF loading...")
	}
	if end, err = s.loadRDBFrom(f, name, p.behind, p.progress); err != nil {
		if oldStyle {
			s.log.Warningf("Error reading the RDB preamble of the AOF file %s, AOF loading aborted: %s", name, err)
		} else {
			s.log.Warningf("Error reading the RDB base file %s, AOF loading aborted: %s", name, err)
		}
		return 0, errAOFLoad
	}
	if oldStyle {
		s.log.Noticef("Reading the remaining AOF tail...")
	}
	return end, nil
}

// cutAOF deals with a file whose end is missing: it is cut back to what is whole, if
// aof-load-truncated says so.
func (s *Server) cutAOF(name string, offset int64) (truncated bool, err error) {
	if s.settingBool("aof-load-truncated") {
		s.log.Warningf("!!! Warning: short read while loading the AOF file %s!!!", name)
		s.log.Warningf("!!! Truncating the AOF %s at offset %d !!!", name, offset)
		err := s.truncate(s.aof.dir.Path(name), offset)
		if err == nil {
			s.log.Warningf("AOF %s loaded anyway because aof-load-truncated is enabled", name)
			return true, nil
		}
		s.log.Warningf("Error truncating the AOF file %s: %s", name, strerror(err))
	}
	s.log.Warningf("Unexpected end of file reading the append only file %s. You can: "+
		"1) Make a backup of your AOF file, then use ./redis-check-aof --fix <filename.manifest>. "+
		"2) Alternatively you can set the 'aof-load-truncated' configuration option to yes and restart the server.", name)
	return false, errAOFLoad
}

func (s *Server) truncate(name string, size int64) error {
	f, err := s.persist.fs.Edit(name)
	if err != nil {
		return err
	}
	err = f.Truncate(size)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// LoadAOF implements command.Host.
func (s *Server) LoadAOF() bool {
	a := &s.aof
	p := s.newReplay(true)
	defer p.close()
	ok := false
	a.ask(func() {
		w := a.writer.Load()
		if w != nil {
			w.flush()
		}
		s.undisturbed(func() {
			fed := s.eng.Feed.Enabled()
			if fed {
				s.eng.Feed.Disable()
			}
			if w != nil {
				w.flush() // what came since; the writer needs no gate
			}
			for i := range s.ks.DBCount() {
				s.ks.DB(i).Flush()
			}
			ok = s.loadAOF(p) == nil && !a.manifest.Empty()
			if fed {
				s.eng.Feed.Enable()
			}
		})
	})
	if ok {
		s.log.Noticef("Append Only File loaded by DEBUG LOADAOF")
	}
	return ok
}

// undisturbed runs fn while no command executes and no long one is under way.
func (s *Server) undisturbed(fn func()) {
	for ran := false; !ran; {
		seq := s.ks.PinSeq()
		s.eng.Exclusive(func() {
			if ran = !s.ks.AnyPinned(); ran {
				fn()
			}
		})
		if !ran {
			s.ks.AwaitPins(seq)
		}
	}
}

// unknownCommandError tells of a command that the server does not know.
type unknownCommandError struct{ name string }

func (e *unknownCommandError) Error() string { return "unknown command " + e.name }

// replay executes the commands of files with several loaders.
type replay struct {
	s       *Server
	loaders []*replayer
	busy    sync.WaitGroup // buffers on their way
	behind  bool

	progress *loadProgress
	before   int64 // bytes of the files before this one

	trace    *retrace // nil: none is
	traced   bool     // the file is the one that it follows
	selected int      // database at the end of the last file that had commands

	db        int
	openSince int64  // offset of a MULTI without EXEC, -1 outside
	queue     []byte // of that transaction
	refs      []command.KeyRef
}

// replayer executes a share of the commands, on a goroutine of its own.
type replayer struct {
	worker *engine.Worker
	sess   *command.Session
	in     chan []byte
	free   chan []byte
	fill   []byte // the dispatcher's: what comes next
	db     int    // the dispatcher's: what the loader will have selected
	failed uint64
}

const (
	loadersMax    = 16
	loaderBuffer  = 64 << 10 // size at which a buffer is handed over
	loaderBuffers = 4        // of each loader
)

// newReplay makes the loaders; behind: they will work behind the gate. Not behind it.
func (s *Server) newReplay(behind bool) *replay {
	p := &replay{s: s, behind: behind, openSince: -1}
	for range min(runtime.GOMAXPROCS(0), loadersMax) {
		l := &replayer{
			worker: s.eng.NewLoader(behind), sess: s.eng.NewInternal(),
			in: make(chan []byte, loaderBuffers), free: make(chan []byte, loaderBuffers),
		}
		for range loaderBuffers {
			l.free <- nil
		}
		p.loaders = append(p.loaders, l)
		go s.guard(nil, func() { p.run(l) })
	}
	return p
}

// close ends the loaders. Not behind the gate.
func (p *replay) close() {
	for _, l := range p.loaders {
		close(l.in)
	}
	p.busy.Wait()
	for _, l := range p.loaders {
		l.worker.Close()
	}
}

// run is the goroutine of a loader.
func (p *replay) run(l *replayer) {
	var out []byte
	for b := range l.in {
		for in := b; len(in) > 0; {
			var n int
			n, _, out = l.worker.Serve(l.sess, in, out[:0])
			if n == 0 {
				break // cannot be: whole commands only
			}
			in = in[n:]
			p.report(l, out)
			if l.sess.Task != nil {
				l.sess.Task, l.sess.Unfinished = nil, nil // a reply that nobody reads
			}
			l.sess.Flags &^= command.CloseAfterReply
		}
		l.free <- b[:0]
		p.busy.Done()
	}
}

// report logs an error that a command of the log gave: then the data are not what they
// were.
func (p *replay) report(l *replayer, out []byte) {
	failed := l.worker.Failures()
	if failed == l.failed {
		return
	}
	l.failed = failed
	at := bytes.Index(append([]byte("\r\n"), out...), []byte("\r\n-"))
	if at < 0 {
		return
	}
	text, _, _ := bytes.Cut(out[at:], []byte("\r\n"))
	p.s.log.Warningf("== CRITICAL == This AOF-loading-client is sending an error to its server: '%s'", text)
}

// failed reports whether a command has given an error: the data are then not what they
// were. After close.
func (p *replay) failed() bool {
	return slices.ContainsFunc(p.loaders, func(l *replayer) bool { return l.failed > 0 })
}

// file executes the commands of one file. When it returns without an error openSince
// tells of a transaction that does not end.
func (p *replay) file(r *aof.Reader) error {
	p.openSince, p.db = -1, 0
	for _, l := range p.loaders {
		l.fill = aof.AppendSelect(l.fill, 0)
		l.db = 0
	}
	defer p.wait()
	for {
		from := r.Offset()
		p.progress.done.Store(p.before + from)
		select {
		case <-p.s.stop:
			return errStopped
		default:
		}
		args, raw, err := r.Next()
		if err != nil {
			if p.traced && p.openSince < 0 {
				p.trace.pass(r.Offset())
			}
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		spec := p.s.table.Lookup(args[0])
		if spec == nil {
			return &unknownCommandError{string(args[0])}
		}
		if p.traced {
			p.trace.command(raw, r.Offset(), p.openSince >= 0)
		}
		switch {
		case p.openSince >= 0:
			if err := p.inTransaction(args, raw); err != nil {
				return err
			}
		case bytes.EqualFold(args[0], multiWord):
			p.openSince = from
			if p.traced {
				p.trace.hold(raw)
			}
		default:
			p.one(spec, args, raw)
		}
	}
}

// revert forgets the transaction that a file ends in.
func (p *replay) revert() {
	p.queue = p.queue[:0]
	if p.traced {
		p.trace.revert()
	}
}

// inTransaction takes a command behind MULTI.
func (p *replay) inTransaction(args [][]byte, raw []byte) error {
	switch {
	case bytes.EqualFold(args[0], discardWord):
		p.openSince, p.queue = -1, p.queue[:0]
	case bytes.EqualFold(args[0], execWord):
		p.openSince = -1
		r := aof.NewReader(bytes.NewReader(p.queue), 0)
		for {
			args, raw, err := r.Next()
			if err != nil {
				p.queue = p.queue[:0]
				return nil // the end: all was read before
			}
			p.one(p.s.table.Lookup(args[0]), args, raw)
		}
	default:
		p.queue = append(p.queue, raw...)
	}
	return nil
}

// one hands a command to its loader.
func (p *replay) one(spec *command.Spec, args [][]byte, raw []byte) {
	p.selected = p.db
	if bytes.EqualFold(args[0], selectWord) && len(args) == 2 {
		if db, err := strconv.Atoi(string(args[1])); err == nil && db >= 0 && db < p.s.ks.DBCount() {
			p.db, p.selected = db, db
			return
		}
	}
	if len(spec.Subs) > 0 && len(args) > 1 {
		if sub := spec.Sub(args[1]); sub != nil {
			spec = sub
		}
	}
	l := p.owner(spec, args)
	if l == nil {
		p.wait()
		p.add(p.loaders[0], raw)
		p.wait()
		return
	}
	p.add(l, raw)
}

// owner returns the loader that all keys of a command belong to, nil if there is no
// such one.
func (p *replay) owner(spec *command.Spec, args [][]byte) (owner *replayer) {
	if len(p.loaders) == 1 {
		return p.loaders[0]
	}
	if spec.Mode != command.LocksKeys || !spec.ArityOK(len(args)) {
		return nil
	}
	first, last, step, simple := spec.KeyRange(len(args))
	if !simple {
		p.refs, _ = spec.AppendKeys(args, p.refs[:0])
		for _, ref := range p.refs {
			if owner = p.agree(owner, args[ref.Arg]); owner == nil {
				return nil
			}
		}
		return owner
	}
	for i := first; first > 0 && i <= last && i < len(args); i += step {
		if owner = p.agree(owner, args[i]); owner == nil {
			return nil
		}
	}
	return owner
}

func (p *replay) agree(owner *replayer, key []byte) *replayer {
	l := p.loaders[keyspace.ShardOf(p.s.ks.Key(key).Hash)%len(p.loaders)]
	if owner != nil && owner != l {
		return nil
	}
	return l
}

// add puts a command into the buffer of a loader.
func (p *replay) add(l *replayer, raw []byte) {
	if l.db != p.db {
		l.fill = aof.AppendSelect(l.fill, p.db)
		l.db = p.db
	}
	l.fill = append(l.fill, raw...)
	if len(l.fill) >= loaderBuffer {
		p.send(l)
	}
}

func (p *replay) send(l *replayer) {
	if len(l.fill) == 0 {
		return
	}
	p.busy.Add(1)
	l.in <- l.fill
	l.fill = <-l.free
}

// wait lets all loaders finish.
func (p *replay) wait() {
	for _, l := range p.loaders {
		p.send(l)
	}
	p.busy.Wait()
}
