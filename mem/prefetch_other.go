//go:build !amd64 && !arm64

package mem

import "unsafe"

// Prefetch does nothing here: it is only a hint.
func Prefetch(p unsafe.Pointer) {}

// Prefetch16 does nothing here: it is only a hint.
func Prefetch16(addrs *[16]uintptr, n int) {}

// PrefetchWord is Prefetch of what lies in Go's own memory.
func PrefetchWord(p *uint64) { Prefetch(unsafe.Pointer(p)) }
