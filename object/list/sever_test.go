package list

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"kvorum/mem"
	"kvorum/object"
)

// Large ranges at the ends of a list go to a record of their own, which has just what is
// gone: what stays is the list without them, however it is cut.
func TestLongRangesAreCutOff(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	a := mem.NewArena()
	defer a.Close()
	var buf []byte
	for range 30 {
		lim := Limits{Entries: 1 + r.IntN(60), Depth: r.IntN(3)}
		rec := New(a, []byte("key"), 0)
		var l List
		l.Open(rec, lim, &buf)
		var model []string
		for i := range 3000 + r.IntN(6000) {
			model = append(model, fmt.Sprintf("this is the entry %d", i))
			l.Grow(1, len(model[i]))
			l.Push([]byte(model[i]), false)
		}
		severed := 0
		for len(model) > 0 {
			l.Open(rec, lim, &buf)
			n := len(model)
			from, count := 0, min(n, r.IntN(2000))
			switch r.IntN(4) {
			case 0:
				from = n - count
			case 1:
				from = r.IntN(n - count + 1)
			case 2:
				count = min(n, 1+r.IntN(n))
			}
			rest := l.DeleteRange(from, count)
			model = append(model[:from:from], model[from+count:]...)
			compare(t, &l, model)
			if rest == 0 {
				continue
			}
			severed++
			var gone List
			gone.Open(rest, lim, &buf)
			if gone.Len() > count || gone.Len() == 0 {
				t.Fatalf("%d entries of %d are cut off", gone.Len(), count)
			}
			for !object.FreeSome(rest, 3) {
			}
		}
		if severed == 0 {
			t.Error("no range was cut off")
		}
		object.Free(rec)
		if n := a.UsedBytes(); n != 0 {
			t.Fatalf("%d bytes left", n)
		}
	}
}
