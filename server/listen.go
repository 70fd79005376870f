package server

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"kvorum/netloop"
)

// Texts of CONFIG SET for addresses that cannot be listened on.
const (
	errListenPort = "Unable to listen on this port. Check server logs."
	errListenBind = "Failed to bind to specified addresses."
)

// errNowhere ends a start without a single socket.
const errNowhere = "Configured to not listen anywhere, exiting."

// unixPathMax is the space for the name of a Unix socket, its final zero included.
const unixPathMax = 108

// sockets are what the server listens on.
type sockets struct {
	mu      sync.Mutex  // guards what follows, after the start
	tcp     []tcpSocket // in the order of bind
	port    int         // of tcp, 0 for none
	hadPort bool        // there was a port at some time: INFO lists the kind
	unix    *netloop.Listener
	ready   bool // the start is over: changes of port and bind apply at once
}

// tcpSocket is a listening socket with what asked for it.
type tcpSocket struct {
	*netloop.Listener
	bind string // a word of bind
	port int
}

// listen opens the sockets that the configuration names.
func (s *Server) listen() error {
	s.sockets.mu.Lock()
	defer s.sockets.mu.Unlock()
	port := int(s.cfg.Int("port"))
	if !s.listenTCP(port) {
		return fmt.Errorf("Failed listening on port %d (tcp), aborting.", port)
	}
	if err := s.listenUnix(); err != nil {
		return err
	}
	if len(s.sockets.tcp) == 0 && s.sockets.unix == nil {
		return errors.New(errNowhere)
	}
	s.sockets.ready = true
	return nil
}

// relisten is the hook of port and bind: connections stay, listening sockets
// change.
func (s *Server) relisten(problem string) error {
	s.sockets.mu.Lock()
	defer s.sockets.mu.Unlock()
	if !s.sockets.ready {
		return nil
	}
	if !s.listenTCP(int(s.cfg.Int("port"))) {
		return errors.New(problem)
	}
	return nil
}

// listenTCP makes the sockets those of bind at the port. A socket that is wanted
// before and after stays, so that nobody who is connecting to it is turned away;
// the others are closed when the new ones are open, or earlier if they are in the
// way of them. False after a failure that has been logged: what is open then is
// what is left of the old sockets.
// COMPAT: bind-keeps: Redis closes all of them first.
func (s *Server) listenTCP(port int) bool {
	var wanted []string
	if port != 0 {
		wanted = s.cfg.Bind()
		s.sockets.hadPort = true
	}
	old := s.sockets.tcp
	next := make([]tcpSocket, len(wanted))
	for i, bind := range wanted {
		if at := slices.IndexFunc(old, func(t tcpSocket) bool { return t.bind == bind && t.port == port }); at >= 0 {
			next[i] = old[at]
			old = slices.Delete(slices.Clone(old), at, at+1)
		}
	}
	for i, bind := range wanted {
		if next[i].Listener != nil {
			continue
		}
		ln, err := s.listenAddr(bind, port)
		if errors.Is(err, syscall.EADDRINUSE) && len(old) > 0 {
			s.closeSockets(old)
			old = nil
			ln, err = s.listenAddr(bind, port)
		}
		if err == nil {
			next[i] = tcpSocket{ln, bind, port}
			continue
		}
		if s.mayLack(bind, port, err) {
			continue
		}
		s.sockets.tcp = s.retreat(next, old)
		return false
	}
	s.closeSockets(old)
	s.sockets.port = port
	s.sockets.tcp = slices.DeleteFunc(next, func(t tcpSocket) bool { return t.Listener == nil })
	return true
}

// retreat closes what a failed listenTCP has opened and returns what was there
// before and still is.
func (s *Server) retreat(next, old []tcpSocket) []tcpSocket {
	for _, t := range next {
		if t.Listener == nil {
			continue
		}
		if slices.ContainsFunc(s.sockets.tcp, func(was tcpSocket) bool { return was.Listener == t.Listener }) {
			old = append(old, t)
		} else {
			s.closeSockets([]tcpSocket{t})
		}
	}
	return old
}

func (s *Server) closeSockets(list []tcpSocket) {
	for _, t := range list {
		if err := t.Close(); err != nil {
			s.log.Warningf("Closing %s: %s", t.Addr(), strerror(err))
		}
	}
}

