package mem

import (
	"strings"
	"testing"
)

// recovered returns what fn panics with.
func recovered(fn func()) (msg string) {
	defer func() {
		if v := recover(); v != nil {
			msg, _ = v.(string)
		}
	}()
	fn()
	return "nothing"
}

// What every build checks must be found by every build, with the arena's
// mutex dropped: Stats would hang otherwise.
func TestMisuseIsFoundInAllBuilds(t *testing.T) {
	a, other, closed := NewArena(), NewArena(), NewArena()
	defer a.Close()
	defer other.Close()
	h := a.Alloc(40, KindOther)
	big := a.Alloc(1<<20, KindBlob)
	a.Free(big, KindBlob)
	a.flushQuarantine()
	closed.Close()
	tests := []struct {
		name, want string
		misuse     func()
	}{
		{"nil", "not a block", func() { a.Free(0, KindOther) }},
		{"nil, any arena", "not a block", func() { Free(0, KindOther) }},
		{"free pages", "not a block", func() { a.Free(big, KindBlob) }},
		{"foreign arena", "its span is of arena", func() { other.Free(h, KindOther) }},
		{"arena that is not open", "not open", func() { ownerOf(h, closed.id) }},
		{"size 0", "out of", func() { a.Alloc(0, KindOther) }},
		{"size too large", "out of", func() { a.Alloc(MaxBlock+1, KindOther) }},
		{"kind at alloc", "kind 6", func() { a.Alloc(1, KindCount) }},
		{"kind at free", "kind 6", func() { a.Free(h, KindCount) }},
	}
	for _, tt := range tests {
		if got := recovered(tt.misuse); !strings.Contains(got, tt.want) {
			t.Errorf("%s: recovered %q, want %q", tt.name, got, tt.want)
		}
		a.Stats()
		other.Stats()
	}
	if KindTicket.String() != "ticket" || KindCount.String() != "unknown" {
		t.Errorf("kinds are called %v, %v", KindTicket, KindCount)
	}
}

// When the range ends, Alloc must say so, must have taken nothing, and must
// go on once there is room again.
func TestRangeExhausted(t *testing.T) {
	settle(t)
	heap.mu.Lock()
	oldLimit := limitPage
	limitPage = max(heap.top, firstPage) + 4<<20>>pageShift
	heap.mu.Unlock()
	defer func() { limitPage = oldLimit }()
	a := NewArena()
	defer a.Close()
	var hs []Handle
	got := recovered(func() {
		for {
			hs = append(hs, a.Alloc(40000, KindBlob))
		}
	})
	if !strings.Contains(got, "exhausted") {
		t.Fatalf("recovered %q", got)
	}
	if s := a.Stats(); s.Total != int64(len(hs)*RoundSize(40000)) {
		t.Fatalf("%d blocks, %+v", len(hs), s)
	}
	validateHeap(t)
	validateArena(t, a)
	for _, h := range hs {
		a.Free(h, KindBlob)
	}
	a.Free(a.Alloc(100000, KindBlob), KindBlob)
	validateArena(t, a)
}
