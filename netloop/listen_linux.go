//go:build !portable

package netloop

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"unsafe"

	"kvorum/internal/invariants"
)

// Listener is a listening socket. Its methods may be called from any goroutine.
type Listener struct {
	server *Server
	id     int
	addr   string // as RemoteAddr prints; the path of a Unix socket
	file   socketFile

	mu      sync.Mutex // held while accepting, so that fd cannot be reused by another file
	fd      int        // -1 when closed
	resting bool       // no events until retryAt of loop 0
}

// peerAddr is the address of a TCP peer, without a pointer.
type peerAddr struct {
	ip   [16]byte // v4 in the first four bytes
	port uint16
	kind uint8 // 4, 6; 0 for a Unix socket
}

// listen makes, registers and returns a listener.
func (s *Server) listen(o *ListenOptions) (*Listener, error) {
	ln := &Listener{server: s, fd: -1}
	if err := ln.bind(o); err != nil {
		return nil, err
	}
	if err := s.addListener(ln); err != nil {
		// What closing reports is nothing the caller could use beyond err.
		_ = ln.closeSocket()
		return nil, err
	}
	if err := ln.register(); err != nil {
		_ = ln.Close() // as above
		return nil, err
	}
	return ln, nil
}

// register adds the socket to the set of loop 0. The lock keeps a Shutdown, which
// closes listeners first, from releasing that set meanwhile.
func (ln *Listener) register() error {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	if ln.fd < 0 {
		return ErrShutdown
	}
	return ln.server.loops[0].control(syscall.EPOLL_CTL_ADD, ln.fd, evIn, int32(idListener-ln.id), 0)
}

// Addr returns the bound address, "ip:port", or the path of a Unix socket.
func (ln *Listener) Addr() string { return ln.addr }

// Close closes the socket and removes the file of a Unix socket, unless another
// process has replaced it. Connections that were accepted stay; those that wait to
// be are refused. Closing twice is harmless.
func (ln *Listener) Close() error {
	ln.server.removeListener(ln)
	return ln.closeSocket()
}

func (ln *Listener) closeSocket() error {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	if ln.fd < 0 {
		return nil
	}
	err := ln.file.remove()
	closeFd(ln.fd)
	ln.fd = -1
	return err
}

// bind makes the socket.
func (ln *Listener) bind(o *ListenOptions) error {
	if o.Network == "unix" {
		return ln.bindUnix(o)
	}
	if o.Network != "tcp" {
		return fmt.Errorf("unknown network")
	}
	tcp, err := resolve(o.Addr)
	if err != nil {
		return err
	}
	family, sa := syscall.AF_INET6, syscall.Sockaddr(nil)
	ip := tcp.Addr()
	if ip.Is4() {
		family, sa = syscall.AF_INET, &syscall.SockaddrInet4{Port: int(tcp.Port()), Addr: ip.As4()}
	} else {
		sa6 := &syscall.SockaddrInet6{Port: int(tcp.Port()), Addr: ip.As16()}
		if zone := ip.Zone(); zone != "" {
			nic, err := net.InterfaceByName(zone)
			if err != nil {
				return err
			}
			sa6.ZoneId = uint32(nic.Index)
		}
		sa = sa6
	}
	if err := ln.open(family, sa, o); err != nil {
		return err
	}
	ln.addr = socketName(ln.fd)
	return nil
}

// bindUnix makes the socket of a path.
func (ln *Listener) bindUnix(o *ListenOptions) error {
	name := o.Addr
	if strings.HasPrefix(name, "@") {
		name = "./" + name // package syscall would take it for a socket without a file
	}
	ln.addr, ln.file.path = o.Addr, name
	if err := ln.file.clear(); err != nil {
		return err
	}
	return ln.open(syscall.AF_UNIX, &syscall.SockaddrUnix{Name: name}, o)
}

// open makes a listening socket bound to sa.
func (ln *Listener) open(family int, sa syscall.Sockaddr, o *ListenOptions) (err error) {
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer func() {
		if err != nil {
			closeFd(fd)
		}
	}()
	if family != syscall.AF_UNIX {
		// Connections inherit the options of their listener on Linux, which
		// saves setting them for each.
		if err = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
		if err = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
		if sec := ln.server.keepAliveSec(); sec > 0 {
			setKeepAlive(fd, sec)
		}
		if o.Mark != 0 {
			_ = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_MARK, int(o.Mark)) // it wants a privilege
		}
	}
	if family == syscall.AF_INET6 {
		if err = syscall.SetsockoptInt(fd, syscall.IPPROTO_IPV6, syscall.IPV6_V6ONLY, 1); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	if err = syscall.Bind(fd, sa); err != nil {
		return os.NewSyscallError("bind", err)
	}
	if family == syscall.AF_UNIX {
		ln.file.note(o.Mode)
	}
	if err = syscall.Listen(fd, o.Backlog); err != nil {
		return os.NewSyscallError("listen", err)
	}
	ln.fd = fd
	return nil
}

// setKeepAlive has probes sent after sec idle seconds, three of them sec/3 apart;
// sec <= 0 turns them off. Errors are ignored: it is not worth refusing a client.
func setKeepAlive(fd, sec int) {
	if sec <= 0 {
		_ = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 0)
		return
	}
	_ = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1)
	_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, sec)
	_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, max(sec/3, 1))
	_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, 3)
}

// applyKeepAlive sets the option on the socket, whose connections inherit it.
func (ln *Listener) applyKeepAlive() {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	if ln.fd >= 0 && ln.file.path == "" {
		setKeepAlive(ln.fd, ln.server.keepAliveSec())
	}
}

