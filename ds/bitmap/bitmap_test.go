package bitmap

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

// The model is a slice with one element for each bit.

func toBits(b []byte) []byte {
	var out []byte
	for _, v := range b {
		for i := 7; i >= 0; i-- {
			out = append(out, v>>i&1)
		}
	}
	return out
}

func toBytes(list []byte) []byte {
	out := make([]byte, len(list)/8)
	for i, bit := range list {
		out[i/8] |= bit << (7 - i%8)
	}
	return out
}

func modelCount(list []byte) (n int64) {
	for _, bit := range list {
		n += int64(bit)
	}
	return n
}

func modelFind(list []byte, from, to int64, one bool) int64 {
	for i := from; i < to; i++ {
		if (list[i] == 1) == one {
			return i
		}
	}
	return -1
}

// fenced returns a copy of b in the middle of other bytes, and a check that
// these did not change.
func fenced(b []byte) (inner []byte, intact func() bool) {
	const margin = 16
	all := slices.Concat(bytes.Repeat([]byte{0xa5}, margin), b, bytes.Repeat([]byte{0xa5}, margin))
	return all[margin : margin+len(b)], func() bool {
		for i := range margin {
			if all[i] != 0xa5 || all[margin+len(b)+i] != 0xa5 {
				return false
			}
		}
		return true
	}
}

// check compares every function with the model on one slice and a second one,
// which is cut to the length of the first.
func check(t *testing.T, b, other []byte, from, to int64, width uint, v uint64) {
	t.Helper()
	list := toBits(b)
	size := int64(len(list))
	from, to = min(from, size), min(to, size)
	if got, want := Count(b), modelCount(list); got != want {
		t.Fatalf("Count %d, want %d of %x", got, want, b)
	}
	for _, one := range []bool{false, true} {
		if got, want := Find(b, one), modelFind(list, 0, size, one); got != want {
			t.Fatalf("Find %v %d, want %d in %x", one, got, want, b)
		}
		if got, want := FindRange(b, from, to, one), modelFind(list, from, to, one); got != want {
			t.Fatalf("FindRange %d %d %v %d, want %d in %x", from, to, one, got, want, b)
		}
	}
	want := int64(0)
	if from < to {
		want = modelCount(list[from:to])
	}
	if got := CountRange(b, from, to); got != want {
		t.Fatalf("CountRange %d %d %d, want %d of %x", from, to, got, want, b)
	}
	checkField(t, b, list, from, width, v)
	checkCombine(t, b, other[:min(len(other), len(b))])
}

func checkField(t *testing.T, b, list []byte, at int64, width uint, v uint64) {
	t.Helper()
	padded := append(slices.Clone(list), make([]byte, wordBits)...)
	want := uint64(0)
	for _, bit := range padded[at : at+int64(width)] {
		want = want<<1 | uint64(bit)
	}
	if got := Field(b, at, width); got != want {
		t.Fatalf("Field %d+%d %x, want %x of %x", at, width, got, want, b)
	}
	if got := Bit(b, at); got != padded[at] {
		t.Fatalf("Bit %d %d of %x", at, got, b)
	}
	if at >= int64(len(list)) {
		return
	}
	inner, intact := fenced(b)
	SetBit(inner, at, byte(v&1))
	changed := slices.Clone(list)
	changed[at] = byte(v & 1)
	if !bytes.Equal(inner, toBytes(changed)) || !intact() {
		t.Fatalf("SetBit %d %d of %x: %x", at, v&1, b, inner)
	}
	if at+int64(width) > int64(len(list)) {
		return
	}
	copy(inner, b)
	SetField(inner, at, width, v)
	changed = slices.Clone(list)
	for i := range width {
		changed[at+int64(i)] = byte(v >> (width - 1 - i) & 1)
	}
	if !bytes.Equal(inner, toBytes(changed)) || !intact() {
		t.Fatalf("SetField %d+%d %x of %x: %x", at, width, v, b, inner)
	}
}

func checkCombine(t *testing.T, b, src []byte) {
	t.Helper()
	padded := make([]byte, len(b))
	copy(padded, src)
	for name, f := range map[string]struct {
		got  func(dst []byte)
		want func(a, b byte) byte
	}{
		"And": {func(dst []byte) { And(dst, src) }, func(a, b byte) byte { return a & b }},
		"Or":  {func(dst []byte) { Or(dst, src) }, func(a, b byte) byte { return a | b }},
		"Xor": {func(dst []byte) { Xor(dst, src) }, func(a, b byte) byte { return a ^ b }},
		"Not": {Not, func(a, _ byte) byte { return ^a }},
	} {
		inner, intact := fenced(b)
		f.got(inner)
		for i := range inner {
			if want := f.want(b[i], padded[i]); inner[i] != want {
				t.Fatalf("%s: byte %d of %d is %x, want %x (%x and %x)", name, i, len(b), inner[i], want, b[i], padded[i])
			}
		}
		if !intact() {
			t.Fatalf("%s wrote outside of %d bytes", name, len(b))
		}
	}
}

// randomBytes are random, or nearly all zeros or ones, so that searches go far.
func randomBytes(r *rand.Rand, size int) []byte {
	b := make([]byte, size)
	fill := []byte{0, 0xff}[r.IntN(2)]
	sparse := r.IntN(3) > 0
	for i := range b {
		b[i] = byte(r.Uint32())
		if sparse {
			b[i] = fill
		}
	}
	for range r.IntN(3) {
		if size > 0 {
			b[r.IntN(size)] ^= 1 << r.IntN(8)
		}
	}
	return b
}

// TestAgreesWithModel would show a wrong mask at an end, a word read in the wrong
// order, or a loop that stops early: lengths run over all remainders.
func TestAgreesWithModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for size := range 200 {
		for range 20 {
			b, other := randomBytes(r, size), randomBytes(r, r.IntN(size+1))
			// Slices that do not begin with a word in memory.
			skip := min(r.IntN(8), size)
			n := int64(size*8 + 1)
			check(t, b[skip:], other, r.Int64N(n), r.Int64N(n), uint(1+r.IntN(64)), r.Uint64())
		}
	}
}

// TestEveryFieldAgreesWithModel runs over all widths and all positions in a byte.
func TestEveryFieldAgreesWithModel(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	b := make([]byte, 12)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	for width := uint(1); width <= 64; width++ {
		for at := int64(0); at <= int64(len(b)*8); at++ {
			checkField(t, b, toBits(b), at, width, r.Uint64())
		}
	}
}

func FuzzModel(f *testing.F) {
	f.Add([]byte("\x00\x00\xff\x10"), []byte("\xff"), uint16(3), uint16(17), uint8(5), uint64(21))
	f.Add(bytes.Repeat([]byte{0xff}, 70), []byte{}, uint16(0), uint16(560), uint8(63), uint64(1))
	f.Fuzz(func(t *testing.T, b, other []byte, from, to uint16, width uint8, v uint64) {
		check(t, b, other, int64(from), int64(to), uint(width%64)+1, v)
	})
}

// benchSize is a bitmap that fits no first-level cache.
const benchSize = 1 << 20

func BenchmarkKernels(b *testing.B) {
	ones, zeros, dst := bytes.Repeat([]byte{0xff}, benchSize), make([]byte, benchSize), make([]byte, benchSize)
	for name, f := range map[string]func(){
		"Count": func() { Count(ones) },
		"Find":  func() { Find(zeros, true) },
		"And":   func() { And(dst, ones) },
		"Xor":   func() { Xor(dst, ones) },
		"Not":   func() { Not(dst) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(benchSize)
			for b.Loop() {
				f()
			}
		})
	}
}
