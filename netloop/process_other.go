//go:build !linux

package netloop

import (
	"errors"
	"syscall"
	"time"
)

// CPUMax bounds the numbers of processors that PinThreads takes.
const CPUMax = 1024

// errNotHere is what calls that only Linux has return elsewhere.
var errNotHere = errors.New("netloop: this system has no such call")

// BatchThreads exists on Linux only.
func BatchThreads() error { return errNotHere }

// PinThreads exists on Linux only.
func PinThreads([]int) error { return errNotHere }

// DisableTHP exists on Linux only.
func DisableTHP() error { return errNotHere }

// dieWaitMs is how long DieBySignal waits for its death.
const dieWaitMs = 2000

// DieBySignal ends the process by SIGKILL: the default action of other signals
// cannot be had back from the runtime here.
func DieBySignal(syscall.Signal) {
	if syscall.Kill(syscall.Getpid(), syscall.SIGKILL) == nil {
		time.Sleep(dieWaitMs * time.Millisecond)
	}
}
