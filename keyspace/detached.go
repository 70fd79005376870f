package keyspace

// Data beside the databases: what a replica loads while it still shows what it had.

// NewDetached returns as many empty databases as there are, which no client sees. Keys
// are put into them as into others, under the locks of the same shards.
func (ks *Keyspace) NewDetached() []*DB {
	list := make([]*DB, len(ks.dbs))
	for i := range list {
		list[i] = &DB{ks: ks, index: i}
		list[i].reset()
	}
	return list
}

// Adopt puts detached databases in the place of the ones there are, which Reclaim frees.
// The caller is exclusive.
func (ks *Keyspace) Adopt(fresh []*DB, nowMs int64) {
	for i, db := range ks.dbs {
		ks.touchWatched(db, fresh[i], nowMs)
		d := db.content() // with no key left, too: walks may go through its tables
		d.sections = db.takeSections()
		ks.detach(d)
		db.tables, db.groups = fresh[i].tables, fresh[i].groups
		ks.signalAll(db)
	}
}

// FreeDetached has Reclaim free detached databases that are not wanted any more.
func (ks *Keyspace) FreeDetached(list []*DB) {
	for _, db := range list {
		ks.detach(db.content())
	}
}
