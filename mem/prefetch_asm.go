//go:build amd64 || arm64

package mem

import "unsafe"

// Prefetch asks the processor to load the cache line at p. It never faults,
// whatever p is, and costs a call of about 1.5 ns.
//
//go:noescape
func Prefetch(p unsafe.Pointer)

// Prefetch16 prefetches the cache line of each of the first n addresses,
// n <= 16. It never faults, whatever they are.
//
//go:noescape
func Prefetch16(addrs *[16]uintptr, n int)

// PrefetchWord is Prefetch of what lies in Go's own memory.
func PrefetchWord(p *uint64) { Prefetch(unsafe.Pointer(p)) }
