package hash

import (
	"fmt"
	"math"
	"testing"

	"kvorum/mem"
	"kvorum/object"
	"kvorum/rng"
)

func fill(a *mem.Arena, size, entries int) Hash {
	h := Open(New(a, nil, 0))
	var buf []byte
	for i := range size {
		h.Set(fmt.Appendf(nil, "field %d", i), fmt.Append(nil, i), Limits{Entries: entries, Value: 64}, &buf)
	}
	return h
}

// Each field must be drawn, picked and chosen as often as the others, and with its
// value.
func TestRandomFieldsAreEven(t *testing.T) {
	a := mem.NewArena()
	defer a.Close()
	r := rng.New(1)
	var scratch [20]byte
	for _, c := range []struct{ size, entries int }{{1, 100}, {30, 100}, {1, 0}, {30, 0}, {500, 0}} {
		h := fill(a, c.size, c.entries)
		counts := [3]map[string]int{{}, {}, {}}
		note := func(i int, field, value []byte) {
			counts[i][string(field)]++
			if string(field) != "field "+string(value) {
				t.Fatalf("%q has %q", field, value)
			}
		}
		var p Picker
		p.Start(&h)
		const each = 100
		for range each * c.size {
			counts[0][string(h.Random(r, scratch[:]))]++
			p.Pick(r)
			note(1, p.Field, p.Value)
		}
		for range each {
			for _, count := range []int{0, 1, c.size / 10, c.size / 4} {
				n := 0
				h.Choose(r, count, func(f, v []byte) { note(2, f, v); n++ })
				if n != count {
					t.Fatalf("%d fields chosen, want %d", n, count)
				}
			}
			h.Choose(r, c.size, func(f, v []byte) { note(2, f, v) })
		}
		for i := range counts {
			total := 0
			for _, n := range counts[i] {
				total += n
			}
			mean := float64(total) / float64(c.size)
			for f, n := range counts[i] {
				if math.Abs(float64(n)-mean) > 6*math.Sqrt(mean) {
					t.Errorf("way %d of %d fields: %q came %d times, want about %.0f", i, c.size, f, n, mean)
				}
			}
			if len(counts[i]) != c.size {
				t.Errorf("way %d: %d fields of %d", i, len(counts[i]), c.size)
			}
		}
		object.Free(h.rec)
	}
}

// Scan must report each field that is there all the time.
func TestScanFindsWhatStays(t *testing.T) {
	a := mem.NewArena()
	defer a.Close()
	const size = 500
	h := fill(a, size, 0)
	var buf []byte
	seen := map[string]bool{}
	more := size
	for cursor, first := uint64(0), true; cursor != 0 || first; first = false {
		cursor = h.Scan(cursor, func(f, v []byte) { seen[string(f)+"="+string(v)] = true })
		for range 20 { // the table grows meanwhile
			h.Set(fmt.Appendf(nil, "more %d", more), nil, Limits{}, &buf)
			more++
		}
	}
	for i := range size {
		if s := fmt.Sprintf("field %d=%d", i, i); !seen[s] {
			t.Errorf("%s was not reported", s)
		}
	}
	object.Free(h.rec)
}
