package keyspace

// Teller is told of every change of a key, by whoever changes it, under the lock of
// the key's shard. Client-side caching lives on it.
//
// The teller of a shard belongs to the lock: who takes the lock for a command puts
// a teller of his own there, which knows whose command it is, and takes it away
// before he gives the lock back. In between the one that SetTellers gave is there.
type Teller struct {
	// Changed is called after the change. The bytes of the key are borrowed; db is
	// its database. It must take no lock that stands before the shard's.
	Changed func(db int, k Key)
}

// SetTellers makes t the teller of all shards, nil for none. The caller is exclusive.
func (ks *Keyspace) SetTellers(t *Teller) {
	ks.teller = t
	for i := range ks.shards {
		ks.shards[i].teller = t
	}
}

// LendTellers puts t into all shards until SetTellers or ReturnTellers. The caller is
// exclusive.
func (ks *Keyspace) LendTellers(t *Teller) {
	for i := range ks.shards {
		ks.shards[i].teller = t
	}
}

// ReturnTellers ends LendTellers.
func (ks *Keyspace) ReturnTellers() { ks.LendTellers(ks.teller) }

// LendTeller puts t into shard i, whose lock the caller holds and keeps until
// ReturnTeller.
func (ks *Keyspace) LendTeller(i int, t *Teller) { ks.shards[i].teller = t }

// ReturnTeller ends LendTeller.
func (ks *Keyspace) ReturnTeller(i int) { ks.shards[i].teller = ks.teller }
