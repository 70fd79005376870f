package table

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"kvorum/mem"
)

// What could break: a record lost or doubled by a split, a merge or the repair
// of an overflow chain; bits of a slot that do not follow their record; memory
// of the table that is not given back. The model is a Go map; records are
// blocks that hold their own hash, so the table can be checked without keys.

// twin is a table beside its model.
type twin struct {
	t     Table
	a     *mem.Arena
	model map[uint64]flags // hash -> bits of the slot
}

type flags struct{ visited, a, b bool }

// HashOf makes the twin the Hasher of its table.
func (tw *twin) HashOf(h mem.Handle) uint64 { return mem.Load64(h, 0) }

func newTwin(t testing.TB) *twin {
	a := mem.NewArena()
	t.Cleanup(a.Close)
	return &twin{a: a, model: make(map[uint64]flags)}
}

func (tw *twin) find(hash uint64) Slot {
	for p := tw.t.Probe(hash); p.Next(); {
		if mem.Load64(p.Handle(), 0) == hash {
			return p.Slot()
		}
	}
	return Slot{}
}

func (tw *twin) insert(hash uint64) {
	h := tw.a.Alloc(8, mem.KindRecord)
	mem.Store64(h, 0, hash)
	s := tw.t.Insert(tw.a, hash, h, tw)
	if s.Handle() != h {
		panic("Insert returned another slot")
	}
	tw.model[hash] = flags{}
}

func (tw *twin) delete(hash uint64, s Slot) {
	h := s.Handle()
	tw.t.Delete(tw.a, hash, s, tw)
	tw.a.Free(h, mem.KindRecord)
	delete(tw.model, hash)
}

func (tw *twin) check(t testing.TB) {
	t.Helper()
	if err := tw.t.Validate(tw); err != nil {
		t.Fatal(err)
	}
	if tw.t.Len() != len(tw.model) {
		t.Fatalf("Len %d, model %d", tw.t.Len(), len(tw.model))
	}
	for hash, f := range tw.model {
		s := tw.find(hash)
		if !s.OK() {
			t.Fatalf("hash %#x is lost", hash)
		}
		if got := (flags{s.Flag(Visited), s.Flag(SavedA), s.Flag(SavedB)}); got != f {
			t.Fatalf("hash %#x has bits %v, want %v", hash, got, f)
		}
	}
}

// step performs one operation chosen by the bytes.
func (tw *twin) step(op byte, hash uint64) {
	s := tw.find(hash)
	switch {
	case !s.OK():
		tw.insert(hash)
	case op%4 == 0:
		f := flags{op&16 != 0, op&32 != 0, op&64 != 0}
		s.SetFlag(Visited, f.visited)
		s.SetFlag(SavedA, f.a)
		s.SetFlag(SavedB, f.b)
		tw.model[hash] = f
	default:
		tw.delete(hash, s)
	}
}

// FuzzModel drives the table with few distinct hashes, so that chains form.
func FuzzModel(f *testing.F) {
	f.Add([]byte("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d"))
	f.Fuzz(func(t *testing.T, ops []byte) {
		tw := newTwin(t)
		for i := 0; i+2 < len(ops); i += 3 {
			// Low bits from one byte: many hashes share a bucket for long.
			hash := uint64(ops[i+1]&7) | uint64(ops[i+2])<<40 | uint64(ops[i+1])<<56
			tw.step(ops[i], hash)
		}
		tw.check(t)
		for !tw.t.Clear(tw.a, 1+len(ops)%3, func(h mem.Handle) { tw.a.Free(h, mem.KindRecord) }) {
		}
		if n := tw.a.UsedBytes(); n != 0 {
			t.Fatalf("%d bytes left after Clear", n)
		}
	})
}

func TestRandomOperationsEqualModel(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	tw := newTwin(t)
	known := make([]uint64, 0, 8192)
	for round := range 6 {
		grow := round%2 == 0
		for range 20000 {
			var hash uint64
			if len(known) > 0 && (!grow || r.IntN(4) == 0) {
				hash = known[r.IntN(len(known))]
			} else {
				hash = r.Uint64()
				known = append(known, hash)
			}
			tw.step(byte(r.Uint32()), hash)
		}
		tw.check(t)
	}
	for hash := range tw.model {
		tw.delete(hash, tw.find(hash))
	}
	tw.check(t)
	if tw.t.Buckets() > 1 {
		t.Errorf("an empty table keeps %d buckets", tw.t.Buckets())
	}
}

