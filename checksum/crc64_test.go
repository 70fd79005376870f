package checksum

import (
	"math/rand/v2"
	"testing"
)

func TestCRC64Known(t *testing.T) {
	if got := CRC64(0, []byte("123456789")); got != 0xe9c6d914c4b8d9ca {
		t.Fatalf("check value %#x", got)
	}
	if CRC64(0, nil) != 0 {
		t.Fatal("sum of nothing")
	}
}

// TestCRC64Parts sums the same bytes cut in two at every place.
func TestCRC64Parts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, 100)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	want := CRC64(0, b)
	for i := range b {
		if got := CRC64(CRC64(0, b[:i]), b[i:]); got != want {
			t.Fatalf("cut at %d: %#x, want %#x", i, got, want)
		}
	}
}

// TestCRC64Ways sums bytes of all lengths, from all offsets to a word, in the fast way
// and in the one that goes everywhere.
func TestCRC64Ways(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	b := make([]byte, 1000)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	for from := range 8 {
		for to := from; to <= len(b); to++ {
			crc := r.Uint64()
			if got, want := CRC64(crc, b[from:to]), byTables(crc, b[from:to]); got != want {
				t.Fatalf("%d bytes at %d after %#x: %#x, want %#x", to-from, from, crc, got, want)
			}
		}
	}
}

// TestCRC64Long sums more bytes than one step of the fast way takes.
func TestCRC64Long(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	b := make([]byte, 300_000)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	if got, want := CRC64(7, b), byTables(7, b); got != want {
		t.Fatalf("%#x, want %#x", got, want)
	}
}

func BenchmarkCRC64Tables(b *testing.B) {
	buf := make([]byte, 64<<10)
	b.SetBytes(int64(len(buf)))
	for b.Loop() {
		byTables(0, buf)
	}
}

func BenchmarkCRC64(b *testing.B) {
	buf := make([]byte, 64<<10)
	b.SetBytes(int64(len(buf)))
	for b.Loop() {
		CRC64(0, buf)
	}
}
