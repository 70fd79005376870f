package engine

import (
	"math"

	"kvorum/command"
	"kvorum/feed"
	"kvorum/keyspace"
	"kvorum/resp"
	"kvorum/rng"
	"kvorum/tracking"
)

const (
	// batchMax is the number of requests whose memory accesses overlap; more
	// measured slower (docs/design/0002).
	batchMax = 16
	// hintMax bounds the keys of a batch that are prefetched.
	hintMax = 64
	// outMax is the size of the replies after which Serve returns to let the
	// caller write them.
	outMax = 256 << 10
	// keysKept bounds the scratch that a request of very many keys leaves.
	keysKept = 4096
)

// More, as need from Serve, says that complete requests are left in the input:
// the caller writes the replies, gives others a turn and calls again.
const More = -1

// Worker is the context of one executing goroutine: its scratch, its counters,
// its flag at the gate.
type Worker struct {
	e        *Engine
	id       int
	flag     *flag
	ctx      command.Ctx
	out      resp.Writer
	settings *Settings
	locks    lockSet
	ring     *feed.Ring
	feeding  bool // the feed takes effects; constant during a batch
	unusual  uint32
	allHeld  bool // the world stands still: all shards are ours
	replyAt  int  // where the reply to the running request begins
	loads    bool // executes a log: memory limits do not count
	behind   bool // works behind the gate that its caller has closed
	totals   Totals
	rng      rng.Rand

	internal command.Session // of work of no client
	late     []lateKey       // those who wait for them are still to be looked at
	off      *offLoop        // the long command that runs, on a worker for these

	reqs [batchMax]resp.Request
	prep [batchMax]prepared
	keys []keyspace.Key

	txnKeys []keyspace.Key // of a transaction: those of each command, then those watched
	txnEnds []int          // by command: where its keys end
	heldRaw []byte         // of a master's stream: the beginning of a transaction
	refs    []command.KeyRef
	hint    [hintMax]keyspaceHint

	lastTicks int64 // at the end of the last command
	slowFrom  int64 // ticks from which on a command is reported
	nextMs    int64 // ticks at which Now must be read again
	nowMs     int64

	served     uint64 // calls of Serve
	slices     slices
	sliceTicks uint64 // spent in slices
	eventName  []byte // scratch of publishEvent
	eventText  []byte
	evictor    evictor

	teller keyspace.Teller // of changes that this worker makes
	actor  tracking.Actor
	batch  tracking.Batch
	trims  int // times in a row that forgetting tracked keys was not enough
}

// prepared is a request whose row and keys are known.
type prepared struct {
	spec *command.Spec
	from int32 // keys[from:to]
	to   int32
}

// NewWorker returns a worker for the calling goroutine, until Close.
func (e *Engine) NewWorker() *Worker {
	w := &Worker{e: e, flag: e.gate.register()}
	w.init() // before others see it
	w.ctx.OnLoop(w.goOff)
	e.mu.Lock()
	w.id = int(e.tickers.Add(1)) - 1
	e.workers = append(e.workers, w)
	e.mu.Unlock()
	return w
}

// init makes what a worker works with.
func (w *Worker) init() {
	e := w.e
	w.rng.Seed(e.nextID.Add(1)*0x9e3779b97f4a7c15 ^ uint64(e.clock.NowMs()))
	w.totals.init(e.Table)
	w.ctx = command.Ctx{W: &w.out, KS: e.KS, Host: e.hooks.Host, World: e, Bus: &e.Bus, Rng: &w.rng, St: &w.totals.Stats, OnEvent: e.hooks.OnEvent}
	if w.ctx.OnEvent == nil {
		w.ctx.OnEvent = w.publishEvent
	}
	w.initTracking()
	w.ring = e.Feed.NewRing()
	w.ctx.Held, w.ctx.Late = w.holdsShard, w.serveLater
	w.ctx.Feed = e.hooks.Feed
	w.settings = e.Settings()
}

// Close ends the worker; its counts stay in the engine's totals.
func (w *Worker) Close() {
	w.ring.Close()
	w.e.gate.unregister(w.flag)
	if w.id >= 0 {
		w.e.tickers.Add(-1)
	}
	w.e.mu.Lock()
	defer w.e.mu.Unlock()
	if !w.loads {
		w.retire()
	}
	for i, have := range w.e.workers {
		if have == w {
			w.e.workers = append(w.e.workers[:i:i], w.e.workers[i+1:]...)
			break
		}
	}
}

// retire keeps the counts of a worker that ends. Under Engine.mu.
func (w *Worker) retire() {
	w.e.retired.add(&w.totals)
	for id := range w.totals.PerCommand {
		st := &w.e.retired.PerCommand[id]
		st.Latency = w.totals.merge(st.Latency, id)
	}
}

