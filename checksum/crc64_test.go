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

func BenchmarkCRC64(b *testing.B) {
	buf := make([]byte, 64<<10)
	b.SetBytes(int64(len(buf)))
	for b.Loop() {
		CRC64(0, buf)
	}
}
