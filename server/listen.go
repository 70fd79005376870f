package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"

	"kvorum/netloop"
)

// Texts of CONFIG SET for addresses that cannot be listened on.
const (
	errListenPort = "Unable to listen on this port. Check server logs."
	errListenBind = "Failed to bind to specified addresses."
)

// sockets are what the server listens on.
type sockets struct {
	mu       sync.Mutex // guards what follows, after the start
	tcp      []*netloop.Listener
	unix     *netloop.Listener
	unixPath string
	open     bool // the start is over: changes of port and bind apply at once
}

// listen opens the sockets that the configuration names.
func (s *Server) listen() error {
	s.sockets.mu.Lock()
	defer s.sockets.mu.Unlock()
	if err := s.listenTCP(); err != nil {
		return err
	}
	if err := s.listenUnix(); err != nil {
		return err
	}
	if len(s.sockets.tcp) == 0 && s.sockets.unix == nil {
		return errors.New("Configured to not listen anywhere, exiting.")
	}
	s.sockets.open = true
	return nil
}

// relisten is the hook of port and bind: connections stay, listening sockets
// change.
func (s *Server) relisten(problem string) error {
	s.sockets.mu.Lock()
	defer s.sockets.mu.Unlock()
	if !s.sockets.open {
		return nil
	}
	for _, ln := range s.sockets.tcp {
		if err := ln.Close(); err != nil {
			s.log.Warningf("Closing %s: %s", ln.Addr(), strerror(err))
		}
	}
	s.sockets.tcp = nil
	if err := s.listenTCP(); err != nil {
		s.log.Warningf("%s", err)
		return errors.New(problem)
	}
	return nil
}

// listenTCP opens the port on every address of bind.
func (s *Server) listenTCP() error {
	port := int(s.cfg.Int("port"))
	if port == 0 {
		return nil
	}
	for _, addr := range s.cfg.Bind() {
		if err := s.listenAddr(addr, port); err != nil {
			return err
		}
	}
	return nil
}

// listenAddr opens one address. One that begins with "-" may be missing on this
// machine.
func (s *Server) listenAddr(addr string, port int) error {
	optional := len(addr) > 0 && addr[0] == '-'
	if optional {
		addr = addr[1:]
	}
	ln, err := s.net.Listen("tcp", net.JoinHostPort(addr, strconv.Itoa(port)), int(s.cfg.Int("tcp-backlog")))
	if err != nil {
		if optional && !errors.Is(err, syscall.EADDRINUSE) {
			return nil
		}
		s.log.Warningf("Warning: Could not create server TCP listening socket %s:%d: bind: %s", addr, port, strerror(err))
		return fmt.Errorf("Failed listening on port %d (tcp), aborting.", port)
	}
	s.sockets.tcp = append(s.sockets.tcp, ln)
	return nil
}

func (s *Server) listenUnix() error {
	path := s.cfg.String("unixsocket")
	if path == "" {
		return nil
	}
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("Failed opening Unix socket: unlink: %s", strerror(err))
	}
	ln, err := s.net.Listen("unix", path, int(s.cfg.Int("tcp-backlog")))
	if err != nil {
		s.log.Warningf("Failed opening Unix socket: bind: %s", strerror(err))
		return errors.New("Failed listening on port 0 (unix), aborting.")
	}
	s.sockets.unix, s.sockets.unixPath = ln, path
	if mode := s.cfg.Int("unixsocketperm"); mode != 0 {
		if err := os.Chmod(path, os.FileMode(mode)); err != nil {
			return fmt.Errorf("Failed setting the permissions of the Unix socket: %s", strerror(err))
		}
	}
	return nil
}

// logReady logs what kinds of connections the server accepts.
func (s *Server) logReady() {
	s.sockets.mu.Lock()
	defer s.sockets.mu.Unlock()
	if len(s.sockets.tcp) > 0 {
		s.log.Noticef("Ready to accept connections tcp")
	}
	if s.sockets.unix != nil {
		s.log.Noticef("Ready to accept connections unix")
	}
}

// Addrs returns the addresses of the listening sockets: "ip:port", and the path
// of a Unix socket last. To be called after Started.
func (s *Server) Addrs() []string {
	s.sockets.mu.Lock()
	defer s.sockets.mu.Unlock()
	var addrs []string
	for _, ln := range s.sockets.tcp {
		addrs = append(addrs, ln.Addr())
	}
	if s.sockets.unix != nil {
		addrs = append(addrs, s.sockets.unix.Addr())
	}
	return addrs
}

// tcpPort returns the port that is listened on, 0 without one.
func (s *Server) tcpPort() int {
	s.sockets.mu.Lock()
	defer s.sockets.mu.Unlock()
	if len(s.sockets.tcp) == 0 {
		return 0
	}
	_, port, err := net.SplitHostPort(s.sockets.tcp[0].Addr())
	if err != nil {
		return 0
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return 0
	}
	return n
}
