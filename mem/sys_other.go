//go:build unix && !linux && !race && !memdebug

package mem

import (
	"syscall"
	"unsafe"
)

// madvFree lets the system take the pages when it needs them; the number is
// the same on Darwin and the BSDs.
const madvFree = 5

func sysKeepOutOfCore([]byte) {}

// sysHuge does nothing: these systems choose page sizes themselves.
func sysHuge(unsafe.Pointer, uintptr, bool) {}

// sysReturn offers memory back to the system.
func sysReturn(p unsafe.Pointer, size uintptr) {
	// A refusal keeps the pages; nothing depends on it.
	_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, uintptr(p), size, madvFree)
}

// sysPopulate faults memory in.
func sysPopulate(p unsafe.Pointer, size uintptr) { touchPages(p, size) }
