package keyspace

import (
	"math/rand/v2"
	"testing"
)

// What could break: a queue whose bit is not set is never found, and who waits in it is
// never served; a filter that is not made anew fills up with the bits of queues that are
// gone, and answers nothing.
func TestFilterOfWaitedKeys(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	w, f := &waited{byHash: make(map[uint64]*queue)}, new(waitFilter)
	var hashes []uint64
	const most = 100
	for step := range 20_000 {
		if len(hashes) > 0 && (len(hashes) == most || r.IntN(3) == 0) { // nearly full for most of the time
			i := r.IntN(len(hashes))
			delete(w.byHash, hashes[i])
			hashes[i] = hashes[len(hashes)-1]
			hashes = hashes[:len(hashes)-1]
		} else {
			q := &queue{key: Key{Hash: r.Uint64()}}
			w.put(q, f)
			hashes = append(hashes, q.key.Hash)
		}
		if step%100 == 0 {
			for _, h := range hashes {
				if !f.has(h) {
					t.Fatalf("step %d: the bit of %x is not set", step, h)
				}
			}
		}
	}
	wrong, asked := 0, 100_000
	for range asked {
		if f.has(r.Uint64()) {
			wrong++
		}
	}
	if wrong > asked/6 {
		t.Errorf("%d of %d answers are wrong", wrong, asked)
	}
}