// listenAddr opens one address of bind.
func (s *Server) listenAddr(bind string, port int) (*netloop.Listener, error) {
	ip, err := resolveBind(strings.TrimPrefix(bind, "-"))
	if err != nil {
		return nil, err
	}
	return s.net.ListenWith(netloop.ListenOptions{
		Network: "tcp", Addr: netip.AddrPortFrom(ip, uint16(port)).String(),
		Backlog: int(s.cfg.Int("tcp-backlog")), Mark: uint32(s.cfg.Int("socket-mark-id")),
	})
}

// mayLack logs why an address of bind cannot be listened on, and reports whether
// the server goes on without it: one that begins with "-" may be missing on this
// machine, and so may a whole protocol.
func (s *Server) mayLack(bind string, port int, err error) bool {
	addr, optional := strings.CutPrefix(bind, "-")
	s.log.Warningf("Warning: Could not create server TCP listening socket %s:%d: %s", addr, port, listenProblem(err))
	var e syscall.Errno
	if !errors.As(err, &e) {
		return false
	}
	switch e {
	case syscall.EADDRNOTAVAIL:
		return optional
	case syscall.ENOPROTOOPT, syscall.EPROTONOSUPPORT, syscall.ESOCKTNOSUPPORT, syscall.EPFNOSUPPORT, syscall.EAFNOSUPPORT:
		return true
	}
	return false
}

// listenProblem returns what the log says of an error of Listen: the system call
// and the system's text.
func listenProblem(err error) string {
	var call *os.SyscallError
	if !errors.As(err, &call) {
		return strerror(err)
	}
	var e syscall.Errno
	if call.Syscall == "socket" && errors.As(err, &e) {
		return "unable to bind socket, errno: " + strconv.Itoa(int(e))
	}
	return call.Syscall + ": " + strerror(err)
}

// listenUnix opens the Unix socket. Whatever file has its name is replaced.
func (s *Server) listenUnix() error {
	path := s.cfg.String("unixsocket")
	if path == "" {
		return nil
	}
	problem := func(text string) error { return errors.New("Failed opening Unix socket: " + text) }
	// What cannot be removed is found by the attempt to bind.
	_ = syscall.Unlink(path)
	if len(path) >= unixPathMax {
		return problem(fmt.Sprintf("unix socket path too long (%d), must be under %d", len(path), unixPathMax))
	}
	ln, err := s.net.ListenWith(netloop.ListenOptions{
		Network: "unix", Addr: path, Backlog: int(s.cfg.Int("tcp-backlog")), Mode: os.FileMode(s.cfg.Int("unixsocketperm")),
	})
	if err != nil {
		return problem(listenProblem(err))
	}
	s.sockets.unix = ln
	return nil
}

// closeUnix ends listening on the Unix socket and removes its file.
// COMPAT: unix-socket-owner: not if another server has put its own there.
func (s *Server) closeUnix() {
	s.sockets.mu.Lock()
	defer s.sockets.mu.Unlock()
	ln := s.sockets.unix
	if ln == nil {
		return
	}
	if ln.OwnsPath() {
		s.log.Noticef("Removing the unix socket file.")
	}
	if err := ln.Close(); err != nil {
		s.log.Warningf("Error removing the unix socket file: %s", strerror(err))
	}
}

// logReady logs what kinds of connections the server accepts.
func (s *Server) logReady() {
	s.sockets.mu.Lock()
	defer s.sockets.mu.Unlock()
	if s.sockets.hadPort {
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

// listenerLines returns the lines of INFO on listening sockets, without their
// ends. A kind that was wanted once keeps its line.
func (s *Server) listenerLines() []string {
	s.sockets.mu.Lock()
	defer s.sockets.mu.Unlock()
	const tcp, unix = "listener0:name=tcp", "listener1:name=unix"
	var lines []string
	if s.sockets.hadPort {
		line := tcp
		for _, t := range s.sockets.tcp {
			line += ",bind=" + t.bind
		}
		if s.sockets.port != 0 {
			line += ",port=" + strconv.Itoa(s.sockets.port)
		}
		lines = append(lines, line)
	}
	if s.sockets.unix != nil {
		lines = append(lines, unix+",bind="+s.sockets.unix.Addr())
	}
	return lines
}

// applyKeepAlive is the hook of tcp-keepalive: connections from now on have the
// new setting.
func (s *Server) applyKeepAlive() {
	s.keepAlive.Store(s.cfg.Int("tcp-keepalive"))
	s.net.KeepAliveChanged()
}
