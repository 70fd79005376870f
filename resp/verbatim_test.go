package resp

import (
	"bytes"
	"testing"
)

// What could break: the length that is told, the reply where it is cut.
func TestVerbatimPartsAreOneString(t *testing.T) {
	parts := [][]byte{[]byte("id=1 \n"), nil, []byte("id=2 \n"), []byte("id=3 \n")}
	text := bytes.Join(parts, nil)
	for _, proto := range []uint8{2, 3} {
		for _, size := range []int{1, 8, 1 << 20} {
			var one, cut Writer
			one.Proto, cut.Proto = proto, proto
			one.Verbatim("txt", string(text))
			cut.VerbatimParts("txt", parts, size)
			if have, want := bytes.Join(cut.Take(), nil), bytes.Join(one.Take(), nil); !bytes.Equal(have, want) {
				t.Errorf("RESP%d, chunks of %d: %q, want %q", proto, size, have, want)
			}
		}
	}
}
