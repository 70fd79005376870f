package engine

import (
	"math/bits"

	"kvorum/keyspace"
)

// lockSet is the one place where the locks of a command's keys are taken: the
// shards of all keys, each once, in ascending order, all before the first
// effect. So two commands never wait for each other.
type lockSet struct {
	words [keyspace.ShardCount / 64]uint64
	count int
	one   int // the only shard, when count is 1
}

// lock locks the shards of keys.
func (l *lockSet) lock(ks *keyspace.Keyspace, keys []keyspace.Key) {
	switch len(keys) {
	case 0:
		l.count = 0
		return
	case 1:
		l.count, l.one = 1, keyspace.ShardOf(keys[0].Hash)
		ks.Lock(l.one)
		return
	}
	l.count = len(keys)
	for i := range keys {
		s := keyspace.ShardOf(keys[i].Hash)
		l.words[s>>6] |= 1 << (s & 63)
	}
	for w, word := range l.words {
		for ; word != 0; word &= word - 1 {
			ks.Lock(w<<6 + bits.TrailingZeros64(word))
		}
	}
}

// holds reports whether lock locked a shard.
func (l *lockSet) holds(shard int) bool {
	if l.count <= 1 {
		return l.count == 1 && l.one == shard
	}
	return l.words[shard>>6]>>(shard&63)&1 != 0
}

// unlock unlocks what lock locked.
func (l *lockSet) unlock(ks *keyspace.Keyspace) {
	if l.count <= 1 {
		if l.count == 1 {
			ks.Unlock(l.one)
		}
		return
	}
	for w, word := range l.words {
		if word == 0 {
			continue
		}
		l.words[w] = 0
		for ; word != 0; word &= word - 1 {
			ks.Unlock(w<<6 + bits.TrailingZeros64(word))
		}
	}
}

// lendTellers has the worker told of changes in the shards that lock locked.
func (l *lockSet) lendTellers(ks *keyspace.Keyspace, t *keyspace.Teller) {
	if l.count <= 1 {
		if l.count == 1 {
			ks.LendTeller(l.one, t)
		}
		return
	}
	for w, word := range l.words {
		for ; word != 0; word &= word - 1 {
			ks.LendTeller(w<<6+bits.TrailingZeros64(word), t)
		}
	}
}

// returnTellers ends lendTellers.
func (l *lockSet) returnTellers(ks *keyspace.Keyspace) {
	if l.count <= 1 {
		if l.count == 1 {
			ks.ReturnTeller(l.one)
		}
		return
	}
	for w, word := range l.words {
		for ; word != 0; word &= word - 1 {
			ks.ReturnTeller(w<<6 + bits.TrailingZeros64(word))
		}
	}
}
