package engine

import (
	"runtime"
	"sync"
	"sync/atomic"

	"kvorum/command"
)

// Gate stops the world for the rare commands and events that concern all data:
// FLUSHALL, SWAPDB, the cut of a snapshot. Every executing goroutine raises its
// own flag for the length of a batch; a stopper closes the gate and waits for
// the flags to fall.
//
// A goroutine clears its flag before anything that may block for long: it would
// hold up the world. Lock order: gate before any shard.
type gate struct {
	closed atomic.Int32
	mu     sync.Mutex // held by the stopper: one at a time
	wake   sync.Mutex // guards open
	open   *sync.Cond
	flags  atomic.Pointer[[]*flag]
}

// flag is one goroutine's "I am executing", alone on its cache line.
type flag struct {
	busy atomic.Uint32
	_    [60]byte
}

func (g *gate) init() {
	g.open = sync.NewCond(&g.wake)
	g.flags.Store(&[]*flag{})
}

// register adds a goroutine that will execute commands.
func (g *gate) register() *flag {
	g.mu.Lock()
	defer g.mu.Unlock()
	f := new(flag)
	list := append(append([]*flag(nil), *g.flags.Load()...), f)
	g.flags.Store(&list)
	return f
}

// unregister removes a goroutine that will execute no more.
func (g *gate) unregister(f *flag) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var list []*flag
	for _, have := range *g.flags.Load() {
		if have != f {
			list = append(list, have)
		}
	}
	g.flags.Store(&list)
}

// enter begins a batch: afterwards no stopper runs until leave.
func (g *gate) enter(f *flag) {
	for {
		f.busy.Store(1)
		if g.closed.Load() == 0 {
			return
		}
		f.busy.Store(0)
		g.await()
	}
}

func (g *gate) await() {
	g.wake.Lock()
	for g.closed.Load() != 0 {
		g.open.Wait()
	}
	g.wake.Unlock()
}

// leave ends a batch.
func (g *gate) leave(f *flag) { f.busy.Store(0) }

// spinMax bounds the busy waiting for one flag before the processor is offered
// to others; a batch takes a few microseconds.
const spinMax = 100

// stop closes the gate and returns when no goroutine is in a batch. The caller
// is not in one itself.
func (g *gate) stop() {
	g.mu.Lock()
	g.closed.Store(1)
	for _, f := range *g.flags.Load() {
		for n := 0; f.busy.Load() != 0; n++ {
			if n >= spinMax {
				runtime.Gosched()
			}
		}
	}
}

// start opens the gate again.
func (g *gate) start() {
	g.wake.Lock()
	g.closed.Store(0)
	g.open.Broadcast()
	g.wake.Unlock()
	g.mu.Unlock()
}

// pass lets a goroutine that is no worker through the gate.
type pass struct {
	g *gate
	f *flag // nil before the first slice
}

// Pass returns a pass for one goroutine that works beside the loops. It may be
// called by a handler behind the closed gate, where nobody can register.
func (e *Engine) Pass() command.Pass { return &pass{g: &e.gate} }

// Enter begins a slice.
func (p *pass) Enter() {
	if p.f == nil {
		p.f = p.g.register()
	}
	p.g.enter(p.f)
}

// Leave ends a slice.
func (p *pass) Leave() { p.g.leave(p.f) }

// Close gives the pass back.
func (p *pass) Close() {
	if p.f != nil {
		p.g.unregister(p.f)
	}
}