// TestScanReportsEveryStayingRecord scans while the table grows and shrinks
// under the cursor: each record there from start to end must be reported.
func TestScanReportsEveryStayingRecord(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 2))
	t.Logf("seed %d", seed)
	for _, start := range []int{0, 1, 5, 9, 100, 2000} {
		for _, drift := range []int{-40, -3, 0, 3, 40} {
			t.Run(fmt.Sprintf("start=%d,drift=%d", start, drift), func(t *testing.T) {
				tw := newTwin(t)
				stay := make(map[uint64]bool)
				for i := range start {
					hash := r.Uint64()
					tw.insert(hash)
					if i%2 == 0 {
						stay[hash] = true
					}
				}
				scanAll(t, tw, r, stay, drift)
			})
		}
	}
}

func scanAll(t *testing.T, tw *twin, r *rand.Rand, stay map[uint64]bool, drift int) {
	seen := make(map[uint64]bool)
	cursor, calls := uint64(0), 0
	for {
		cursor = tw.t.Scan(cursor, func(s Slot) { seen[mem.Load64(s.Handle(), 0)] = true })
		if cursor == 0 {
			break
		}
		if calls++; calls > 1_000_000 {
			t.Fatal("the scan does not end")
		}
		if calls < 400 {
			churn(tw, r, stay, drift)
		}
	}
	for hash := range stay {
		if !seen[hash] {
			t.Fatalf("record %#x stayed but was not reported (%d calls)", hash, calls)
		}
	}
}

// churn inserts drift records, or deletes -drift that need not stay.
func churn(tw *twin, r *rand.Rand, stay map[uint64]bool, drift int) {
	for ; drift > 0; drift-- {
		tw.insert(r.Uint64())
	}
	for hash := range tw.model {
		if drift >= 0 {
			return
		}
		if !stay[hash] {
			tw.delete(hash, tw.find(hash))
			drift++
		}
	}
}

func TestSampleReachesEveryRecord(t *testing.T) {
	tw := newTwin(t)
	r := rand.New(rand.NewPCG(1, 3))
	for range 50 {
		tw.insert(r.Uint64())
	}
	seen := make(map[uint64]int)
	for range 200000 {
		if s, ok := tw.t.Sample(r.Uint32(), r.Uint32()); ok {
			seen[mem.Load64(s.Handle(), 0)]++
		}
	}
	lo, hi := 1<<30, 0
	for hash := range tw.model {
		lo, hi = min(lo, seen[hash]), max(hi, seen[hash])
	}
	if lo == 0 || hi > 2*lo {
		t.Errorf("samples per record from %d to %d: not uniform", lo, hi)
	}
}

// TestSampleReachesLongChains: records that no split can part are in one chain,
// longer than the places that a draw usually has.
func TestSampleReachesLongChains(t *testing.T) {
	tw := newTwin(t)
	r := rand.New(rand.NewPCG(1, 5))
	for i := range uint64(4 * SlotCount) {
		tw.insert(7 | i<<40)
	}
	seen := make(map[uint64]bool)
	for range 100_000 {
		if s, ok := tw.t.Sample(r.Uint32(), r.Uint32()); ok {
			seen[mem.Load64(s.Handle(), 0)] = true
		}
	}
	if len(seen) != len(tw.model) {
		t.Errorf("%d of %d records were ever drawn", len(seen), len(tw.model))
	}
}

func TestMemoryPerRecord(t *testing.T) {
	tw := newTwin(t)
	r := rand.New(rand.NewPCG(1, 4))
	const n = 100_000
	base := tw.a.UsedBytes()
	for range n {
		tw.insert(r.Uint64())
	}
	perKey := float64(tw.a.UsedBytes()-base)/n - 8
	t.Logf("%.2f bytes of table per record, %d overflow buckets of %d", perKey, tw.t.Overflows(), tw.t.Buckets())
	if debugFree := mem.RoundSize(8) == 8; debugFree && perKey > 11.5 {
		t.Errorf("%.2f bytes of table per record, want at most 11.5", perKey)
	}
}

func TestFindAndReplaceAllocateNothing(t *testing.T) {
	tw := newTwin(t)
	r := rand.New(rand.NewPCG(1, 5))
	var hashes []uint64
	for range 10_000 {
		hashes = append(hashes, r.Uint64())
		tw.insert(hashes[len(hashes)-1])
	}
	i := 0
	if n := testing.AllocsPerRun(1000, func() {
		hash := hashes[i%len(hashes)]
		i++
		s := tw.find(hash)
		h := s.Handle()
		tw.t.Delete(tw.a, hash, s, tw)
		tw.t.Insert(tw.a, hash, h, tw)
	}); n != 0 {
		t.Errorf("%v allocations per delete and insert", n)
	}
}

func BenchmarkFindHit(b *testing.B) {
	tw := newTwin(b)
	r := rand.New(rand.NewPCG(1, 6))
	hashes := make([]uint64, 1<<20)
	for i := range hashes {
		hashes[i] = r.Uint64()
		tw.insert(hashes[i])
	}
	b.ResetTimer()
	for i := range b.N {
		tw.find(hashes[i&(1<<20-1)])
	}
}
