//go:build !portable

package netloop

import (
	"syscall"
	"unsafe"
)

// System calls of the Linux loop. Those on the way of a request are raw: the
// sockets do not block, so the scheduler need not be told.

// recv reads into b, which is not empty: bytes, 0 at the end, or -errno.
func recv(fd int32, b []byte) int {
	n, _, e := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(fd),
		uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0, 0, 0)
	if e != 0 {
		return -int(e)
	}
	return int(n)
}

// send writes b, which is not empty, without raising SIGPIPE: bytes or -errno.
func send(fd int32, b []byte) int {
	n, _, e := syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(fd),
		uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), syscall.MSG_NOSIGNAL, 0, 0)
	if e != 0 {
		return -int(e)
	}
	return int(n)
}

// sendAll is send for several pieces, in one system call.
func sendAll(fd int32, pieces []syscall.Iovec) int {
	msg := syscall.Msghdr{Iov: &pieces[0], Iovlen: uint64(len(pieces))}
	n, _, e := syscall.RawSyscall(syscall.SYS_SENDMSG, uintptr(fd),
		uintptr(unsafe.Pointer(&msg)), syscall.MSG_NOSIGNAL)
	if e != 0 {
		return -int(e)
	}
	return int(n)
}

// epollPoll gets events without sleeping. Errors count as none: the set is ours,
// so the only possible one is an interruption.
func epollPoll(epfd int, events []syscall.EpollEvent) int {
	n, _, e := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(epfd),
		uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
	if e != 0 {
		return 0
	}
	return int(n)
}

// epollSleep gets events, sleeping up to timeoutMs (-1 for ever) until there are some.
func epollSleep(epfd int, events []syscall.EpollEvent, timeoutMs int) int {
	n, _, e := syscall.Syscall6(syscall.SYS_EPOLL_PWAIT, uintptr(epfd),
		uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), uintptr(timeoutMs), 0, 0)
	if e != 0 {
		return 0
	}
	return int(n)
}

func eventFd() (int, error) {
	fd, _, e := syscall.RawSyscall(syscall.SYS_EVENTFD2, 0, syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	if e != 0 {
		return -1, e
	}
	return int(fd), nil
}

// closeFd closes a descriptor of ours; there is nothing to do about an error,
// after which it is closed too.
func closeFd(fd int) {
	syscall.RawSyscall(syscall.SYS_CLOSE, uintptr(fd), 0, 0)
}
