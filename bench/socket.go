//go:build linux

package main

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
	"time"
)

// Raw sockets and epoll: the generator shares two cores with the server it
// measures, so it avoids the runtime's network poller.

// dialRaw opens a blocking TCP connection without Nagle's delay.
func dialRaw(addr string) (fd int, err error) {
	host, portText, err := net.SplitHostPort(addr)
	if err != nil {
		return -1, err
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return -1, err
	}
	ip := net.ParseIP(host).To4()
	if ip == nil {
		return -1, fmt.Errorf("socket: %q is not an IPv4 address", host)
	}
	fd, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	sa := &syscall.SockaddrInet4{Port: port, Addr: [4]byte(ip)}
	for {
		err = syscall.Connect(fd, sa)
		if err != syscall.EINTR {
			break
		}
	}
	if err == nil || err == syscall.EISCONN {
		err = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	}
	if err != nil {
		return -1, errors.Join(fmt.Errorf("connect to %s: %w", addr, err), syscall.Close(fd))
	}
	return fd, nil
}

// link is one non-blocking connection inside a poller.
type link struct {
	fd      int
	rest    []byte // bytes the socket did not take yet; owned
	replies replyCounter
}

// poller watches a fixed set of links, numbered from 0.
type poller struct {
	epfd   int
	links  []*link
	events []syscall.EpollEvent
	in     []byte
}

const readBufferSize = 64 << 10

// openPoller dials n connections.
func openPoller(addr string, n int) (*poller, error) {
	epfd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	p := &poller{epfd: epfd, events: make([]syscall.EpollEvent, 256), in: make([]byte, readBufferSize)}
	for i := range n {
		fd, err := dialRaw(addr)
		if err != nil {
			p.close()
			return nil, err
		}
		p.links = append(p.links, &link{fd: fd})
		ev := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(i)}
		err = errors.Join(syscall.SetNonblock(fd, true), syscall.EpollCtl(epfd, syscall.EPOLL_CTL_ADD, fd, &ev))
		if err != nil {
			p.close()
			return nil, err
		}
	}
	return p, nil
}

func (p *poller) close() {
	for _, l := range p.links {
		_ = syscall.Close(l.fd) // every reply wanted has been read
	}
	_ = syscall.Close(p.epfd)
}

// wait returns the links with something to do, at most timeout later; a
// timeout below a millisecond polls, a negative one waits for ever.
func (p *poller) wait(timeout time.Duration) ([]syscall.EpollEvent, error) {
	ms := int(timeout / time.Millisecond)
	if timeout < 0 {
		ms = -1
	}
	n, err := syscall.EpollWait(p.epfd, p.events, ms)
	if err == syscall.EINTR {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return p.events[:n], nil
}

// send writes b; what the socket does not take is kept and goes out by flush.
func (p *poller) send(i int, b []byte) error {
	l := p.links[i]
	if len(l.rest) > 0 {
		l.rest = append(l.rest, b...)
		return nil
	}
	n, err := writeSome(l.fd, b)
	if err != nil {
		return err
	}
	if n < len(b) {
		l.rest = append(l.rest, b[n:]...)
		return p.watch(i, syscall.EPOLLIN|syscall.EPOLLOUT)
	}
	return nil
}

// flush continues a send after the socket became writable.
func (p *poller) flush(i int) error {
	l := p.links[i]
	n, err := writeSome(l.fd, l.rest)
	if err != nil {
		return err
	}
	l.rest = append(l.rest[:0], l.rest[n:]...)
	if len(l.rest) == 0 {
		return p.watch(i, syscall.EPOLLIN)
	}
	return nil
}

func (p *poller) watch(i int, events uint32) error {
	ev := syscall.EpollEvent{Events: events, Fd: int32(i)}
	return syscall.EpollCtl(p.epfd, syscall.EPOLL_CTL_MOD, p.links[i].fd, &ev)
}

// receive reads once and returns how many replies became complete.
func (p *poller) receive(i int) (done int, err error) {
	l := p.links[i]
	n, err := syscall.Read(l.fd, p.in)
	switch {
	case err == syscall.EAGAIN || err == syscall.EINTR:
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("read: %w", err)
	case n == 0:
		return 0, errors.New("the server closed the connection")
	}
	return l.replies.feed(p.in[:n])
}

// replyErrors returns how many error replies came, and an error quoting the first.
func (p *poller) replyErrors() error {
	for _, l := range p.links {
		if l.replies.errors > 0 {
			return fmt.Errorf("error reply: %s", l.replies.firstErr)
		}
	}
	return nil
}

// writeSome writes until the socket refuses and returns how much went.
func writeSome(fd int, b []byte) (n int, err error) {
	for n < len(b) {
		k, err := syscall.Write(fd, b[n:])
		switch {
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return n, nil
		case err != nil:
			return n, fmt.Errorf("write: %w", err)
		default:
			n += k
		}
	}
	return n, nil
}
