package hll

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// twin is a HyperLogLog as slow and plain as can be: a register is an int, and a
// sparse string is a list of runs that is searched from its beginning and joined
// by the rule as it is written down.
type twin struct {
	regs  [RegisterCount]int
	runs  []twinRun // nil when dense
	dense bool
}

type twinRun struct{ rank, n int }

func newTwin() *twin { return &twin{runs: []twinRun{{0, RegisterCount}}} }

func runSize(r twinRun) int {
	if r.rank == 0 && r.n > 64 {
		return 2
	}
	return 1
}

func (w *twin) size(runs []twinRun) int {
	n := HeaderSize
	for _, r := range runs {
		n += runSize(r)
	}
	return n
}

func (w *twin) raise(index, rank, sparseMax int) bool {
	if w.regs[index] >= rank {
		return false
	}
	w.regs[index] = rank
	if w.dense {
		return true
	}
	if rank > 32 {
		w.dense = true
		return true
	}
	at, first := 0, 0
	for first+w.runs[at].n <= index {
		first += w.runs[at].n
		at++
	}
	old := w.runs[at]
	parts := []twinRun{{old.rank, index - first}, {rank, 1}, {old.rank, first + old.n - 1 - index}}
	var next []twinRun
	next = append(next, w.runs[:at]...)
	for _, p := range parts {
		if p.n > 0 {
			next = append(next, p)
		}
	}
	next = append(next, w.runs[at+1:]...)
	if size := w.size(next); size > w.size(w.runs) && size > sparseMax {
		w.dense = true
		return true
	}
	// Five steps from the run before the change; joining two runs is one of them.
	i := max(at-1, 0)
	for range 5 {
		if i+1 < len(next) && next[i].rank > 0 && next[i].rank == next[i+1].rank && next[i].n+next[i+1].n <= 4 {
			next[i].n += next[i+1].n
			next = append(next[:i+1], next[i+2:]...)
			continue
		}
		i++
	}
	w.runs = next
	return true
}

// bytes is the string with the cached cardinality marked as out of date.
func (w *twin) bytes() []byte {
	b := []byte("HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80")
	if w.dense {
		b[4] = 0
		b = append(b, make([]byte, DenseSize-HeaderSize)...)
		for i, v := range w.regs {
			for bit := range 6 {
				at := i*6 + bit
				b[HeaderSize+at/8] |= byte(v>>bit&1) << (at % 8)
			}
		}
		return b
	}
	for _, r := range w.runs {
		switch {
		case r.rank > 0:
			b = append(b, byte(0x80|(r.rank-1)<<2|(r.n-1)))
		case r.n > 64:
			b = append(b, byte(0x40|(r.n-1)>>8), byte(r.n-1))
		default:
			b = append(b, byte(r.n-1))
		}
	}
	return b
}

// TestStringsAreThoseOfATwin: the bytes after any sequence of raises, in any
// order, for several limits. A wrong search, split or join shows as a difference.
func TestStringsAreThoseOfATwin(t *testing.T) {
	for _, sparseMax := range []int{0, 20, 100, 3000, 20000} {
		for seed := range uint64(4) {
			r := rand.New(rand.NewPCG(seed, uint64(sparseMax)))
			w, b := newTwin(), AppendEmpty(nil)
			span := []int{RegisterCount, 300, 20, 5}[seed]
			for step := range 1500 {
				index, rank := r.IntN(span), 1+min(bitsRank(r), 40)
				if r.IntN(2000) == 0 {
					index = RegisterCount - 1
				}
				out, raised, ok := Raise(b, index, uint8(rank), int64(sparseMax))
				b = out
				if want := w.raise(index, rank, sparseMax); raised != want || !ok {
					t.Fatalf("max %d seed %d step %d: raised %v ok %v, want %v", sparseMax, seed, step, raised, ok, want)
				}
				Invalidate(b)
				if step%50 == 0 || step < 50 {
					if !bytes.Equal(b, w.bytes()) {
						t.Fatalf("max %d seed %d step %d: register %d to %d:\n%s\nwant\n%s", sparseMax, seed, step, index, rank, AppendRuns(nil, b), AppendRuns(nil, w.bytes()))
					}
				}
			}
			if err := Validate(b); err != nil {
				t.Errorf("max %d seed %d: %v", sparseMax, seed, err)
			}
		}
	}
}

