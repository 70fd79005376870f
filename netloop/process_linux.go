package netloop

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

// Calls about the whole process, for which package syscall has no wrapper and
// os/signal no way. They are here because system calls by hand live in this
// package; loops do not use them.

// cpuWords is the size of the kernel's set of processors in words: room for 1024.
const cpuWords = 16

// CPUMax bounds the numbers of processors that PinThreads takes.
const CPUMax = cpuWords * 64

// PinThreads lets all threads of the process run on the given processors only,
// and with them every thread that they start later. Numbers of processors that
// the machine does not have are passed over by the kernel; an error means that
// none was left, or that the system does not let us. Any goroutine may call it.
func PinThreads(cpus []int) error {
	var set [cpuWords]uint64
	for _, cpu := range cpus {
		if cpu >= 0 && cpu < CPUMax {
			set[cpu/64] |= 1 << (cpu % 64)
		}
	}
	return eachThread("sched_setaffinity", func(tid uintptr) syscall.Errno {
		_, _, e := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, tid, unsafe.Sizeof(set), uintptr(unsafe.Pointer(&set)))
		return e
	})
}

// eachThread does something that threads inherit to all threads of the process.
func eachThread(what string, do func(tid uintptr) syscall.Errno) error {
	// A thread that was started while the list was read shows up in the next
	// round; it has inherited what its parent already had.
	const rounds = 2
	for range rounds {
		tasks, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return fmt.Errorf("netloop: threads: %w", err)
		}
		for _, task := range tasks {
			tid, err := strconv.Atoi(task.Name())
			if err != nil {
				continue
			}
			if e := do(uintptr(tid)); e != 0 && e != syscall.ESRCH {
				return fmt.Errorf("netloop: %s: %w", what, e)
			}
		}
	}
	return nil
}

// schedBatch is a scheduling policy of sched(7).
const schedBatch = 3

// BatchThreads lets no thread of the process, nor those that they start later,
// interrupt another process when it wakes: it waits until that sleeps or its share
// is used up. For servers with a loop for every processor, whose loops would else
// take theirs from clients on the same machine at every request (docs/design/0001).
// Any goroutine may call it.
func BatchThreads() error {
	var priority int32 // must be 0 for this policy
	return eachThread("sched_setscheduler", func(tid uintptr) syscall.Errno {
		_, _, e := syscall.RawSyscall(syscall.SYS_SCHED_SETSCHEDULER, tid, schedBatch, uintptr(unsafe.Pointer(&priority)))
		return e
	})
}

// prSetTHPDisable is an operation of prctl(2).
const prSetTHPDisable = 41

// DisableTHP asks the kernel for no transparent huge pages in this process,
// whatever the system's setting. Any goroutine may call it.
func DisableTHP() error {
	if _, _, e := syscall.RawSyscall6(syscall.SYS_PRCTL, prSetTHPDisable, 1, 0, 0, 0, 0); e != 0 {
		return fmt.Errorf("netloop: prctl: %w", e)
	}
	return nil
}

// kernelAction is struct sigaction of rt_sigaction(2); all zero is SIG_DFL.
type kernelAction struct {
	handler, flags, restorer uintptr
	mask                     uint64
}

// sigSetBytes is the size of kernelAction.mask.
const sigSetBytes = 8

// dieWaitMs is how long DieBySignal waits for its death.
const dieWaitMs = 2000

// DieBySignal ends the process by a signal as if nobody had ever handled it, so
// that whoever waits for the process sees the signal, and the kernel writes a
// core where that is wanted. It returns only if the signal does not end a process.
func DieBySignal(sig syscall.Signal) {
	runtime.LockOSThread()
	var action kernelAction
	syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&action)), 0, sigSetBytes, 0, 0)
	if syscall.Kill(syscall.Getpid(), sig) == nil {
		time.Sleep(dieWaitMs * time.Millisecond)
	}
	runtime.UnlockOSThread()
}
