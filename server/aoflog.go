package server

import (
	"errors"
	"path"
	"sync"
	"sync/atomic"
	"time"

	"kvorum/aof"
	"kvorum/vfs"
)

// The append-only log. Its keeper, one goroutine, owns the list of files and decides:
// it turns the log on and off, begins rewrites and ends them, one request after the
// other. Requests are functions, so CONFIG SET, which must not wait for the gate, only
// leaves one behind; BGREWRITEAOF waits for its answer.
//
//	off ──CONFIG SET appendonly yes──► waiting ──first base is there──► on
//	 ▲                                    │ effects go to a temporary file
//	 └──────── CONFIG SET appendonly no ──┴───────────────────────────────┘

// aofState is whether there is a log.
type aofState int32

const (
	aofOff     aofState = iota
	aofWaiting          // for the first base
	aofOn
)

// keeperTick is how often the keeper looks whether something is due.
const keeperTick = 100 * time.Millisecond

// rewriteLimit is how many failures in a row make the next automatic rewrite wait, and
// rewriteWaitMax how long it waits at most.
const (
	rewriteLimit   = 3
	rewriteWaitMax = time.Hour
)

// aofLog is the log of a server.
type aofLog struct {
	s        *Server
	dir      aof.Dir
	requests chan func()
	retry    time.Duration // after an error of writing
	lagMax   int64         // aofLagMax
	stop     chan struct{}
	ended    chan struct{}

	// The keeper's; before it runs, and after it has ended, the server's.
	manifest  *aof.Manifest
	rewriting *rewriteJob
	retryAt   time.Time     // no automatic rewrite before
	retryWait time.Duration // that was waited last
	slowSyncs int64         // of the running sync: times it was counted as slow

	policy       atomic.Int32 // fsync...
	timestamps   atomic.Bool  // aof-timestamp-enabled
	quiet        atomic.Bool  // no-appendfsync-on-rewrite
	flushSleepUs atomic.Int64
	writer       atomic.Pointer[aofWriter]
	state        atomic.Int32 // aofState
	mark         atomic.Pointer[historyMark]
	wanted       atomic.Bool // appendonly
	scheduled    atomic.Bool
	busy         atomic.Bool  // a rewrite is under way
	enabling     atomic.Int32 // requests to turn the log on that are not dealt with

	mu      sync.Mutex // guards what follows
	figures aofFigures
	errText string // of the last error of writing, "" if it is over
	bioText string // the same of a sync beside
	lagging bool   // too much waits for the disk
}

// aofFigures are what INFO tells.
type aofFigures struct {
	rewrites, failures int64
	lastRewriteSec     int64 // -1 before the first
	rewriteStart       int64 // Unix seconds, 0 without one
	rewriteFailed      bool
	settledBytes       int64 // files but the one being written
	baseBytes          int64 // size after the last rewrite
	delayed            int64 // syncs that were slow
}

// init prepares the log of a server.
func (a *aofLog) init(s *Server) {
	a.s, a.retry, a.lagMax = s, aofRetry, aofLagMax
	a.requests, a.stop, a.ended = make(chan func(), keeperQueue), make(chan struct{}), make(chan struct{})
	a.figures.lastRewriteSec = -1
	a.manifest = &aof.Manifest{}
	a.mark.Store(&historyMark{})
}

// keeperQueue is how many requests may wait.
const keeperQueue = 64

// hookAOF connects the directives of the log.
func (s *Server) hookAOF() {
	a := &s.aof
	s.cfg.OnChange(func() error {
		policy := map[string]int32{"no": fsyncNo, "everysec": fsyncEverySec, "always": fsyncAlways}[s.cfg.Enum("appendfsync")]
		a.policy.Store(policy)
		a.applyHolding()
		if w := a.writer.Load(); w != nil {
			w.nudge()
		}
		return nil
	}, "appendfsync")
	s.cfg.OnChange(func() error { a.timestamps.Store(s.cfg.Bool("aof-timestamp-enabled")); return nil }, "aof-timestamp-enabled")
	s.cfg.OnChange(func() error { a.quiet.Store(s.cfg.Bool("no-appendfsync-on-rewrite")); return nil }, "no-appendfsync-on-rewrite")
	s.cfg.OnChange(a.applyEnabled, "appendonly")
}