func bitsRank(r *rand.Rand) int {
	n := 0
	for r.IntN(2) == 0 {
		n++
	}
	return n
}

// TestAscendingPlaceIsNoShortcut: registers raised in ascending order with the
// place of the last change end as with a fresh search for each.
func TestAscendingPlaceIsNoShortcut(t *testing.T) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 1))
		a := AppendEmpty(make([]byte, 0, 1<<16))
		for range r.IntN(400) {
			a, _, _ = Raise(a, r.IntN(RegisterCount), uint8(1+bitsRank(r)%5), 1<<20)
		}
		b := append(make([]byte, 0, 1<<16), a...)
		var p Place
		step := 6 + r.IntN(30)
		for i := r.IntN(step); i < RegisterCount; i += 1 + r.IntN(step) {
			rank := uint8(1 + bitsRank(r)%5)
			b, _, _ = Raise(b, i, rank, 1<<20)
			if p.Find(a, i, rank, 1<<20) == Raises {
				size := len(a)
				a = a[:size+max(p.Growth(), 0)]
				a = a[:p.Apply(a, size)]
			}
		}
		if !bytes.Equal(a, b) {
			t.Fatalf("seed %d:\n%s\nwant\n%s", seed, AppendRuns(nil, a), AppendRuns(nil, b))
		}
	}
}

// TestUnionsAreMaxima: merging, storing and counting registers of both
// representations against plain loops.
func TestUnionsAreMaxima(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	var want [RegisterCount]uint8
	union := new(Registers)
	for round := range 6 {
		b := AppendEmpty(nil)
		for range 1 + r.IntN(3000) {
			var element [8]byte
			binary.LittleEndian.PutUint64(element[:], r.Uint64())
			index, rank := Hash(element[:])
			b, _, _ = Raise(b, index, rank, 3000*int64(round%2))
			want[index] = max(want[index], rank)
		}
		if !union.Merge(b) {
			t.Fatal("corrupted")
		}
	}
	if *union != Registers(want) {
		t.Fatal("registers of the union differ")
	}
	b := AppendEmpty(make([]byte, 0, DenseSize))[:DenseSize]
	union.Store(b)
	for i, v := range want {
		if Register(b, i) != v {
			t.Fatalf("register %d is %d, want %d", i, Register(b, i), v)
		}
	}
	n, ok := Count(b)
	if !ok || n != union.Count() {
		t.Errorf("dense %d, union %d", n, union.Count())
	}
	var all []int
	for i := union.Next(0); i < RegisterCount; i = union.Next(i + 1) {
		all = append(all, i)
	}
	nonzero := 0
	for i, v := range want {
		if v != 0 {
			if nonzero >= len(all) || all[nonzero] != i {
				t.Fatalf("Next misses register %d", i)
			}
			nonzero++
		}
	}
}

// TestEstimates: the estimate is within the error that the method promises, and
// corrupted registers come to an end too.
func TestEstimates(t *testing.T) {
	for _, b := range [][]byte{AppendEmpty(nil)} {
		if n, ok := Count(b); n != 0 || !ok {
			t.Errorf("empty: %d %v", n, ok)
		}
	}
	full := append([]byte("HYLL\x00"), make([]byte, DenseSize-5)...)
	for i := range full[HeaderSize:] {
		full[HeaderSize+i] = 0xff
	}
	if n, ok := Count(full); n != 1<<63 || !ok {
		t.Errorf("all registers 63: %d %v", n, ok)
	}
	for i := range RegisterCount {
		for Register(full, i) != rankMax { // lower them all to the highest rank
			full = setForTest(full, i, rankMax)
		}
	}
	if n, _ := Count(full); float64(n) < math.Exp2(60) {
		t.Errorf("all registers at the highest rank: %d", n)
	}
	if err := SelfTest(1, 3000, 10, 200_000); err != nil {
		t.Error(err)
	}
	if err := SelfTest(2, 0, 1, 20); err != nil {
		t.Error(err)
	}
}

