package netloop

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
)

// ListenOptions say where and how to listen.
type ListenOptions struct {
	// Network is "tcp" or "unix".
	Network string

	// Addr is, for "tcp", "host:port": an empty or "*" host is every IPv4 address,
	// "[::]" and "[::*]" every IPv6 one; port 0 is a free port. IPv6 sockets take
	// no IPv4 connections. For "unix" it is a path, where a socket that is there
	// already is replaced; a leading "@" is part of a name like any other.
	Addr string

	// Backlog is that of listen(2); the portable loop leaves it to the system.
	Backlog int

	// Mode are the permissions of a Unix socket, set before anybody can connect
	// (portable: right afterwards); 0 leaves them to the umask. That they cannot
	// be set is no error.
	Mode os.FileMode

	// Mark is put on a TCP socket and its connections, for the system's routing
	// and filters (SO_MARK); 0: none. Linux only; that it cannot be set is no error.
	Mark uint32
}

// Listen is ListenWith without the rarer options.
func (s *Server) Listen(network, addr string, backlog int) (*Listener, error) {
	return s.ListenWith(ListenOptions{Network: network, Addr: addr, Backlog: backlog})
}

// ListenWith binds a socket and has its connections served. It may be called
// before and after Start. A refusal of the system is in the error's chain as an
// *os.SyscallError, which names the call.
func (s *Server) ListenWith(o ListenOptions) (*Listener, error) {
	ln, err := s.listen(&o)
	if err != nil && !errors.Is(err, ErrShutdown) {
		err = fmt.Errorf("netloop: listen %s %s: %w", o.Network, o.Addr, err)
	}
	return ln, err
}

// KeepAliveChanged has Config.KeepAlive asked again for the connections from now
// on. Any goroutine may call it.
func (s *Server) KeepAliveChanged() {
	for _, ln := range s.openListeners() {
		ln.applyKeepAlive()
	}
}

// openListeners returns the listeners that were not closed yet.
func (s *Server) openListeners() (open []*Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ln := range s.listeners {
		if ln != nil {
			open = append(open, ln)
		}
	}
	return open
}

// resolve turns "host:port" into an address; the forms of ListenOptions are allowed.
func resolve(addr string) (netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return netip.AddrPort{}, err
	}
	switch host {
	case "", "*":
		host = "0.0.0.0"
	case "::*":
		host = "::"
	}
	network := "tcp"
	if strings.Contains(host, ":") {
		network = "tcp6" // 4-in-6 literals stay what they are
	}
	tcp, err := net.ResolveTCPAddr(network, net.JoinHostPort(host, port))
	if err != nil {
		return netip.AddrPort{}, err
	}
	found := tcp.AddrPort()
	if network == "tcp" {
		found = netip.AddrPortFrom(found.Addr().Unmap(), found.Port())
	}
	return found, nil
}

// socketFile is the file of a Unix socket that this process made.
type socketFile struct {
	path string      // "" for none
	made os.FileInfo // nil if it could not be looked at
}

// clear removes a socket that lies where one is to be made.
func (f *socketFile) clear() error {
	if info, err := os.Lstat(f.path); err == nil && info.Mode()&os.ModeSocket != 0 {
		return os.Remove(f.path)
	}
	return nil
}

// note remembers the file, which has just been made, and sets its permissions.
func (f *socketFile) note(mode os.FileMode) {
	if mode != 0 {
		_ = os.Chmod(f.path, mode) // ListenOptions.Mode says so
	}
	if info, err := os.Lstat(f.path); err == nil {
		f.made = info
	}
}

// ours reports whether the file is still the one that was made. As long as its
// socket is open the system gives its number to no other file.
func (f *socketFile) ours() bool {
	info, err := os.Lstat(f.path)
	return err == nil && f.made != nil && os.SameFile(info, f.made)
}

// remove removes the file if it is still ours: another process may have put a
// socket of its own there.
func (f *socketFile) remove() error {
	if f.path == "" || !f.ours() {
		return nil
	}
	if err := os.Remove(f.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("netloop: close listener: %w", err)
	}
	return nil
}

// OwnsPath reports whether ln listens on a Unix socket whose file Close would
// remove: it is still there, and no other process has replaced it.
func (ln *Listener) OwnsPath() bool { return ln.file.path != "" && ln.file.ours() }
