//go:build !amd64 && !arm64

package mem

import "unsafe"

// Prefetch does nothing here: it is only a hint.
func Prefetch(p unsafe.Pointer) {}

// Prefetch16 does nothing here: it is only a hint.
func Prefetch16(addrs *[16]uintptr, n int) {}