func setForTest(b []byte, i int, v uint8) []byte {
	for bit := range 6 {
		at := i*6 + bit
		b[HeaderSize+at/8] = b[HeaderSize+at/8]&^(1<<(at%8)) | v>>bit&1<<(at%8)
	}
	return b
}

// TestHash: hashes as Redis computes them, seen in strings that it wrote:
// PFADD h a b c gives the runs Z:8436 v:1,1 Z:4274 v:2,1 Z:3068 v:1,1 Z:603.
func TestHash(t *testing.T) {
	b := AppendEmpty(nil)
	for _, element := range []string{"a", "b", "c"} {
		index, rank := Hash([]byte(element))
		b, _, _ = Raise(b, index, rank, 3000)
	}
	if have, want := string(AppendRuns(nil, b)), "Z:8436 v:1,1 Z:4274 v:2,1 Z:3068 v:1,1 Z:603"; have != want {
		t.Errorf("%s, want %s", have, want)
	}
}

// FuzzAnyBytes: every entry point on any bytes that Check lets pass. What would
// read or write outside the string panics, for the slices have no room to spare.
func FuzzAnyBytes(f *testing.F) {
	f.Add([]byte("HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xff"), uint16(5), uint8(3))
	f.Add([]byte("HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f"), uint16(5), uint8(3))
	f.Add([]byte("HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x80\x84\x00\x88\x8c\x41\x10\x90\x94\x94\x94\x7f"), uint16(4), uint8(6))
	f.Add(append([]byte("HYLL\x00"), make([]byte, DenseSize-5)...), uint16(16383), uint8(63))
	f.Fuzz(func(t *testing.T, b []byte, index uint16, rank uint8) {
		b = slices.Clip(bytes.Clone(b))
		if !Check(b) {
			return
		}
		i, v := int(index)%RegisterCount, rank%rankMax+1
		n, ok := Count(b)
		r := new(Registers)
		merged := r.Merge(b)
		_ = r.Count()
		_ = r.Next(i)
		_ = AppendRuns(nil, b)
		_, _ = Cached(b)
		if IsDense(b) {
			if r.Count() != n || !ok || !merged {
				t.Fatalf("dense: %d %v, union %d %v", n, ok, r.Count(), merged)
			}
			SetDense(b, i, v)
			if Register(b, i) < v {
				t.Fatal("register not raised")
			}
			return
		}
		d, dense := AppendDense(nil, b)
		if dense != merged || dense != ok {
			t.Fatalf("dense %v, merged %v, counted %v", dense, merged, ok)
		}
		if dense {
			for i := range r {
				if Register(d, i) != r[i] {
					t.Fatalf("register %d: %d and %d", i, Register(d, i), r[i])
				}
			}
		}
		before := len(b)
		var p Place
		switch p.Find(b, i, v, math.MaxInt64) {
		case Raises:
			size := len(b)
			b = slices.Clip(append(b, make([]byte, max(p.Growth(), 0))...))
			b = b[:p.Apply(b, size)]
		default:
			b, _, _ = Raise(b, i, v, math.MaxInt64)
		}
		if ok && !IsDense(b) {
			if _, still := Count(b); !still {
				t.Fatalf("corrupted by raising %d to %d", i, v)
			}
		}
		if !Check(b) || len(b) > max(before+3, DenseSize) {
			t.Fatalf("%d bytes became %d", before, len(b))
		}
	})
}
