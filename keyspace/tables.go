package keyspace

import "kvorum/ds/table"

// TableSlots returns how many records the tables of the database have places for
// in their buckets, and how many more in overflow buckets. The caller is
// exclusive.
func (db *DB) TableSlots() (slots, overflow int64) {
	for i := range db.tables {
		t := &db.tables[i]
		slots += int64(t.Buckets()) * table.SlotCount
		overflow += int64(t.Overflows()) * table.SlotCount
	}
	return slots, overflow
}
