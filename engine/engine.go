// Package engine executes commands: it parses batches of requests, finds their
// rows, takes the locks of their keys, runs the handlers, feeds the effects and
// counts. Any goroutine may execute: it owns a Worker and calls Worker.Serve for
// the input of a connection, or Worker.Do for one request.
//
//	input -> up to 16 requests -> rows and hashes of keys -> prefetch buckets
//	-> prefetch records -> for each: lock shards, handler, feed, unlock
//
// Between batches the same goroutine calls Worker.Tick, which does the
// background work in slices: expiry, freeing of flushed data, compaction.
//
// Lock order: gate < shard i < shard j>i < group < arena < feed ring.
//
// I1: all locks of a command are taken before its first effect and released
// after its last, so the order of the feed is a serial order of the commands.
// I2: a Worker belongs to one goroutine. I3: no handler runs while the gate is
// closed, but for the exclusive one that closed it. I4: a worker evicts keys when it
// holds no lock, before a batch or a command that may need memory, for a bounded time
// (limit.go, evict.go).
//
// The package must not open sockets or files, and reads no clock but the one it
// was given.
package engine

import (
	"sync"
	"sync/atomic"

	"kvorum/clock"
	"kvorum/command"
	"kvorum/feed"
	"kvorum/keyspace"
	"kvorum/pubsub"
	"kvorum/resp"
	"kvorum/snapshot"
	"kvorum/tracking"
)

// Settings are the values of the configuration that executing goroutines need.
// A change publishes a new copy; a Worker looks at it once per batch, and
// after its own administrative commands.
type Settings struct {
	Limits       resp.Limits // of authenticated clients
	Requirepass  string
	NotifyMask   uint32
	LFU          *command.LFU // nil: access fields hold times
	Packing      command.Packing
	Memory       MemoryLimit
	LazyExpire   bool  // expired keys are fed as UNLINK, not DEL
	SlowlogUsec  int64 // slower commands are reported to OnSlow; negative: none
	LatencyTrack bool  // record the latency histogram of each command
	HLLSparseMax int64 // bytes of a sparse HyperLogLog
	DumpForm     command.DumpForm
	TrackingMax  int64 // keys remembered for clients that cache; 0: no limit
	LatencyMs    int64 // what takes as long is reported to OnLatency; 0: nothing
}

// Slow is a command that took longer than the slow log's threshold.
type Slow struct {
	Session  *command.Session
	Args     [][]byte // borrowed
	UnixMs   int64
	Duration int64 // microseconds
}

// Hooks are the engine's calls to its surroundings. Any may be nil.
type Hooks struct {
	Host   command.Host
	OnSlow func(Slow)
	// OnLatency is told of commands and background work of at least
	// Settings.LatencyMs milliseconds. Called by executing goroutines.
	OnLatency func(event string, ms int64)
	// ClientBytes returns the memory of all clients. It is called by executing
	// goroutines, once per batch when there is a memory limit.
	ClientBytes func() int64
	// ClientExcess returns how much of that clients are about to give back, as they
	// take more than they may. It is called by executing goroutines when memory is
	// short.
	ClientExcess func() int64
	// OnAttack is told of a client that speaks HTTP, which is then closed: a page
	// in a browser may be trying to reach a server that trusts its neighbours.
	OnAttack func(*command.Session)
	// OnProtocolError is told of input that is no request, from where it went wrong on,
	// borrowed. Its client is closed once it has its replies.
	OnProtocolError func(s *command.Session, err *resp.ProtocolError, input []byte)
	// Deliver takes the reply to a request that had to wait, on any goroutine and
	// under locks, for the loop of its session, which then calls Released.
	Deliver func(b *command.Waiter, reply []byte)
	// Push hands b, which nobody changes any more, to a client that caches: to the
	// Peer of its session. On any goroutine and under locks.
	Push func(owner any, b []byte)
	// Wake is told of a session whose request was Postponed with a Ticket and is to be
	// served again. On any goroutine, holding nothing. Without it, the caller of Serve
	// tries again itself.
	Wake func(s *command.Session)
	// OnEvent, for tests, is told of the keyspace events in place of the subscribers.
	OnEvent func(class uint32, event string, key []byte, db int)
	// OnDivergence is told of an error that a command of the master's stream ended with:
	// the data here are not what they are there. Under the command's locks, borrowed.
	OnDivergence func(args [][]byte, reply []byte)
	// OnCommand is told of the commands that MONITOR shows, while Watch is on, under
	// the locks they ran with: in an order that all clients agree on. What it
	// returns, borrowed, is appended to the client's replies.
	OnCommand func(s *command.Session, spec *command.Spec, args [][]byte) []byte
	// ReplyMax returns how many bytes of output may wait for a client, 0: no limit.
	ReplyMax func() int64
	// Feed, for tests, takes the effects of all workers in place of Engine.Feed.
	// It is called under the locks of the keys concerned.
	Feed command.Effects
}