// begin prepares a batch: settings, time, gate.
func (w *Worker) begin() {
	w.enter()
	w.adoptNew()
	if on := w.e.feeds(); on != w.feeding {
		w.listen(on)
	}
	w.lastTicks = w.e.clock.Ticks()
	if w.lastTicks >= w.nextMs {
		w.readTime()
	}
	w.look()
}

// end ends a batch and lets its effects into the stream.
func (w *Worker) end() {
	if len(w.late) > 0 {
		w.serveLate()
	}
	w.leave()
	if w.feeding {
		w.ring.Flush()
		w.ring.Throttle()
	}
}

// listen turns the recording of effects on or off.
func (w *Worker) listen(on bool) {
	w.feeding = on
	if w.e.hooks.Feed != nil {
		w.feeding = false
		return
	}
	w.ctx.Feed = nil
	if on {
		w.ctx.Feed = w.ring
	}
}

// adoptNew takes over the settings in force if they are not the worker's.
func (w *Worker) adoptNew() {
	if s := w.e.settings.Load(); s != w.settings || w.ctx.MaxBulk == 0 {
		w.adopt(s)
	}
}

// adopt takes over settings.
func (w *Worker) adopt(s *Settings) {
	w.settings = s
	w.ctx.NotifyMask = s.NotifyMask
	w.ctx.MaxBulk = s.Limits.MaxBulk
	w.ctx.LFU = s.LFU
	w.ctx.HLLSparseMax = s.HLLSparseMax
	w.ctx.Packing = s.Packing
	w.ctx.DumpForm = s.DumpForm
	w.slowFrom = math.MaxInt64
	if !w.loads {
		w.slowFrom = w.reportFrom(s)
	}
	w.ctx.LazyExpire = s.LazyExpire
	w.ctx.Unshared = s.Memory.Max > 0 && s.Memory.Policy.tracksAccess()
	if !w.loads {
		w.evictor.adopt(&s.Memory)
	}
	w.nextMs = 0
}

// turnUs is how far into a millisecond its time is trusted: two microseconds less
// than all of it, for what was cut off the clock and the error of the counter.
const turnUs = 998

// readTime reads the wall clock, once per millisecond: at its turn, so that a
// command sees the same millisecond as its client.
func (w *Worker) readTime() {
	us := w.e.clock.NowUs()
	w.nowMs = us / 1000
	w.nextMs = w.lastTicks + w.e.clock.NsToTicks((turnUs-us%1000)*1000)
	w.ctx.Now = w.nowMs
	if w.ctx.LFU != nil {
		w.ctx.Access = w.ctx.LFU.Fresh(w.nowMs)
	} else {
		w.ctx.Access = command.AccessTime(w.nowMs)
	}
}

// Serve executes the requests in in, all unconsumed input of a client, appends
// the replies to out and returns it. consumed bytes of in are done with; need is
// the total that the next request wants, counted from the first byte not
// consumed, 0 when unknown. Serve returns early when the replies have grown
// large, when the session is to be closed, when a Task must run first, when a
// request waits for keys, or when CLIENT PAUSE postpones one, which is then not
// consumed.
func (w *Worker) Serve(s *command.Session, in, out []byte) (consumed, need int, replies []byte) {
	w.out.B, w.out.Proto = out, s.Proto
	w.served++
	dirty := w.totals.Dirty
	w.begin()
	s.LastSeen = w.nowMs
	ticket := s.Ticket // of the first request, which is tried again
	limits := w.settings.Limits
	if w.evictor.limit.Max > 0 {
		w.checkMemory()
	}
	for consumed < len(in) {
		limits.Unauth = w.mustAuth(s)
		n, used, more, perr := w.parse(s, in[consumed:], &limits)
		need = more
		w.prefetch(s.DB)
		ran := w.run(s, n)
		if ran < n || s.Halted() {
			used = 0
			for i := range ran {
				used += w.reqs[i].Size
			}
			consumed += used
			s.Parser.Reset()
			need = 0
			break
		}
		consumed += used
		if perr != nil {
			w.protocolError(s, perr, in[consumed:])
			consumed = len(in)
			break
		}
		if n == 0 || n < batchMax && !limits.Unauth {
			break
		}
		if len(w.out.B)-len(out) > outMax && consumed < len(in) {
			need = More
			break
		}
	}
	s.NetIn += uint64(consumed)
	w.totals.NetIn += uint64(consumed)
	w.totals.NetOut += uint64(len(w.out.B) - len(out))
	if ticket != nil {
		w.giveBack(s, ticket)
	}
	w.end()
	if w.totals.Dirty != dirty && w.e.snapshots.Load() != nil {
		w.pause()
	}
	replies = w.out.B
	w.out.B = nil
	return consumed, need, replies
}

