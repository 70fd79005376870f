//go:build linux && !race && !memdebug

package mem

import (
	"syscall"
	"unsafe"
)

// Advice numbers of Linux that package syscall does not know on all ports.
const (
	madvDontNeed      = 4
	madvHugePage      = 14
	madvNoHugePage    = 15
	madvDontDump      = 16
	madvPopulateWrite = 23 // since Linux 5.14
)

func madvise(p unsafe.Pointer, size uintptr, advice uintptr) syscall.Errno {
	_, _, e := syscall.Syscall(syscall.SYS_MADVISE, uintptr(p), size, advice)
	return e
}

// sysKeepOutOfCore keeps a reservation of terabytes out of core dumps, which
// would otherwise visit every page of it.
func sysKeepOutOfCore(m []byte) {
	madvise(unsafe.Pointer(&m[0]), uintptr(len(m)), madvDontDump)
}

// sysHuge asks for huge pages, or for none. Refusal (a kernel without them) is
// harmless.
func sysHuge(p unsafe.Pointer, size uintptr, on bool) {
	advice := uintptr(madvNoHugePage)
	if on {
		advice = madvHugePage
	}
	madvise(p, size, advice)
}

// sysReturn gives memory back to the system; it reads as zeroes afterwards.
func sysReturn(p unsafe.Pointer, size uintptr) { madvise(p, size, madvDontNeed) }

// sysPopulate faults memory in.
func sysPopulate(p unsafe.Pointer, size uintptr) {
	if madvise(p, size, madvPopulateWrite) == syscall.EINVAL {
		touchPages(p, size)
	}
}
