package server

import (
	"runtime"
	"syscall"
)

// encoderNice is how much less urgent the thread is that makes and writes files in the
// background than those that serve clients.
const encoderNice = 5

// stepBack makes the thread of the calling goroutine, which keeps it until it ends,
// less urgent. That it may not work does no harm.
func stepBack() {
	runtime.LockOSThread()
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, syscall.Gettid(), encoderNice)
}