// mustAuth reports whether the client has still to authenticate.
func (w *Worker) mustAuth(s *command.Session) bool {
	return s.Flags&command.Authenticated == 0 && w.settings.Requirepass != ""
}

// parse reads up to batchMax requests, finds their rows and hashes their keys.
func (w *Worker) parse(s *command.Session, in []byte, limits *resp.Limits) (n, used, need int, err *resp.ProtocolError) {
	if cap(w.keys) > keysKept {
		w.keys = nil
	}
	w.keys = w.keys[:0]
	for n < batchMax && used < len(in) {
		req := &w.reqs[n]
		c, ok, more, perr := s.Parser.Next(in[used:], req, limits)
		used += c
		if perr != nil {
			return n, used, 0, perr
		}
		if !ok {
			if more > 0 && used < len(in) {
				need = more - c
			}
			break
		}
		w.prepare(&w.prep[n], req.Args)
		n++
		if limits.Unauth {
			break // the next request may have other limits
		}
	}
	return n, used, need, nil
}

// prepare finds the row of a request and hashes the keys that it names.
func (w *Worker) prepare(p *prepared, args [][]byte) {
	p.from = int32(len(w.keys))
	p.to = p.from
	p.spec = w.e.Table.Lookup(args[0])
	if p.spec == nil {
		return
	}
	if len(p.spec.Subs) > 0 && len(args) > 1 {
		if p.spec = p.spec.Sub(args[1]); p.spec == nil {
			return
		}
	}
	if !p.spec.ArityOK(len(args)) {
		return
	}
	w.keys = w.appendKeys(w.keys, p.spec, args)
	p.to = int32(len(w.keys))
}

// run executes the first n prepared requests in order and returns how many it
// executed.
func (w *Worker) run(s *command.Session, n int) int {
	for i := range n {
		p := &w.prep[i]
		w.replyAt = len(w.out.B)
		if p.spec != nil && p.spec.Ahead > 0 && i+1 < n {
			w.lookAhead(i)
		}
		w.execute(s, p.spec, w.reqs[i].Args, w.keys[p.from:p.to])
		if w.ctx.Next != nil {
			w.ctx.Next = nil
		}
		if s.Task != nil || s.Flags&command.Unordinary != 0 {
			if s.Flags&command.Postponed != 0 {
				return i
			}
			w.mute(s, w.replyAt)
			forgetCaching(s, p.spec)
			if s.Flags&command.GetsPushes != 0 {
				w.push(s)
			}
			if s.Halted() {
				return i + 1
			}
		}
	}
	return n
}

// protocolError replies to in, which begins with what is no request.
func (w *Worker) protocolError(s *command.Session, err *resp.ProtocolError, in []byte) {
	if w.e.hooks.OnProtocolError != nil {
		w.e.hooks.OnProtocolError(s, err, in[min(s.Parser.Checked(), len(in)):])
	}
	if !s.Muted() {
		w.out.ProtocolErr(err)
	}
	w.totals.Errors++
	w.totals.countError("-ERR")
	s.Flags |= command.CloseAfterReply
}

// Do executes one request, a long command's Task included, and returns the
// reply. The bytes are the caller's. It waits while long commands have pinned what it
// is to change.
func (w *Worker) Do(s *command.Session, args ...[]byte) []byte {
	for {
		seq := w.e.KS.PinSeq()
		reply := w.do(s, args)
		if s.Ticket == nil {
			return reply
		}
		s.Flags &^= command.Postponed
		w.e.KS.AwaitPins(seq)
	}
}

func (w *Worker) do(s *command.Session, args [][]byte) []byte {
	w.out.B, w.out.Proto = nil, s.Proto
	ticket := s.Ticket
	w.begin()
	if w.evictor.limit.Max > 0 {
		w.checkMemory()
	}
	w.keys = w.keys[:0]
	w.prepare(&w.prep[0], args)
	p := &w.prep[0]
	w.execute(s, p.spec, args, w.keys[p.from:p.to])
	if ticket != nil {
		w.giveBack(s, ticket)
	}
	w.end()
	reply := w.out.B
	w.out.B = nil
	if task := s.Task; task != nil {
		s.Task = nil
		rest, start := resp.Writer{Proto: s.Proto}, w.e.clock.MonoNs()
		task(&rest)
		pieces := rest.Take()
		w.Finish(s, w.e.clock.MonoNs()-start, pieces)
		for _, piece := range pieces {
			reply = append(reply, piece...)
		}
	}
	return reply
}
