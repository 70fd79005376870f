package server

import (
	"testing"
	"time"
)

// A rate is the average over the last samples: a burst shows at once and is
// forgotten after as many samples.
func TestRateForgets(t *testing.T) {
	var r rate
	const elapsed = 100 * time.Millisecond
	r.note(1600, elapsed)
	if r.get() != 1000 {
		t.Errorf("after a burst of 1600 in 100 ms: %d per second, want 16000/16", r.get())
	}
	for range samples - 1 {
		r.note(1600, elapsed)
	}
	if r.get() != 1000 {
		t.Errorf("the burst is forgotten early: %d", r.get())
	}
	r.note(1600, elapsed)
	if r.get() != 0 {
		t.Errorf("the burst is not forgotten: %d", r.get())
	}
}

func TestHuman(t *testing.T) {
	for n, want := range map[int64]string{0: "0B", 1023: "1023B", 1024: "1.00K", 1536: "1.50K", 25276510208: "23.54G", 1 << 42: "4.00T"} {
		if have := human(n); have != want {
			t.Errorf("%d: %s, want %s", n, have, want)
		}
	}
}
