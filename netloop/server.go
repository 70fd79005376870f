package netloop

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"kvorum/clock"
)

// Again, returned by Serve as need, says that the rest contains complete
// requests which the handler chose not to serve yet. The loop writes what is in
// Out, lets the other connections have their turn and calls Serve again.
const Again = -1

// Handler is what a server does with its connections. All methods run on the
// loop given to them. Calls are per event or per batch, never per request.
type Handler interface {
	// Open announces a connection. It may set c.Data and append a greeting to
	// l.Out. When it returns false the connection is refused: what was appended
	// is written, the socket is closed, and Closed is not called.
	Open(l *Loop, c *Conn) bool

	// Serve gets all unconsumed input of c, borrowed until it returns, and
	// appends replies to l.Out. It returns how many bytes it consumed and how
	// many bytes, counted from the first unconsumed one, it needs before it can
	// do anything: 0 if unknown, Again to be called again soon. A positive need
	// must be a true lower bound, Serve is not called before that much arrived.
	Serve(l *Loop, c *Conn, in []byte) (consumed, need int)

	// Closed announces that c is gone, once per connection that Open accepted.
	// The addresses of c can still be asked for.
	Closed(l *Loop, c *Conn)

	// Tick is the place for background work. It runs after every batch of
	// events, and when the delay it returned last has passed (rounded up to
	// milliseconds). 0 asks for another call as soon as sockets were polled
	// once; a negative delay asks for none before the next event. nowMono is
	// Server.Mono at the call, in nanoseconds.
	Tick(l *Loop, nowMono int64) time.Duration
}

// Config are the settings of a Server. The functions may be nil. Those without
// a loop among their arguments may be called from any goroutine.
type Config struct {
	// Loops is the number of event loops, at least 1.
	Loops int

	// MaxInput returns the most bytes of unconsumed input that one connection
	// may keep (client-query-buffer-limit); <= 0 or nil: no limit.
	MaxInput func() int64

	// Overflow is told of a connection that exceeded MaxInput, before it is
	// closed. input is what it kept, borrowed.
	Overflow func(l *Loop, c *Conn, input []byte)

	// Kept is told of each connection that keeps input, each time more has come.
	// It may only read c and call c.Close.
	Kept func(l *Loop, c *Conn)

	// Pending is told how many bytes of output wait for c, each time output was
	// left waiting after an attempt to write it or was added to output that
	// already waits. It may be called in the middle of another callback and may
	// only read c and call c.Close.
	Pending func(l *Loop, c *Conn, pendingBytes int)

	// Flush is called before output that waits for the end of a round is written: see
	// Loop.Late.
	Flush func(l *Loop)

	// KeepAlive returns the idle seconds before TCP keepalive probes, asked by
	// Listen and KeepAliveChanged; <= 0 or nil: no keepalive.
	KeepAlive func() int

	// AcceptError is told why connections could not be accepted; the call that was
	// refused is in the chain as an *os.SyscallError. After a failed accept the
	// listener pauses for acceptRetryMs, which bounds how often that is told.
	AcceptError func(err error)

	// Guard, if not nil, runs the goroutines of loops: it must call run once and
	// return after it. It is the place to deal with a panic of a callback.
	Guard func(l *Loop, run func())
}

// acceptRetryMs is the pause of a listener after a failed accept, which mostly
// means that the process is out of descriptors: polling would only spin.
const acceptRetryMs = 50

// ErrShutdown is returned by Listen after Shutdown.
var ErrShutdown = errors.New("netloop: server is shut down")

// Server is a set of loops and the listeners that feed them.
type Server struct {
	cfg     Config
	handler Handler
	loops   []*Loop
	clock   clock.Clock
	base    int64          // ticks of clock at Mono 0
	spare   bool           // there are more processors than loops
	running sync.WaitGroup // loop goroutines

	mu        sync.Mutex // guards what follows
	started   bool
	stopped   bool
	listeners []*Listener // index is the listener's id; never shrinks, closed ones are nil
}

