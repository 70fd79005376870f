package lzf

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

func roundTrip(t *testing.T, p *Packer, src []byte) {
	t.Helper()
	prefix := []byte("before")
	out, ok := p.Append(prefix, src, 2*len(src)+8)
	if !ok {
		t.Fatalf("%d bytes did not fit in twice as many", len(src))
	}
	if !bytes.HasPrefix(out, prefix) {
		t.Fatal("what was in dst is gone")
	}
	packed := out[len(prefix):]
	back := make([]byte, len(src))
	if !Unpack(back, packed) || !bytes.Equal(back, src) {
		t.Fatalf("%q came back as %q", src, back)
	}
	if len(src) > ExpandMax*len(packed) {
		t.Fatalf("%d bytes from %d", len(src), len(packed))
	}
	if len(packed) == 0 {
		return
	}
	if again, ok := p.Append(prefix, src, len(packed)); !ok || len(again) < len(prefix) {
		t.Fatal("did not fit exactly")
	}
	if again, ok := p.Append(prefix, src, len(packed)-1); ok || len(again) != len(prefix) {
		t.Fatal("fit in less than it takes")
	}
}

func TestRoundTrip(t *testing.T) {
	var p Packer
	r := rand.New(rand.NewPCG(3, 4))
	for _, s := range []string{"", "a", "aaa", "aaaa", strings.Repeat("a", 300), strings.Repeat("abc", 10000)} {
		roundTrip(t, &p, []byte(s))
	}
	for range 300 {
		b := make([]byte, r.IntN(20000))
		letters := 1 + r.IntN(255)
		for i := range b {
			b[i] = byte(r.IntN(letters))
			if back := r.IntN(9000) + 1; i > back && r.IntN(3) == 0 {
				b[i] = b[i-back]
			}
		}
		roundTrip(t, &p, b)
	}
}

// TestLongBase lets the places of earlier calls wrap.
func TestLongBase(t *testing.T) {
	var p Packer
	src := []byte(strings.Repeat("hello world ", 100))
	roundTrip(t, &p, src)
	p.base = 1<<32 - 3000
	for range 10 {
		roundTrip(t, &p, src)
	}
}

func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("aaaabbbbaaaabbbb"))
	var p Packer
	f.Fuzz(func(t *testing.T, src []byte) { roundTrip(t, &p, src) })
}

func FuzzUnpack(f *testing.F) {
	f.Add([]byte{0, 'a', 0xe0, 0xff, 0}, 300)
	f.Fuzz(func(t *testing.T, src []byte, size int) {
		if size < 0 || size > 1<<16 {
			return
		}
		dst := make([]byte, size, size+1)
		Unpack(dst, src)
	})
}

func BenchmarkPack(b *testing.B) {
	src := []byte(strings.Repeat("the quick brown fox 123 jumps over the lazy dog 456 ", 20))
	b.SetBytes(int64(len(src)))
	var p Packer
	var dst []byte
	for b.Loop() {
		dst, _ = p.Append(dst[:0], src, len(src))
	}
}

// BenchmarkPackRandom packs what cannot be packed.
func BenchmarkPackRandom(b *testing.B) {
	src := make([]byte, 1024)
	r := rand.New(rand.NewPCG(5, 6))
	for i := range src {
		src[i] = byte(r.Uint32())
	}
	b.SetBytes(int64(len(src)))
	var p Packer
	dst := make([]byte, 0, 2048)
	for b.Loop() {
		dst, _ = p.Append(dst[:0], src, len(src)-4)
	}
}

// BenchmarkPackText packs text that repeats words.
func BenchmarkPackText(b *testing.B) {
	words := strings.Fields("user name mail address street city country phone active since last seen order item price count total")
	r := rand.New(rand.NewPCG(7, 8))
	var src []byte
	for len(src) < 1024 {
		src = append(append(src, words[r.IntN(len(words))]...), byte('0'+r.IntN(10)), ':', byte('a'+r.IntN(26)), ',')
	}
	b.SetBytes(int64(len(src)))
	var p Packer
	dst := make([]byte, 0, 2048)
	for b.Loop() {
		dst, _ = p.Append(dst[:0], src, len(src)-4)
	}
}
