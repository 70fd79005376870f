// Package server is the data server: it builds keyspace, engine and event loops
// from a configuration, runs them, and answers what only a whole server can
// (INFO, CLIENT, CONFIG, DEBUG). It is the composition root: it may know
// everything below it, nothing knows it.
//
//	socket -> netloop.Loop -> server.handler -> engine.Worker -> replies
//
// Goroutines of a running server: one per event loop (each owns one
// engine.Worker and executes commands, expiry and other background slices), one
// for housekeeping of memory, one for signals, and one for each long command
// that runs off its loop. ARCHITECTURE.md lists them.
//
// Lock order: config mutex < gate < shards. The config mutex is never taken by a
// goroutine that is in a batch of the engine while another waits for the gate
// under it: hooks of CONFIG SET publish settings through atomics only.
package server

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
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
)

const (
	// gcPercent lets the small Go heap grow well beyond its live part between
	// collections: the data are not in it (docs/design/0003).
	gcPercent = 400
	// housekeepEvery is the rhythm of returning and preparing memory.
	housekeepEvery = 100 * time.Millisecond
	// shutdownWait bounds the writing of last replies.
	shutdownWait = 2 * time.Second
)

// Server is a running data server.
type Server struct {
	cfgMu sync.RWMutex // guards cfg
	cfg   *config.Config
	file  string // absolute path of the configuration file, "" without

	log     *logx.Logger
	clock   clock.Clock
	eng     *engine.Engine
	ks      *keyspace.Keyspace
	net     *netloop.Server
	loops   []*loopState
	runID   string
	started time.Time

	listeners  []*netloop.Listener
	unixPath   string
	clients    atomic.Int64
	maxClients atomic.Int64
	accepted   atomic.Uint64
	rejected   atomic.Uint64
	maxInput   atomic.Int64
	keepAlive  atomic.Int64

	stop     chan struct{} // closed when the server is to end
	stopOnce sync.Once
	done     sync.WaitGroup
}

// loopState is what the server keeps per event loop, touched on the loop only.
type loopState struct {
	worker   *engine.Worker
	sessions map[uint64]*client
}

// client is a connection with its session.
type client struct {
	*command.Session
	conn   *netloop.Conn
	closed bool
}

// New builds a server from a loaded configuration. Nothing listens yet.
func New(cfg *config.Config, file string, log *logx.Logger) (*Server, error) {
	table, err := command.NewTable(all.Families()...)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	s := &Server{
		cfg: cfg, file: file, log: log, clock: clock.New(), runID: newRunID(),
		started: time.Now(), stop: make(chan struct{}),
	}
	s.ks = keyspace.New(int(cfg.Int("databases")))
	s.eng = engine.New(s.ks, table, s.clock, engine.Hooks{Host: s})
	loops := loopCount(int(cfg.Int("io-threads")), cfg.IsSet("io-threads"))
	s.net, err = netloop.New(netloop.Config{
		Loops:       loops,
		MaxInput:    s.maxInput.Load,
		Overflow:    s.overflow,
		KeepAlive:   func() int { return int(s.keepAlive.Load()) },
		AcceptError: func(err error) { s.log.Warningf("Accepting client connection: %s", err) },
	}, handler{s})
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	for _, l := range s.net.Loops() {
		state := &loopState{worker: s.eng.NewWorker(), sessions: make(map[uint64]*client)}
		s.loops = append(s.loops, state)
		l.User = state
	}
	s.hookConfig()
	return s, nil
}

// loopCount returns the number of event loops: what the configuration says, or
// one less than the processors, as clients and the kernel's network code want
// one too (docs/design/0001).
func loopCount(ioThreads int, set bool) int {
	if set {
		return max(ioThreads, 1)
	}
	return max(runtime.NumCPU()-1, 1)
}

// Run listens and serves until Stop. It returns when everything has ended.
func (s *Server) Run() error {
	debug.SetGCPercent(gcPercent)
	if name, err := s.cfg.RunHooks(); err != nil {
		return fmt.Errorf("server: %s: %w", name, err)
	}
	if err := s.listen(); err != nil {
		return err
	}
	s.done.Add(1)
	go s.housekeep()
	s.net.Start()
	s.log.Noticef("Server initialized")
	s.ready()
	<-s.stop
	return s.end()
}

// ready logs that the server accepts connections.
func (s *Server) ready() {
	for _, ln := range s.listeners {
		if s.unixPath != "" && ln.Addr() == s.unixPath {
			s.log.Noticef("Ready to accept connections unix")
			continue
		}
		s.log.Noticef("Ready to accept connections tcp")
	}
}

// Stop lets Run return. Any goroutine may call it, any number of times.
func (s *Server) Stop() { s.stopOnce.Do(func() { close(s.stop) }) }

func (s *Server) end() error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownWait)
	defer cancel()
	err := s.net.Shutdown(ctx)
	s.done.Wait()
	if s.unixPath != "" {
		if rmErr := os.Remove(s.unixPath); rmErr != nil && !os.IsNotExist(rmErr) {
			s.log.Warningf("Could not remove the unix socket file: %s", rmErr)
		}
	}
	s.log.Warningf("Redis is now ready to exit, bye bye...")
	return err
}

// listen opens the sockets that the configuration names.
func (s *Server) listen() error {
	backlog := int(s.cfg.Int("tcp-backlog"))
	if port := int(s.cfg.Int("port")); port != 0 {
		for _, addr := range s.cfg.Bind() {
			if err := s.listenTCP(addr, port, backlog); err != nil {
				return err
			}
		}
	}
	if path := s.cfg.String("unixsocket"); path != "" {
		if err := s.listenUnix(path, backlog); err != nil {
			return err
		}
	}
	if len(s.listeners) == 0 {
		return fmt.Errorf("server: configured to not listen anywhere, exiting")
	}
	return nil
}

func (s *Server) listenTCP(addr string, port, backlog int) error {
	optional := len(addr) > 0 && addr[0] == '-'
	if optional {
		addr = addr[1:]
	}
	ln, err := s.net.Listen("tcp", net.JoinHostPort(addr, strconv.Itoa(port)), backlog)
	if err != nil {
		s.log.Warningf("Warning: Could not create server TCP listening socket %s:%d: %s", addr, port, err)
		if optional || addr == "::*" {
			return nil
		}
		return fmt.Errorf("server: failed listening on port %d (tcp), aborting: %w", port, err)
	}
	s.listeners = append(s.listeners, ln)
	return nil
}

func (s *Server) listenUnix(path string, backlog int) error {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("server: unix socket %s: %w", path, err)
	}
	ln, err := s.net.Listen("unix", path, backlog)
	if err != nil {
		return fmt.Errorf("server: failed opening unix socket: bind: %w", err)
	}
	if mode := s.cfg.Int("unixsocketperm"); mode != 0 {
		if err := os.Chmod(path, os.FileMode(mode)); err != nil {
			return fmt.Errorf("server: unix socket permissions: %w", err)
		}
	}
	s.listeners = append(s.listeners, ln)
	s.unixPath = path
	return nil
}

// housekeep looks after the memory of the arenas until the server ends.
func (s *Server) housekeep() {
	defer s.done.Done()
	t := time.NewTicker(housekeepEvery)
	defer t.Stop()
	for {
		select {
		case <-s.stop:
			return
		case now := <-t.C:
			mem.Housekeep(now.Sub(s.started).Milliseconds())
		}
	}
}