// New makes a server with cfg.Loops loops, which do not run yet. It fails when
// the system gives no epoll set or event descriptor.
func New(cfg Config, handler Handler) (*Server, error) {
	if cfg.Loops < 1 {
		return nil, fmt.Errorf("netloop: %d loops", cfg.Loops)
	}
	s := &Server{cfg: cfg, handler: handler, clock: clock.New()}
	s.base = s.clock.Ticks()
	s.spare = cfg.Loops < min(runtime.NumCPU(), runtime.GOMAXPROCS(0))
	for i := range cfg.Loops {
		l := &Loop{ID: i, server: s, handler: handler, Out: make([]byte, 0, outMin)}
		if err := l.sysInit(); err != nil {
			for _, made := range s.loops {
				made.sysRelease()
			}
			return nil, fmt.Errorf("netloop: loop %d: %w", i, err)
		}
		s.loops = append(s.loops, l)
	}
	return s, nil
}

// Loops returns the loops, Loop.ID being the index. The slice is not to be changed.
// Before Start the handler's per-loop state (Loop.User) may be set freely.
func (s *Server) Loops() []*Loop { return s.loops }

// Mono returns the nanoseconds since the server was made, on a monotonic clock. A
// loop asks twice per round, so it is the cheap counter of package clock: exact
// over seconds, some 20 parts per million off over days.
func (s *Server) Mono() int64 { return s.clock.TicksToNs(s.clock.Ticks() - s.base) }

// Start lets the loops run. It must be called at most once.
func (s *Server) Start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started || s.stopped {
		return
	}
	s.started = true
	for _, l := range s.loops {
		s.running.Add(1)
		go func() {
			defer s.running.Done()
			l.guard(l.run)
		}()
	}
}

// guard runs one goroutine of a loop.
func (l *Loop) guard(run func()) {
	if guard := l.server.cfg.Guard; guard != nil {
		guard(l, run)
		return
	}
	run()
}

// CloseListeners closes all listeners. Connections stay.
func (s *Server) CloseListeners() {
	for _, ln := range s.openListeners() {
		// A listener has nothing to lose: an error of close means it is closed.
		_ = ln.Close()
	}
}

// Shutdown closes the listeners and all connections and ends the loops.
// Functions posted before it run; output pending on a connection is given to
// its socket as far as that takes it at once (portable: within drainMax).
// It returns ctx's error when a loop, held up in a callback, did not end in time;
// that loop ends as soon as the callback returns. It must not be called on a
// loop and wait there for itself: use a goroutine.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	first, started := !s.stopped, s.started
	s.stopped = true
	s.mu.Unlock()
	s.CloseListeners()
	if first {
		for _, l := range s.loops {
			if started {
				l.Post(func() { l.stopping = true })
				continue
			}
			l.enter()
			l.stopping = true
			l.teardown()
			l.leave()
		}
	}
	done := make(chan struct{})
	go func() {
		s.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("netloop: shutdown: %w", ctx.Err())
	}
}

// assign picks the loop for a new connection: the one with the fewest, counting
// from the given one on so that equals take turns.
func (s *Server) assign(from int) *Loop {
	best := s.loops[from%len(s.loops)]
	for i := 1; i < len(s.loops); i++ {
		if l := s.loops[(from+i)%len(s.loops)]; l.count.Load() < best.count.Load() {
			best = l
		}
	}
	best.count.Add(1)
	return best
}

// keepAliveSec asks the configuration.
func (s *Server) keepAliveSec() int {
	if s.cfg.KeepAlive == nil {
		return 0
	}
	return s.cfg.KeepAlive()
}

// addListener registers ln under a free id.
func (s *Server) addListener(ln *Listener) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return ErrShutdown
	}
	for i, other := range s.listeners {
		if other == nil {
			ln.id = i
			s.listeners[i] = ln
			return nil
		}
	}
	ln.id = len(s.listeners)
	s.listeners = append(s.listeners, ln)
	return nil
}

// removeListener frees the id of ln.
func (s *Server) removeListener(ln *Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ln.id < len(s.listeners) && s.listeners[ln.id] == ln {
		s.listeners[ln.id] = nil
	}
}

// listener returns the listener with the id, nil if it was closed.
func (s *Server) listener(id int) *Listener {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id < 0 || id >= len(s.listeners) {
		return nil
	}
	return s.listeners[id]
}
