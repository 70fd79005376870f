package listpack

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"kvorum/resp"
)

// Entries of all kinds, into replies with any room left, must become the bulk strings
// that the writer makes of them, and nothing beyond the listpack's block may be read.
func TestAppendBulks(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for range 500 {
		block := make([]byte, 1<<14)
		lp := New(block)
		var texts []string
		for range r.IntN(60) {
			text := strings.Repeat("v", r.IntN(66)) + "w"
			switch r.IntN(10) {
			case 0:
				text = fmt.Sprint(r.Int64() >> r.IntN(64))
			case 1:
				text = strings.Repeat("z", r.IntN(200))
			}
			texts = append(texts, text)
			v := Of([]byte(text))
			lp = Insert(lp, End(lp), v, EntrySize(v))
		}
		lp = block[:len(lp):min(len(block), len(lp)+r.IntN(80))]
		skip := r.IntN(len(texts) + 1)
		p, ok := Seek(lp, skip)
		if !ok {
			p = End(lp)
		}
		n := r.IntN(len(texts) - skip + 1)
		want := resp.Writer{B: []byte("before")}
		for _, text := range texts[skip : skip+n] {
			want.BulkString(text)
		}
		got := resp.Writer{B: append(make([]byte, 0, 6+r.IntN(1<<13)), "before"...)}
		for {
			if got.B, p, n = AppendBulks(got.B, lp, p, n); n == 0 {
				break
			}
			v, next := At(lp, p)
			got.Bulk(v.Bytes(make([]byte, 20)))
			p = next
			n--
		}
		if string(got.B) != string(want.B) {
			t.Fatalf("%q, want %q", got.B, want.B)
		}
	}
}
