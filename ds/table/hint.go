package table

import "kvorum/mem"

// Hint is the place where the search for a hash will begin, read without the
// shard's lock. Whatever it says may be wrong a moment later; it is good for
// prefetching only.
type Hint struct {
	bucket mem.Handle
	tag    uint8
}