// applyEnabled is a hook of the configuration: it turns the log on or off. Before the
// server runs there is nothing to do.
func (a *aofLog) applyEnabled() error {
	on := a.s.cfg.Bool("appendonly")
	if a.wanted.Swap(on) == on || a.s.stage.Load() < stageRunning {
		return nil
	}
	if on {
		folder := path.Join(a.s.dir(), a.s.cfg.String("appenddirname"))
		if err := a.s.persist.fs.Mkdir(folder); err != nil {
			a.wanted.Store(false)
			a.s.log.Warningf("Can't open or create append-only dir %s: %s", a.s.cfg.String("appenddirname"), strerror(err))
			return errors.New("Unable to turn on AOF. Check server logs.")
		}
	}
	if err := a.postEnabled(on); err != nil {
		a.wanted.Store(!on) // the hook comes again, with what there was
		return err
	}
	return nil
}

// postEnabled has the keeper turn the log on or off.
func (a *aofLog) postEnabled(on bool) error {
	if !on {
		return a.post(a.disable)
	}
	a.enabling.Add(1)
	err := a.post(a.enable)
	if err != nil {
		a.enabling.Add(-1)
	}
	return err
}

// post leaves a request for the keeper.
func (a *aofLog) post(fn func()) error {
	select {
	case a.requests <- fn:
		return nil
	default:
		return errors.New("too many changes of the append-only log are waiting")
	}
}

// ask has the keeper do something and waits for the answer. In a Task only. false: the
// server ends.
func (a *aofLog) ask(fn func()) bool {
	done := make(chan struct{})
	select {
	case a.requests <- func() { fn(); close(done) }:
	case <-a.stop:
		return false
	}
	select {
	case <-done:
		return true
	case <-a.ended:
		return false
	}
}

// keep is the keeper.
func (a *aofLog) keep() {
	defer close(a.ended)
	t := time.NewTicker(keeperTick)
	defer t.Stop()
	for {
		select {
		case fn := <-a.requests:
			fn()
		case <-t.C:
			a.tick()
		case <-a.stop:
			return
		}
	}
}

// tick does what is due.
func (a *aofLog) tick() {
	a.watchDisk()
	if aofState(a.state.Load()) == aofOff && !a.scheduled.Load() || a.rewriting != nil || a.saving() {
		return
	}
	if a.scheduled.Load() {
		if !a.limited() {
			_ = a.startRewrite() // it has logged why it failed
		}
		return
	}
	if aofState(a.state.Load()) == aofOn && a.mustRewrite() {
		a.s.log.Noticef("Starting automatic rewriting of AOF on %d%% growth", a.growth())
		_ = a.startRewrite() // the same
	}
}

// watchDisk counts slow syncs, and refuses writes while too much waits for the disk.
func (a *aofLog) watchDisk() {
	w := a.writer.Load()
	if w == nil {
		return
	}
	if !w.syncer.busy.Load() {
		a.slowSyncs = 0
	} else if n := (a.s.clock.MonoNs() - w.syncer.since.Load()) / int64(aofSlowSync); n > a.slowSyncs {
		a.slowSyncs = n
		a.s.log.Noticef("Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF buffer without waiting for fsync to complete, this may slow down Redis.")
		a.mu.Lock()
		a.figures.delayed++
		a.mu.Unlock()
	}
	lag := w.lag()
	a.mu.Lock()
	if was := a.lagging; was && lag < a.lagMax/2 {
		a.lagging = false
	} else if lag > a.lagMax {
		a.lagging = true
	}
	a.deny()
	a.mu.Unlock()
}

// deny refuses writes while something is wrong with the disk. Under mu.
//
// COMPAT: aof-lag: the last reason is our own: Redis stops everything instead.
func (a *aofLog) deny() {
	text := a.errText
	if text == "" {
		text = a.bioText
	}
	if text == "" && a.lagging {
		text = "the disk is too slow"
	}
	if text != "" {
		text = "-MISCONF Errors writing to the AOF file: " + text
	}
	a.s.denyWrites(denyAOF, text)
}

// setError notes an error of writing.
func (a *aofLog) setError(err error) {
	a.mu.Lock()
	a.errText = strerror(err)
	a.deny()
	a.mu.Unlock()
}

// recovered notes that writing works.
func (a *aofLog) recovered() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.errText == "" {
		return
	}
	a.errText = ""
	a.s.log.Noticef("AOF write error looks solved, Redis can write again.")
	a.deny()
}

// setSyncError notes how the last sync beside the writer ended.
func (a *aofLog) setSyncError(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	was := a.bioText
	a.bioText = ""
	if err != nil {
		a.bioText = strerror(err)
	}
	if a.bioText != was {
		a.deny()
	}
}

