//go:build unix && !race && !memdebug

package mem

import (
	"syscall"
	"unsafe"
)

// sysReserve maps size bytes of zeroed memory that cost nothing until they
// are touched.
func sysReserve(size int) ([]byte, error) {
	m, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_ANON|syscall.MAP_PRIVATE|syscall.MAP_NORESERVE)
	if err == nil {
		sysKeepOutOfCore(m)
	}
	return m, err
}

// sysUnreserve undoes sysReserve of a mapping nobody has used yet.
func sysUnreserve(m []byte) {
	// A failure leaves address space reserved and nothing else.
	_ = syscall.Munmap(m)
}

// touchPages faults memory in by writing to each page of it. The bytes must
// belong to nobody.
func touchPages(p unsafe.Pointer, size uintptr) {
	const step = 4096
	for off := uintptr(0); off < size; off += step {
		*(*byte)(unsafe.Add(p, off)) = 0
	}
}
