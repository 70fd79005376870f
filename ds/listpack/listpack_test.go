package listpack

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// build returns the listpack of the values, each appended to the one before.
func build(values ...string) []byte {
	lp := New(make([]byte, EmptySize))
	for _, s := range values {
		lp = appendTo(lp, s)
	}
	return lp
}

func appendTo(lp []byte, s string) []byte {
	e := AppendEntry(nil, Of([]byte(s)))
	if len(e) != EntrySize(Of([]byte(s))) {
		panic(fmt.Sprintf("EntrySize of %q", s))
	}
	return Splice(make([]byte, len(lp)+len(e)), lp, End(lp), End(lp), e, 1)
}

// golden values, and the listpack that redis-server 7.0.15 made of them: RPUSH,
// then DUMP with rdbcompression no.
var goldenValues = []string{
	"", "a", strings.Repeat("x", 63), strings.Repeat("y", 64), strings.Repeat("z", 126), "0", "127", "128", "-1",
	"4095", "4096", "-4096", "-4097", "32767", "32768", "-32768", "-32769", "8388607", "8388608", "-8388608",
	"-8388609", "2147483647", "2147483648", "-2147483648", "-2147483649", "9223372036854775807",
	"-9223372036854775808", "9223372036854775808", "01", "-0", "+1", " 1", "1.5",
}

var goldenBytes = "b001000021008001816102bf" + strings.Repeat("78", 63) + "40e040" + strings.Repeat("79", 64) + "42e07e" +
	strings.Repeat("7a", 126) + "0180" +
	"00017f01c08002dfff02cfff02f1001003d00002f1ffef03f1ff7f03f200800004f1008003f2ff7fff04f2ffff7f04f30000800005f200008004" +
	"f3ffff7fff05f3ffffff7f05f4000000800000000009f30000008005f4ffffff7fffffffff09f4ffffffffffffff7f09f400000000000000800" +
	"993393232333337323033363835343737353830381482303103822d3003822b31038220310383312e3504ff"

const goldenLongHash = "e11befd711d03fa68c2a95c50e812b625bc5b3da4554bec4c46cf38bc3fdd730"

func TestBytesAreThoseOfRedis(t *testing.T) {
	if got := hex.EncodeToString(build(goldenValues...)); got != goldenBytes {
		t.Errorf("got  %s\nwant %s", got, goldenBytes)
	}
	long := build(strings.Repeat("q", 4095), strings.Repeat("r", 4096), strings.Repeat("s", 16382), strings.Repeat("t", 16380), "1")
	if sum := sha256.Sum256(long); hex.EncodeToString(sum[:]) != goldenLongHash {
		t.Errorf("long strings: %x", sum)
	}
}

// check compares a listpack with the values that it should hold, read in both
// directions.
func check(t *testing.T, lp []byte, want []string) {
	t.Helper()
	if n, ok := Validate(lp, false); !ok || n != len(want) || Count(lp) != len(want) || Size(lp) != len(lp) {
		t.Fatalf("valid %v, %d entries, count %d, want %d", ok, n, Count(lp), len(want))
	}
	var scratch [intDigits]byte
	p := HeaderSize
	for i, s := range want {
		at, ok := Seek(lp, i)
		back, _ := Seek(lp, i-len(want))
		if !ok || at != p || back != p {
			t.Fatalf("entry %d is at %d, Seek says %d and %d", i, p, at, back)
		}
		v, next := At(lp, p)
		if string(v.Bytes(scratch[:])) != s || v.Len() != len(s) || next != Next(lp, p) {
			t.Fatalf("entry %d is %q, want %q", i, v.Bytes(scratch[:]), s)
		}
		if Prev(lp, next) != p {
			t.Fatalf("entry %d: back from %d to %d, want %d", i, next, Prev(lp, next), p)
		}
		p = next
	}
	if p != End(lp) {
		t.Fatalf("entries end at %d of %d", p, End(lp))
	}
	if _, ok := Seek(lp, len(want)); ok {
		t.Fatal("an entry beyond the last")
	}
}

func TestReadsWhatItWrote(t *testing.T) {
	check(t, build(), nil)
	check(t, build(goldenValues...), goldenValues)
	long := []string{strings.Repeat("a", 127), strings.Repeat("b", 16383), strings.Repeat("c", 2097151), "7"}
	check(t, build(long...), long)
}

