// Package server is the data server: it builds keyspace, engine and event loops
// from a configuration, runs them, and answers what only a whole server can
// (INFO, CLIENT, CONFIG, DEBUG). It is the composition root: it may know
// everything below it, nothing knows it.
//
//	socket -> netloop.Loop -> server.handler -> engine.Worker -> replies
//
// Goroutines of a running server: one per event loop (each owns one
// engine.Worker and executes commands, expiry and other background slices), one
// for housekeeping of memory and sampling, one for signals, and one for each
// long command that runs off its loop. ARCHITECTURE.md lists them.
//
// Who may call it: New and Run once, from one goroutine; Stop, Addrs and Started
// from any. The methods of command.Host are called by handlers and Tasks, as
// their docs say.
//
// Lock order: config mutex < gate < shards < monitors. The config mutex is never
// taken by a goroutine that is in a batch of the engine while another waits for
// the gate under it: hooks of CONFIG SET publish settings through atomics only. The
// mutex of eviction is taken beside the loops only, and held while waiting for them.
//
// What Main runs has a program, which deals with the process: signals, pid file,
// title, crash report. A Server from New alone leaves its process as it is.
//
// I1: a session is touched by the goroutine of its loop only; others reach it
// with EachClient. I2: nothing that a command waits for waits for that command.
package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"kvorum/clock"
	"kvorum/command"
	"kvorum/command/all"
	"kvorum/config"
	"kvorum/engine"
	"kvorum/keyspace"
	"kvorum/logx"
	"kvorum/mem"
	"kvorum/netloop"
	"kvorum/pubsub"
)

// shutdownWait bounds the writing of last replies.
const shutdownWait = 500 * time.Millisecond

// Server is a running data server.
type Server struct {
	cfgMu           sync.RWMutex // guards cfg
	cfg             *config.Config
	file            string          // absolute path of the configuration file, "" without
	toldIneffective map[string]bool // directives without effect that the log has named; guarded by cfgMu
	rewriteMu       sync.Mutex      // held by the one that writes the file

	log     *logx.Logger
	clock   clock.Clock
	table   *command.Table
	eng     *engine.Engine
	ks      *keyspace.Keyspace
	net     *netloop.Server
	loops   []*loopState
	slow    slowlog
	stats   stats
	goMem   goMemory // cron's
	runID   string
	startMs int64 // wall time

	monitors          monitors
	outLimits         atomic.Pointer[outputLimits]
	recent            recent
	idleSec           atomic.Int64 // timeout
	blocked           atomic.Int64 // clients that wait for something
	timed             atomic.Int64 // clients that wait for keys until a certain time
	evictNow          chan struct{}
	evicting          sync.Mutex   // held by the one that evicts clients; guards what follows
	overAfterEvicting atomic.Bool  // eviction was in vain; written under evicting
	clientLimit       atomic.Int64 // maxmemory-clients in bytes, 0 without
	recount           atomic.Bool  // clientLimit is new, the sums of the loops may be old

	sockets    sockets
	clients    atomic.Int64
	maxClients atomic.Int64
	maxInput   atomic.Int64
	keepAlive  atomic.Int64
	protected  atomic.Bool // protected-mode
	debugFor   int64       // config.Action: who may use DEBUG
	protectFor int64       // config.Action: who may change protected directives

	ready        chan struct{} // closed when connections are accepted
	stop         chan struct{} // closed when the server is to end
	ending       atomic.Bool   // a shutdown has begun
	shutdown     shutdown
	frozen       uint32   // frozenFor...: why the data stay as they are; behind the gate
	program      *program // nil: the process is not ours
	stopOnce     sync.Once
	done         sync.WaitGroup
	lastAttackMs atomic.Int64   // when the last warning of an HTTP client was logged
	lastAcceptMs atomic.Int64   // the same of a failed accept
	tasks        sync.WaitGroup // goroutines of long commands

	latency    latencyMonitor
	repl       *replication
	feeding    uint32      // feed...; under the gate
	cronPaused atomic.Bool // DEBUG PAUSE-CRON
	untracked  int         // rounds of cron since a client tracked

	persist persistence
	aof     aofLog
	durable holdState
	denials denials
	stage   atomic.Int32 // stage...
}

// The stages of a server.
const (
	stageNew     int32 = iota
	stageRunning       // data are loaded
)

// loopState is what the server keeps per event loop. All but counts and
// clientBytes is touched on the loop only.
type loopState struct {
	worker      *engine.Worker
	sessions    map[uint64]*client
	roster      roster
	postponed   []*client     // by CLIENT PAUSE, the first one first
	inbox       *pubsub.Inbox // messages for its clients
	deadlines   deadlines     // of clients that wait for keys
	serving     *client       // the one whose requests are being executed, for the crash report
	counts      loopCounts
	clientBytes atomic.Int64 // sum of counted of the clients; written on the loop
	holders     holders
}

// client is a connection with its session.
type client struct {
	*command.Session
	conn   *netloop.Conn
	closed bool
	// sentAway tells that the server ended the connection, not the client.
	sentAway bool

	at              int   // place in the roster
	deadlineAt      int   // place in loopState.deadlines while it waits for a time; -1 when that has come
	seenIn, seenOut int   // bytes buffered when it was looked after last
	softSince       int64 // Unix seconds since when its output is over the soft limit, 0 if it is not
	counted         int64 // its part in loopState.clientBytes

	held     held  // replies that wait for the disk
	waitUsec int64 // that the long command in flight had waited; -1 without one
}

var _ command.Host = (*Server)(nil)

