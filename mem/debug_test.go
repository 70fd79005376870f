//go:build race || memdebug

package mem

import (
	"strings"
	"testing"
)

// The checked twin must find each kind of misuse and say what it was. The
// arenas are left as they are: a broken one cannot be closed.
func TestTwinFindsMisuse(t *testing.T) {
	tests := []struct {
		name, want string
		misuse     func(a *Arena, h Handle) // h is a block of 40 bytes
	}{
		{"double free", "freed already", func(a *Arena, h Handle) { a.Free(h, KindOther); a.Free(h, KindOther) }},
		{"nil", "not a block", func(a *Arena, h Handle) { a.Free(0, KindOther) }},
		{"inside", "inside block", func(a *Arena, h Handle) { a.Free(h+1, KindOther) }},
		{"foreign arena", "is of arena", func(a *Arena, h Handle) { NewArena().Free(h, KindOther) }},
		{"never allocated", "never allocated", func(a *Arena, h Handle) { a.Free(h+6*3, KindOther) }},
		{"overrun", "overwritten", func(a *Arena, h Handle) { *(*byte)(at(h, 39, 1)) = 1; bytesPast(h, 41)[40] = 1; a.Free(h, KindOther) }},
		{"overrun at walk", "walk of", func(a *Arena, h Handle) { bytesPast(h, 41)[40] = 1; a.Walk(func(Handle, int) {}) }},
		{"late write", "after free at byte 3", func(a *Arena, h Handle) { a.Free(h, KindOther); bytesPast(h, 40)[3] = 1; a.MarkSparse(0, 1) }},
		{"late write, found at reuse", "after free at byte 13", func(a *Arena, h Handle) {
			a.Free(h, KindOther)
			a.MarkSparse(0, 1)
			bytesPast(h, 40)[13] = 1
			a.Alloc(40, KindOther)
		}},
		{"stale view", "freed or overrun", func(a *Arena, h Handle) { a.Free(h, KindOther); View(h, 8) }},
		{"long view", "bytes 0..41 of block", func(a *Arena, h Handle) { View(h, 41) }},
		{"load past end", "bytes 33..41", func(a *Arena, h Handle) { Load64(h+4, 1) }},
		{"load before start", "bytes -1..7", func(a *Arena, h Handle) { Load64(h, -1) }},
		{"beyond the range", "not in a block", func(a *Arena, h Handle) { Load64(Limit()+5, 0) }},
		{"size 0", "out of", func(a *Arena, h Handle) { a.Alloc(0, KindOther) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := NewArena()
			h := a.Alloc(40, KindOther)
			keep := a.Alloc(40, KindOther)
			defer func() {
				if got, _ := recover().(string); !strings.Contains(got, tt.want) {
					t.Fatalf("recovered %q, want %q", got, tt.want)
				}
				a.quarantine = quarantine{}
				a.Close() // also proves that the mutex was dropped
				_ = keep
			}()
			tt.misuse(a, h)
		})
	}
}

// bytesPast is a view without checks.
func bytesPast(h Handle, n int) []byte { return (*[1 << 16]byte)(Ptr(h))[:n:n] }

// Freed blocks must stay away for a while, or a late read finds plausible
// bytes.
func TestTwinQuarantinesFreedBlocks(t *testing.T) {
	a := NewArena()
	defer a.Close()
	h := a.Alloc(24, KindOther)
	a.Free(h, KindOther)
	for range quarantineBlocks - 1 {
		n := a.Alloc(24, KindOther)
		if n == h {
			t.Fatal("block reused at once")
		}
		a.Free(n, KindOther)
	}
}
