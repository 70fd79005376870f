package table

import (
	"math/rand/v2"
	"testing"
)

// What could break: a record that is there from the first visit to the last and is
// missed, or given twice, because splits and merges moved it; one that came later and is
// given; a flag that is left behind.

func TestVisitMeetsEveryRecordOnce(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for round := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, round))
		tw := newTwin(t)
		for range 1 + r.IntN(3000) {
			tw.insert(r.Uint64())
		}
		walkTwin(t, tw, r, SavedA+Flag(round%2), round%5 == 0)
		walkTwin(t, tw, r, SavedA+Flag(round%2), false)
	}
}

// walkTwin walks over a table that grows and shrinks meanwhile, or gives up amid it.
func walkTwin(t *testing.T, tw *twin, r *rand.Rand, f Flag, giveUp bool) {
	t.Helper()
	want, got := make(map[uint64]bool), make(map[uint64]bool)
	for hash := range tw.model {
		want[hash] = true
	}
	grows := r.IntN(2) == 0
	at := uint64(0)
	for visits := 0; at < PlaceEnd; visits++ {
		if giveUp && visits > 20 {
			at = tw.t.ClearFlags(at, f)
		} else {
			left := r.IntN(12)
			at = tw.t.Visit(at, f, tw, func(s Slot) bool {
				hash := tw.HashOf(s.Handle())
				if got[hash] || !want[hash] {
					t.Fatalf("%#x is given, again %v, was there %v", hash, got[hash], want[hash])
				}
				got[hash] = true
				left--
				return left > 0
			})
		}
		for range r.IntN(6) {
			changeTwin(tw, r, f, at, want, got, grows)
		}
	}
	for hash := range want {
		if !giveUp && !got[hash] {
			t.Fatalf("%#x was never given", hash)
		}
	}
	for i := range tw.t.Buckets() {
		tw.t.Walk(i, func(s Slot) {
			if s.Flag(f) {
				t.Fatal("a flag is left")
			}
		})
	}
	if err := tw.t.Validate(tw); err != nil {
		t.Fatal(err)
	}
}

// changeTwin inserts or deletes a record as an owner does who keeps what goes.
func changeTwin(tw *twin, r *rand.Rand, f Flag, at uint64, want, got map[uint64]bool, grows bool) {
	if r.IntN(4) == 0 != grows {
		hash := r.Uint64()
		tw.insert(hash)
		if Place(hash) >= at {
			tw.find(hash).SetFlag(f, true)
		}
		return
	}
	for hash := range tw.model {
		s := tw.find(hash)
		if Place(hash) >= at && !s.Flag(f) {
			got[hash] = true // taken out of turn
		}
		delete(want, hash)
		tw.delete(hash, s)
		return
	}
}