// Engine is the shared state of all executing goroutines.
type Engine struct {
	KS    *keyspace.Keyspace
	Table *command.Table
	Feed  *feed.Feed // disabled until somebody wants the effects
	Bus   pubsub.Bus
	// Tracking is the clients that cache.
	Tracking *tracking.Registry

	clock    clock.Clock
	hooks    Hooks
	settings atomic.Pointer[Settings]
	gate     gate

	mu       sync.Mutex
	workers  []*Worker
	retired  Totals // counts of workers that have ended
	nextID   atomic.Uint64
	activity background
	unusual  atomic.Uint32 // bits of unusual.go
	own      ownKeys       // of a replica whose clients may write
	pauseEnd atomic.Int64  // Unix ms until which CLIENT PAUSE lasts
	noWrite  atomic.Pointer[string]
	pressure pressure
	teller   keyspace.Teller // of changes that no worker makes
	tickers  atomic.Int32    // workers that call Tick
	long     longCommands

	snapshots atomic.Pointer[[]*snapshot.Snapshot] // under way; nil: none
}

// feedWindow is the tail of the stream that stays readable while nobody asked
// for more.
const feedWindow = 1 << 20

// hllSparseMax is the default of hll-sparse-max-bytes.
const hllSparseMax = 3000

// New returns an engine over a keyspace and a command table.
func New(ks *keyspace.Keyspace, table *command.Table, c clock.Clock, hooks Hooks) *Engine {
	e := &Engine{KS: ks, Table: table, Feed: feed.New(0, feedWindow), clock: c, hooks: hooks}
	e.gate.init()
	e.Tracking = e.newTracking()
	e.settings.Store(&Settings{Limits: resp.DefaultLimits(), SlowlogUsec: -1, HLLSparseMax: hllSparseMax, Packing: command.DefaultPacking(), DumpForm: command.DefaultDump()})
	ks.AdvanceClock(c.NowMs())
	e.activity.init()
	e.long.init()
	return e
}

// Settings returns the values in force. They must not be changed.
func (e *Engine) Settings() *Settings { return e.settings.Load() }

// Apply puts other settings in force, from each goroutine's next batch on;
// for the caller's own, if a handler calls it, from the next command on.
func (e *Engine) Apply(s Settings) { e.settings.Store(&s) }

// NewSession returns the session of a new client.
func (e *Engine) NewSession(peer command.Peer) *command.Session {
	s := &command.Session{
		ID: e.nextID.Add(1), DB: e.KS.DB(0), Proto: 2, Peer: peer, User: "default", Created: e.clock.NowMs(),
	}
	s.LastSeen = s.Created
	s.Track = e.Tracking.Join(s.ID, peer)
	if e.Settings().Requirepass == "" {
		s.Flags |= command.Authenticated
	}
	return s
}

// EndSession releases what a session holds. By the worker's goroutine between
// batches; it passes the gate, as who is exclusive walks all watches.
func (w *Worker) EndSession(s *command.Session) {
	if s.Abandon != nil {
		s.Abandon()
	}
	if s.Sub != nil {
		w.e.Bus.Drop(s.Sub)
	}
	if s.Track != nil {
		w.e.Tracking.Leave(s.Track)
	}
	if s.Watcher == nil && s.Ticket == nil {
		return
	}
	w.e.gate.enter(w.flag)
	if s.Watcher != nil {
		w.e.KS.Unwatch(s.Watcher)
	}
	if s.Ticket != nil {
		w.giveBack(s, s.Ticket)
		s.Ticket = nil
	}
	w.e.gate.leave(w.flag)
}

// Exclusive runs fn while no command executes. The caller is not in a batch and
// holds no locks; fn may read and change all data without any.
func (e *Engine) Exclusive(fn func()) {
	e.gate.stop()
	defer e.gate.start()
	fn()
}