// release lets the replies go that wait for effects up to a number.
func (a *aofLog) release(number uint64) {
	d := &a.s.durable
	if number > d.synced.Load() {
		d.synced.Store(number)
		a.s.wakeHolders()
	}
}

// applyHolding makes replies wait for the disk, or no longer.
func (a *aofLog) applyHolding() {
	a.mu.Lock() // the keeper and who changes the policy: the last one has the last word
	defer a.mu.Unlock()
	on := a.policy.Load() == fsyncAlways && a.writer.Load() != nil
	if a.s.durable.on.Swap(on) && !on {
		a.s.wakeHolders()
	}
}

// noFsyncNow reports whether syncs are left out because a rewrite or a save keeps the
// disk busy.
func (a *aofLog) noFsyncNow() bool { return a.quiet.Load() && (a.busy.Load() || a.saving()) }

// noteWrite takes how long a write took.
func (a *aofLog) noteWrite(took time.Duration, syncing bool) {
	event := "aof-write-alone"
	if syncing {
		event = "aof-write-pending-fsync"
	} else if a.busy.Load() || a.saving() {
		event = "aof-write-active-child"
	}
	a.noteLatency(event, took)
	a.noteLatency("aof-write", took)
}

func (a *aofLog) noteLatency(event string, took time.Duration) {
	if least := a.s.eng.Settings().LatencyMs; least > 0 && took.Milliseconds() >= least {
		a.s.latency.record(event, took.Milliseconds())
	}
}

// open prepares the log for writing, after loading, and lets the writer run. Before the
// loops run.
// past: the log says of which history it is.
func (a *aofLog) open(past *aof.Past) error {
	if err := a.dir.Make(); err != nil {
		return a.logged(err)
	}
	known := len(a.manifest.Incr) > 0
	if a.manifest.Empty() {
		if err := a.firstBase(); err != nil {
			return err
		}
	}
	if !known {
		a.manifest.AddIncr(a.dir.Filename)
	}
	name := a.manifest.Incr[len(a.manifest.Incr)-1].Name
	file, size, err := a.dir.Append(name, false)
	if err == nil {
		err = a.dir.Save(a.manifest)
	}
	if err != nil {
		return a.logged(err)
	}
	all, _, err := a.dir.Size(a.manifest)
	if err != nil {
		return a.logged(err)
	}
	a.figures.settledBytes = all - size
	if a.figures.baseBytes == 0 {
		a.figures.baseBytes = all
	}
	if known {
		a.s.log.Noticef("Opening AOF incr file %s on server start", name)
	} else {
		a.s.log.Noticef("Creating AOF incr file %s on server start", name)
	}
	a.sweep()
	a.s.eng.Exclusive(func() {
		a.s.feedFor(feedAOF, true)
		err = a.startWriter(a.s.eng.Feed.Cut(), file, a.dir.Identify(a.manifest, name), size, past)
	})
	a.state.Store(int32(aofOn))
	return err
}

// logged logs an error of the log's files in Redis's words, and returns it.
func (a *aofLog) logged(err error) error {
	var me *aof.ManifestError
	var op *aof.OpError
	switch {
	case errors.As(err, &me):
		for _, line := range me.Report() {
			a.s.log.Warningf("%s", line)
		}
	case errors.As(err, &op):
		a.s.log.Warningf("%s %s: %s", op.Op, op.File, strerror(op.Err))
	default:
		a.s.log.Warningf("%s", err)
	}
	return err
}

// startWriter lets a writer run from an offset of the stream on. The gate is closed.
func (a *aofLog) startWriter(offset int64, file vfs.File, ident aof.Identity, size int64, past *aof.Past) error {
	w, err := newAOFWriter(a, offset, file, ident, size, a.s.repl.streamDB())
	if err != nil {
		return err
	}
	w.past.resume(w, past, offset, size)
	a.writer.Store(w)
	a.applyHolding()
	go a.s.guard(nil, w.run)
	return nil
}

// stopWriter ends the writer when all is on the disk. Not behind the gate.
func (a *aofLog) stopWriter() {
	w := a.writer.Load()
	if w == nil {
		return
	}
	w.end()
	a.writer.Store(nil)
	a.s.repl.AcksChanged()
	a.applyHolding()
	a.mu.Lock()
	a.errText, a.bioText, a.lagging = "", "", false
	a.deny()
	a.mu.Unlock()
}

