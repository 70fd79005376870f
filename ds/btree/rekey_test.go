package btree

import (
	"math/rand/v2"
	"slices"
	"testing"

	"kvorum/mem"
)

// Entries that change their place must stand where a sorted slice has them, whether
// the leaf that they leave stays, merges or goes, or is that where they arrive.
func TestRekeyEqualsModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	a := mem.NewArena()
	defer a.Close()
	for round := range 12 {
		tree := New(number)
		var model []Entry
		few := uint64(1) << (2 * round) // first words are shared by many, or by none
		size := 1 + r.IntN(3000)
		for item := range size {
			e := Entry{r.Uint64N(few), uint64(item)}
			c := tree.Seek(Key{e.A, number(mem.Handle(e.B))})
			c.Insert(a, e)
			at, _ := slices.BinarySearchFunc(model, e, compare)
			model = slices.Insert(model, at, e)
		}
		narrow := max(few/16, 1)
		for step := range 2000 {
			at := r.IntN(len(model))
			if step/500%2 == 1 { // from the ends of leaves, most often the first
				at = at / 40 * 40
			}
			e := model[at]
			to := r.Uint64N(few)
			if step/1000%2 == 1 { // all gather at one end, and leaves elsewhere shrink
				to = r.Uint64N(narrow)
			}
			name := number(mem.Handle(e.B))
			tree.Rekey(a, Key{e.A, name}, Key{to, name}, mem.Handle(e.B))
			model = slices.Delete(model, at, at+1)
			moved := Entry{to, e.B}
			at, _ = slices.BinarySearchFunc(model, moved, compare)
			model = slices.Insert(model, at, moved)
			if c := tree.SeekItem(Key{to, name}, mem.Handle(e.B)); !c.Valid() || c.Entry() != moved || c.Position() != uint64(at) {
				t.Fatalf("step %d: %v is at %d, want %d", step, moved, c.Position(), at)
			}
			if step%250 == 0 {
				check(t, &tree, model)
			}
		}
		check(t, &tree, model)
		for !tree.Clear(a, 100, func(Entry) {}) {
		}
	}
}