func randomValue(r *rand.Rand) string {
	switch r.IntN(4) {
	case 0:
		return fmt.Sprint(int64(r.Uint64()) >> r.IntN(64))
	case 1:
		return strings.Repeat("v", r.IntN(70))
	case 2:
		return strings.Repeat("w", r.IntN(5000))
	}
	return goldenValues[r.IntN(len(goldenValues))]
}

// Splices at random places, in place and to other memory, must do what the same
// do to a slice of strings.
func TestSpliceEqualsModel(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	lp, model := build(), []string(nil)
	for step := range 3000 {
		from := r.IntN(len(model) + 1)
		to := min(from+r.IntN(3), len(model))
		if len(model) > 60 {
			to = min(from+20, len(model))
		}
		var put []string
		var entries []byte
		for range r.IntN(3) {
			put = append(put, randomValue(r))
			entries = AppendEntry(entries, Of([]byte(put[len(put)-1])))
		}
		at, end := position(lp, from), position(lp, to)
		buf := make([]byte, len(lp)+len(entries)-(end-at))
		if r.IntN(2) == 0 { // in place
			buf = append(make([]byte, 0, len(lp)+len(entries)), lp...)
			lp = buf
			buf = buf[:cap(buf)]
		}
		lp = Splice(buf, lp, at, end, entries, len(put)-(to-from))
		model = append(append(append([]string(nil), model[:from]...), put...), model[to:]...)
		if step%50 == 0 {
			check(t, lp, model)
		}
	}
	check(t, lp, model)
}

func position(lp []byte, i int) int {
	if p, ok := Seek(lp, i); ok {
		return p
	}
	return End(lp)
}

func TestFindSkipsValues(t *testing.T) {
	lp := build("a", "b", "b", "a", "10", "a")
	for _, c := range []struct {
		value string
		step  int
		want  int
	}{{"a", 1, 0}, {"b", 1, 1}, {"b", 2, 2}, {"10", 2, 4}, {"10", 1, 4}, {"010", 1, -1}, {"a", 3, 0}, {"zz", 2, -1}} {
		p, ok := Find(lp, HeaderSize, Of([]byte(c.value)), c.step)
		if ok != (c.want >= 0) || ok && p != position(lp, c.want) {
			t.Errorf("%q every %d: %d %v, want entry %d", c.value, c.step, p, ok, c.want)
		}
	}
}

func TestManyEntriesAreWalked(t *testing.T) {
	const n = 70_000
	var entries []byte
	for range n {
		entries = AppendEntry(entries, Of([]byte("1")))
	}
	lp := build()
	lp = Splice(make([]byte, len(lp)+len(entries)), lp, HeaderSize, HeaderSize, entries, n)
	if Count(lp) != n {
		t.Fatalf("%d entries", Count(lp))
	}
	lp = Splice(lp[:cap(lp)], lp, HeaderSize, Next(lp, HeaderSize), nil, -1)
	if got, ok := Validate(lp, false); Count(lp) != n-1 || got != n-1 || !ok {
		t.Fatalf("%d entries after a deletion, valid %v", Count(lp), ok)
	}
}

// Whatever Validate accepts must be safe to read and must come out again byte for
// byte.
func FuzzValidate(f *testing.F) {
	f.Add(build())
	f.Add(build(goldenValues...))
	f.Add(build(strings.Repeat("r", 4096)))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, ok := Validate(b, false)
		if !ok {
			return
		}
		if Count(b) != n {
			t.Fatalf("%d entries, Count %d", n, Count(b))
		}
		p := HeaderSize
		for range n {
			v, next := At(b, p)
			if Prev(b, next) != p {
				t.Fatalf("back from %d to %d, want %d", next, Prev(b, next), p)
			}
			_ = v.Len()
			p = next
		}
		if p != End(b) {
			t.Fatalf("entries end at %d of %d", p, len(b))
		}
	})
}

func BenchmarkFind(b *testing.B) {
	values := make([]string, 0, 128)
	for i := range 64 {
		values = append(values, fmt.Sprintf("field:%02d", i), fmt.Sprintf("value-%08d", i))
	}
	lp := build(values...)
	v := Of([]byte("field:63"))
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := Find(lp, HeaderSize, v, 2); !ok {
			b.Fatal("lost")
		}
	}
}
