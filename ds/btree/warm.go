package btree

import "kvorum/mem"

// A tree of warmHeight levels above its leaves has left the nearer caches: a search in
// one of its leaves reads some lines one after the other, each from memory, and a change
// moves many of them.
const (
	warmHeight = 2
	lineSize   = 64
	nodeLines  = nodeSize / lineSize
)

// warm prefetches all of a leaf.
func warm(n node) {
	var addrs [nodeLines]uintptr
	at := uintptr(mem.Ptr(mem.Handle(n)))
	for i := range addrs {
		addrs[i] = at
		at += lineSize
	}
	mem.Prefetch16(&addrs, nodeLines)
}
