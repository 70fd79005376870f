//go:build !portable

package netloop

import (
	"os"
	"syscall"
	"time"

	"kvorum/internal/invariants"
)

// parker lets a loop sleep in the runtime's poller until its epoll set has events.
//
//	runtime's set ──always, edge──► gate ──while parked──► the loop's set ──► sockets
//
// The runtime must not watch the loop's set itself: it would be woken for every
// event of a busy loop too (measured: +0.03 us per request, a quarter more context
// switches). So it watches a gate, another set, which the loop's joins for a sleep.
// An edge cannot be missed: joining a set with events pending is one.
type parker struct {
	loop  *Loop
	gate  int
	file  *os.File // owns gate
	conn  syscall.RawConn
	try   func(fd uintptr) bool
	count int // events found by try
}

// newParker makes a parker for the loop, whose set exists.
func newParker(l *Loop) (*parker, error) {
	gate, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	if err = syscall.SetNonblock(gate, true); err != nil { // package os watches what does not block
		closeFd(gate)
		return nil, err
	}
	p := &parker{loop: l, gate: gate, file: os.NewFile(uintptr(gate), "epoll")}
	if err = p.file.SetReadDeadline(time.Time{}); err == nil {
		p.conn, err = p.file.SyscallConn()
	}
	if err != nil {
		p.close()
		return nil, err
	}
	p.try = func(uintptr) bool {
		p.count = epollPoll(l.epfd, l.events)
		return p.count > 0
	}
	return p, nil
}

// sleep is epollSleep.
func (p *parker) sleep(timeoutMs int) int {
	until := time.Time{}
	if timeoutMs >= 0 {
		until = time.Now().Add(time.Duration(timeoutMs) * time.Millisecond)
	}
	event := syscall.EpollEvent{Events: evIn}
	err := p.file.SetReadDeadline(until)
	if err == nil {
		err = syscall.EpollCtl(p.gate, syscall.EPOLL_CTL_ADD, p.loop.epfd, &event)
	}
	if err != nil { // out of memory or watches: sleep without the gate
		return epollSleep(p.loop.epfd, p.loop.events, timeoutMs)
	}
	p.count = 0
	// The only error is the deadline, and then there are no events.
	_ = p.conn.Read(p.try)
	if err := syscall.EpollCtl(p.gate, syscall.EPOLL_CTL_DEL, p.loop.epfd, &event); err != nil {
		invariants.Fail("netloop: the epoll set left its gate meanwhile: %v", err)
	}
	return p.count
}

// close releases the gate; there is nothing to do about an error.
func (p *parker) close() { _ = p.file.Close() }
