package resp

import (
	"bytes"
	"fmt"
	"testing"
)

// A reply that is cut anywhere is the same, headers filled in late included.
func TestCutRepliesAreTheSame(t *testing.T) {
	for _, size := range []int{1, 5, 40, 1 << 20} {
		var plain, cut Writer
		for _, w := range []*Writer{&plain, &cut} {
			step := func() {
				if w == &cut {
					w.Cut(size)
				}
			}
			w.BulkString("before")
			step()
			outer := w.DeferLen()
			for i := range 30 {
				step()
				inner := w.DeferLen()
				for j := range i {
					w.BulkString(fmt.Sprint("member", j))
					step()
				}
				w.SetDeferredArray(inner, i)
			}
			w.SetDeferredArray(outer, 30)
			w.Int(7)
		}
		if plain.Size() != cut.Size() {
			t.Errorf("cut at %d: %d bytes, want %d", size, cut.Size(), plain.Size())
		}
		to := Writer{B: []byte("+OK\r\n")}
		to.Move(&cut)
		want := append([]byte("+OK\r\n"), plain.B...)
		if have := bytes.Join(to.Take(), nil); !bytes.Equal(have, want) {
			t.Errorf("cut at %d:\n%q\nwant\n%q", size, have, want)
		}
		if to.Size() != 0 || cut.Size() != 0 {
			t.Error("something is left")
		}
	}
}
