package keyspace

import (
	"testing"

	"kvorum/object/hash"
)

// A large value in flushed data must go in slices, as one that is deleted.
func TestFlushedValuesGoInSlices(t *testing.T) {
	c := &collections{ks: New(1), limits: hash.Limits{Entries: 20, Value: 64}, sizes: []int{5, 2000, 7}}
	defer c.ks.Close()
	c.fill()
	db := c.ks.DB(0)
	keys := db.Flush()
	steps := 0
	for c.ks.Reclaim(8) {
		steps++
		if steps == 50 {
			if err := c.ks.MemCheck(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if steps < 60 {
		t.Errorf("%d steps", steps)
	}
	if n := c.ks.PendingObjects(); n != 0 || c.ks.FreedObjects() != keys {
		t.Errorf("%d keys pending, %d of %d freed", n, c.ks.FreedObjects(), keys)
	}
	if n := c.ks.Blocks(); n != 0 {
		t.Errorf("%d blocks left", n)
	}
}
