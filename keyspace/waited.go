package keyspace

import "kvorum/mem"

// waited is what one shard knows of the keys that are waited for: the queues. Each
// change of a key asks for its queue, and with a hundred thousand of them a map answers
// from several places of memory that no cache holds. So each shard has a waitFilter,
// too, that says of most other keys that they have none.
//
// I1: the bit of every queue's hash is set. Bits of queues that are gone stay until
// the filter is made anew, which happens when as many queues have come since the last
// time as there are, but not before filterFresh, so each costs O(1).
type waited struct {
	byHash map[uint64]*queue
	room   int // queues that may still come before the filter is made anew
}

// waitFilter has a bit for each key that is waited for. All filters take 256 KB, and
// their places are known without reading a shard, so that a batch can fetch them ahead.
// One is right for 95 % of the keys that nobody waits for when 100 000 others are waited
// for in all shards, and for 60 % at a million. It means nothing while the shard has
// no queues.
type waitFilter [filterWords]uint64

const (
	filterWords = 32
	filterFresh = 128
	filterShift = 42 // the hash bits above those that name the shard
)

func (f *waitFilter) word(hash uint64) *uint64 { return &f[hash>>(filterShift+6)%filterWords] }

func (f *waitFilter) mark(hash uint64) { *f.word(hash) |= 1 << (hash >> filterShift & 63) }

func (f *waitFilter) has(hash uint64) bool {
	return *f.word(hash)&(1<<(hash>>filterShift&63)) != 0
}

// queuesOf returns the queues of a hash, or nil. The caller holds the shard's lock.
func (ks *Keyspace) queuesOf(hash uint64) *queue {
	w := ks.shards[ShardOf(hash)].waited
	if w == nil || !ks.filters[ShardOf(hash)].has(hash) {
		return nil
	}
	return w.byHash[hash]
}

// queues returns the queues of a shard by their hash.
func (s *Shard) queues() map[uint64]*queue {
	if s.waited == nil {
		return nil
	}
	return s.waited.byHash
}

// put makes q the first queue of its hash. f is the filter of the same shard.
func (w *waited) put(q *queue, f *waitFilter) {
	hash := q.key.Hash
	w.byHash[hash] = q
	if w.room > 0 {
		w.room--
		f.mark(hash)
		return
	}
	w.room = max(filterFresh, len(w.byHash))
	*f = waitFilter{}
	for hash := range w.byHash {
		f.mark(hash)
	}
}

// TouchWaited begins to fetch what a change of the key of a hash will read while Waits.
// Safe from any goroutine: it reads nothing.
func (ks *Keyspace) TouchWaited(hash uint64) {
	mem.PrefetchWord(ks.filters[ShardOf(hash)].word(hash))
}