// accept takes a batch of connections from a listener and spreads them.
func (l *Loop) accept(id int) {
	ln := l.server.listener(id)
	if ln == nil {
		return
	}
	n, err := l.acceptBatch(ln)
	var unix *Listener
	if ln.file.path != "" {
		unix = ln
	}
	for i := range n {
		in := incoming{fd: l.accepts[i], peer: l.peers[i], unix: unix}
		to := l.server.assign(l.turns)
		l.turns = to.ID + 1
		if to == l {
			l.adopt(in)
		} else if !to.deliver(in) {
			in.discard()
			to.count.Add(-1)
		}
	}
	if err != nil {
		l.acceptFailed(err)
	}
}

// acceptBatch fills l.accepts and l.peers. After an error that will not go away
// at once the listener rests.
func (l *Loop) acceptBatch(ln *Listener) (n int, err error) {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	if ln.fd < 0 {
		return 0, nil
	}
	for n < len(l.accepts) {
		fd, e := accept(ln.fd, &l.peers[n])
		switch e {
		case 0:
			l.accepts[n] = fd
			n++
		case syscall.EAGAIN:
			return n, nil
		case syscall.EINTR, syscall.ECONNABORTED, syscall.EPROTO, syscall.ENETDOWN, syscall.ENOPROTOOPT,
			syscall.EHOSTDOWN, syscall.ENONET, syscall.EHOSTUNREACH, syscall.EOPNOTSUPP, syscall.ENETUNREACH:
			// Errors of the connection that was to be accepted: accept(2) says to go on.
			return n, nil
		default:
			ln.resting = true
			l.rest(ln, 0)
			return n, os.NewSyscallError("accept4", e)
		}
	}
	return n, nil
}

// rest changes the events of a listener.
func (l *Loop) rest(ln *Listener, events uint32) {
	if err := l.control(syscall.EPOLL_CTL_MOD, ln.fd, events, int32(idListener-ln.id), 0); err != nil {
		invariants.Fail("netloop: epoll_ctl of a listener: %v", err)
	}
}

// acceptFailed reports err and sets the time of the next attempt.
func (l *Loop) acceptFailed(err error) {
	l.retryAt = l.server.Mono() + acceptRetryMs*1e6
	if hook := l.server.cfg.AcceptError; hook != nil {
		hook(err)
	}
}

// retryListeners ends the rest of the listeners.
func (l *Loop) retryListeners() {
	l.retryAt = 0
	for _, ln := range l.server.openListeners() {
		ln.mu.Lock()
		if ln.resting && ln.fd >= 0 {
			ln.resting = false
			l.rest(ln, evIn)
		}
		ln.mu.Unlock()
	}
}

// accept takes one connection. The address is read from the raw structure, as
// the one of package syscall costs allocations.
func accept(fd int, peer *peerAddr) (int, syscall.Errno) {
	var sa syscall.RawSockaddrAny
	size := uint32(syscall.SizeofSockaddrAny)
	conn, _, e := syscall.RawSyscall6(syscall.SYS_ACCEPT4, uintptr(fd), uintptr(unsafe.Pointer(&sa)),
		uintptr(unsafe.Pointer(&size)), syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0, 0)
	if e != 0 {
		return -1, e
	}
	*peer = peerAddr{}
	port := func(p *uint16) uint16 { // in network order in memory
		b := (*[2]byte)(unsafe.Pointer(p))
		return uint16(b[0])<<8 | uint16(b[1])
	}
	switch sa.Addr.Family {
	case syscall.AF_INET:
		in := (*syscall.RawSockaddrInet4)(unsafe.Pointer(&sa))
		copy(peer.ip[:], in.Addr[:])
		peer.port, peer.kind = port(&in.Port), 4
	case syscall.AF_INET6:
		in := (*syscall.RawSockaddrInet6)(unsafe.Pointer(&sa))
		peer.ip = in.Addr
		peer.port, peer.kind = port(&in.Port), 6
	}
	return int(conn), 0
}

// socketName returns the local address of a TCP socket.
func socketName(fd int) string {
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		return ""
	}
	switch a := sa.(type) {
	case *syscall.SockaddrInet4:
		return hostPort(netip.AddrFrom4(a.Addr), a.Port)
	case *syscall.SockaddrInet6:
		return hostPort(netip.AddrFrom16(a.Addr), a.Port)
	}
	return ""
}

func hostPort(ip netip.Addr, port int) string {
	return net.JoinHostPort(ip.String(), strconv.Itoa(port))
}

func (p *peerAddr) addr() netip.Addr {
	switch p.kind {
	case 4:
		return netip.AddrFrom4([4]byte(p.ip[:4]))
	case 6:
		return netip.AddrFrom16(p.ip)
	}
	return netip.Addr{}
}

func (c *Conn) sysFD() int { return int(c.fd) }

func (c *Conn) sysNoDelay(on bool) {
	value := 0
	if on {
		value = 1
	}
	_ = syscall.SetsockoptInt(int(c.fd), syscall.IPPROTO_TCP, syscall.TCP_NODELAY, value) // fails if the peer is gone
}

func (c *Conn) sysUnix() bool { return c.unix != nil }

func (c *Conn) sysRemoteIP() netip.Addr { return c.peer.addr() }

func (c *Conn) sysRemoteAddr() string {
	if c.unix != nil {
		return c.unix.addr + ":0"
	}
	return hostPort(c.peer.addr(), int(c.peer.port))
}

func (c *Conn) sysLocalAddr() string {
	if c.unix != nil {
		return c.unix.addr + ":0"
	}
	if c.fd < 0 {
		return ""
	}
	return socketName(int(c.fd))
}
