package table

import "kvorum/mem"

// StateSize is the size of a table's state, for tables that live in the memory
// that they index.
const StateSize = 32

// Load returns the table whose state Save wrote to the start of the block at h.
func Load(h mem.Handle) Table {
	return Table{
		dir:     mem.Handle(mem.Load64(h, 0)),
		buckets: mem.Load32(h, 8),
		split:   mem.Load32(h, 12),
		mask:    mem.Load32(h, 16),
		dirCap:  mem.Load32(h, 20),
		count:   mem.Load32(h, 24),
		chained: mem.Load32(h, 28),
	}
}

// Save writes the state of the table, which is not to be used afterwards, to the
// start of the block at h.
func (t *Table) Save(h mem.Handle) {
	mem.Store64(h, 0, uint64(t.dir))
	mem.Store32(h, 8, t.buckets)
	mem.Store32(h, 12, t.split)
	mem.Store32(h, 16, t.mask)
	mem.Store32(h, 20, t.dirCap)
	mem.Store32(h, 24, t.count)
	mem.Store32(h, 28, t.chained)
}
