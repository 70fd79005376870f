package hash

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"kvorum/mem"
	"kvorum/object"
)

func word(r *rand.Rand) string {
	switch r.IntN(6) {
	case 0:
		return fmt.Sprint(r.IntN(1000))
	case 1:
		return strings.Repeat("x", r.IntN(300))
	case 2:
		return strings.Repeat("y", r.IntN(3000))
	}
	return fmt.Sprintf("w%d", r.IntN(200))
}

// Random commands under random limits must do what they do to a map, and give all
// memory back.
func TestHashEqualsModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	a := mem.NewArena()
	defer a.Close()
	for range 60 {
		lim := Limits{Entries: r.IntN(40), Value: r.IntN(200)}
		rec := New(a, []byte("key"), 0)
		model := map[string]string{}
		var buf []byte
		for range 400 {
			h := Open(rec)
			f, v := word(r), word(r)
			if r.IntN(3) == 0 {
				_, had := model[f]
				if h.Delete([]byte(f)) != had {
					t.Fatalf("deleting %q", f)
				}
				delete(model, f)
			} else {
				_, had := model[f]
				if h.Set([]byte(f), []byte(v), lim, &buf) == had {
					t.Fatalf("setting %q", f)
				}
				model[f] = v
			}
			h = Open(rec)
			f = word(r)
			var scratch [20]byte
			got, ok := h.Get([]byte(f), scratch[:])
			if want, has := model[f]; has != ok || string(got) != want {
				t.Fatalf("%q is %q, want %q", f, got, want)
			}
			if h.Len() != len(model) {
				t.Fatalf("%d fields, want %d", h.Len(), len(model))
			}
		}
		compare(t, rec, model)
		twin := object.Clone(a, rec, []byte("twin"), false, false)
		object.Free(rec)
		compare(t, twin, model)
		for !object.FreeSome(twin, 1) {
		}
		if n := a.UsedBytes(); n != 0 {
			t.Fatalf("%d bytes left", n)
		}
	}
}

func compare(t *testing.T, rec mem.Handle, model map[string]string) {
	t.Helper()
	h := Open(rec)
	var it Iter
	seen := 0
	for it.Start(&h); it.Next(); seen++ {
		if want, ok := model[string(it.Field())]; !ok || want != string(it.Value()) {
			t.Fatalf("%q is %q, want %q", it.Field(), it.Value(), want)
		}
	}
	if seen != len(model) {
		t.Fatalf("%d fields, want %d", seen, len(model))
	}
}