// commandTable returns the table of all commands. Servers of one process share
// it, as rows belong to one table.
var commandTable = sync.OnceValues(func() (*command.Table, error) { return command.NewTable(all.Families()...) })

// New builds a server from a loaded configuration. file is the absolute path of
// the configuration file, "" without one. Nothing listens yet.
func New(cfg *config.Config, file string, log *logx.Logger) (*Server, error) {
	table, err := commandTable()
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	return newServer(cfg, file, log, table)
}

// newServer is New with a table of commands, some of which may be renamed.
func newServer(cfg *config.Config, file string, log *logx.Logger, table *command.Table) (*Server, error) {
	s := &Server{
		cfg: cfg, file: file, log: log, clock: clock.New(), table: table, runID: newRunID(),
		toldIneffective: make(map[string]bool),
		ready:           make(chan struct{}), stop: make(chan struct{}), evictNow: make(chan struct{}, 1),
		debugFor:   cfg.EnumBits("enable-debug-command"),
		protectFor: cfg.EnumBits("enable-protected-configs"),
	}
	s.startMs = s.clock.NowMs()
	s.latency.now = s.clock.NowMs
	mem.SetHugePages(!cfg.Bool("disable-thp"))
	s.ks = keyspace.New(int(cfg.Int("databases")))
	s.eng = engine.New(s.ks, table, s.clock, engine.Hooks{
		Host: s, ClientBytes: s.clientBytes, ClientExcess: s.clientExcess, OnSlow: s.recordSlow, OnLatency: s.latency.record, OnAttack: s.logAttack, OnProtocolError: s.logProtocolError,
		OnCommand: s.tellMonitors, Deliver: s.served, Push: s.pushTracked, Wake: s.wake, ReplyMax: s.replyMax, OnDivergence: s.diverged,
	})
	var err error
	s.net, err = netloop.New(netloop.Config{
		Loops:       loopCount(int(cfg.Int("io-threads")), cfg.IsSet("io-threads"), processors(cfg.String("server_cpulist"))),
		MaxInput:    s.maxInput.Load,
		Overflow:    s.overflow,
		Kept:        s.kept,
		Pending:     s.pendingOut,
		Flush:       func(l *netloop.Loop) { l.User.(*loopState).worker.Broadcast() },
		KeepAlive:   func() int { return int(s.keepAlive.Load()) },
		AcceptError: s.acceptFailed,
		Guard:       s.guard,
	}, handler{s})
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	for _, l := range s.net.Loops() {
		state := &loopState{worker: s.eng.NewWorker(), sessions: make(map[uint64]*client)}
		s.loops = append(s.loops, state)
		state.inbox = s.newInbox(l)
		state.holders.wake = func() { s.letGo(state) }
		l.User = state
	}
	s.repl = newReplication(s)
	s.aof.init(s)
	s.hookConfig()
	s.hookReplication()
	s.hookAOF()
	s.initPersistence()
	s.settleHeap()
	return s, nil
}

// loopCount returns the number of event loops: what the configuration says, but no more
// than there are processors, which would only take turns; or one less than these, as
// clients and the kernel's network code want one too (docs/design/0001).
func loopCount(ioThreads int, set bool, processors int) int {
	if set {
		return max(min(ioThreads, processors), 1)
	}
	return max(processors-1, 1)
}

// Run listens and serves until Stop. It returns when everything has ended.
func (s *Server) Run() error {
	if err := s.raiseDescriptors(); err != nil {
		return err
	}
	if name, err := s.cfg.RunHooks(); err != nil {
		return fmt.Errorf("server: %s: %w", name, err)
	}
	if err := s.listen(); err != nil {
		s.net.CloseListeners()
		return err
	}
	endFeed := make(chan struct{})
	defer close(endFeed)
	go s.guard(nil, func() { s.eng.Feed.Run(endFeed) })
	s.done.Add(1)
	go s.guard(nil, s.cron)
	s.log.Noticef("Server initialized")
	if asked := int(s.cfg.Int("io-threads")); asked > len(s.loops) {
		s.log.Noticef("io-threads is %d: there are %d event loops, one for each processor", asked, len(s.loops))
	}
	s.repl.refreshRole()
	if err := s.startLoaded(); err != nil {
		s.Stop()
		return errors.Join(err, s.end())
	}
	s.done.Add(1)
	go s.guard(nil, func() {
		defer s.done.Done()
		s.repl.driver.Run(s.stop)
	})
	s.logReady()
	close(s.ready)
	s.program.ready()
	<-s.stop
	return s.end()
}

// Started returns a channel that is closed when the server accepts connections.
func (s *Server) Started() <-chan struct{} { return s.ready }

// Stop lets Run return. Any goroutine may call it, any number of times.
func (s *Server) Stop() { s.stopOnce.Do(func() { close(s.stop) }) }

func (s *Server) end() error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownWait)
	defer cancel()
	s.program.end()
	s.stopBackground() // the loops that carry it are about to end
	s.repl.stopSnapshots()
	s.closeUnix()
	s.endAOF(false)
	err := s.net.Shutdown(ctx)
	s.endAOF(true)
	s.done.Wait()
	s.log.Warningf("Redis is now ready to exit, bye bye...")
	if errors.Is(err, context.DeadlineExceeded) {
		return nil // a command that still runs is cut off: nothing of it was acknowledged
	}
	return err
}

// Close gives the data back after Run has returned and reports whether blocks of
// memory had been lost. It is for processes that go on, such as tests; it walks
// all data.
func (s *Server) Close() error {
	s.tasks.Wait()
	for _, l := range s.loops {
		l.worker.Close()
	}
	err := s.ks.MemCheck()
	s.eng.Tracking.Close()
	s.ks.Close()
	return err
}