// enable turns the log on: by the keeper.
func (a *aofLog) enable() {
	defer a.enabling.Add(-1)
	a.state.Store(int32(aofWaiting))
	switch {
	case a.locate() != nil:
		a.state.Store(int32(aofOff))
	case a.saving():
		a.scheduled.Store(true)
		a.s.log.Noticef("AOF was enabled but there is already another background operation. An AOF background was scheduled to start when possible.")
	case a.startRewrite() != nil:
		a.scheduled.Store(true) // until it works, or somebody turns the log off
		a.s.log.Warningf("Redis needs to enable the AOF but can't trigger a background AOF rewrite operation. Check the above logs for more info about the error.")
	}
}

// disable turns the log off: by the keeper.
func (a *aofLog) disable() {
	a.cancelRewrite()
	a.scheduled.Store(false)
	if a.writer.Load() != nil {
		a.writer.Load().flush()
		a.s.eng.Exclusive(func() { a.s.feedFor(feedAOF, false) })
		a.stopWriter()
	}
	if aofState(a.state.Load()) == aofWaiting {
		_ = a.dir.FS.Remove(a.dir.Path(a.dir.TempIncr())) // there may be none
	}
	a.state.Store(int32(aofOff))
}

// restart ends the log, has fn change all data and the history of the stream, and lets
// the log begin anew with them, if it is to be on then. On no loop.
func (a *aofLog) restart(fn func()) {
	a.ask(func() {
		if aofState(a.state.Load()) != aofOff {
			a.disable()
		}
	})
	fn()
	a.enabling.Add(1)
	a.ask(func() {
		if !a.wanted.Load() {
			a.enabling.Add(-1)
			return
		}
		a.disable() // it may have been turned off and on meanwhile
		a.enable()
	})
}

// synced returns the offset up to which the stream is on the disk, -1 without a log.
func (a *aofLog) synced() int64 {
	if w := a.writer.Load(); w != nil {
		return w.syncedTo.Load()
	}
	return -1
}

// endAOF flushes the log, at the end of the server: first, while the loops run, so that
// replies which wait go out, and, last, after they have ended.
func (s *Server) endAOF(last bool) {
	a := &s.aof
	if w := a.writer.Load(); w != nil && !last {
		w.flush()
		return
	}
	if !last {
		return
	}
	close(a.stop)
	if s.stage.Load() >= stageRunning {
		<-a.ended
	}
	a.cancelRewrite()
	if a.writer.Load() == nil {
		return
	}
	s.log.Noticef("Calling fsync() on the AOF file.")
	a.stopWriter()
}

// sweep removes the files that a rewrite has made needless.
func (a *aofLog) sweep() {
	if a.s.settingBool("aof-disable-auto-gc") {
		return
	}
	err := a.dir.Sweep(a.manifest, func(name string) {
		a.s.log.Noticef("Removing the history file %s in the background", name)
	})
	if err != nil {
		_ = a.logged(err) // needless files do no harm
	}
}

// settingBool reads a yes/no directive; settingInt and settingMemory are alike.
func (s *Server) settingBool(name string) bool {
	s.cfgMu.RLock()
	defer s.cfgMu.RUnlock()
	return s.cfg.Bool(name)
}

func (s *Server) settingInt(name string) int64 {
	s.cfgMu.RLock()
	defer s.cfgMu.RUnlock()
	return s.cfg.Int(name)
}

func (s *Server) settingMemory(name string) int64 {
	s.cfgMu.RLock()
	defer s.cfgMu.RUnlock()
	return int64(s.cfg.Memory(name))
}

// tempBase is the file in which a base is written: one name, so that a crash leaves at
// most one of them behind.
//
// COMPAT: aof-temp-name: Redis puts its process ID there.
func (a *aofLog) tempBase() string { return "temp-rewriteaof-" + a.dir.Filename }

// locate takes over from the configuration where the files are, and reads which there
// are. It has logged its error.
//
// COMPAT: aof-dir: CONFIG SET dir does not move a log that is on.
func (a *aofLog) locate() error {
	a.s.cfgMu.RLock()
	a.dir = aof.Dir{FS: a.s.persist.fs, Root: a.s.dir(), Name: a.s.cfg.String("appenddirname"), Filename: a.s.cfg.String("appendfilename")}
	a.s.cfgMu.RUnlock()
	m, err := a.dir.Load()
	if err != nil {
		return a.logged(err)
	}
	a.manifest = m
	return nil
}
