package engine_test

import (
	"strings"
	"testing"

	"kvorum/clock"
)

// Values longer than the walk may be ahead, as whole keys and in the parts of a
// collection: whoever waits for the queue to be shorter is woken, and so is the encoder,
// though there are few chunks. Without that the test hangs.
func TestSnapshotOfValuesLongerThanItsQueue(t *testing.T) {
	e := newEngine(t, clock.New())
	w, s := e.NewWorker(), e.NewSession(nil)
	defer w.Close()
	long := strings.Repeat("x", 9_000_000)
	bytes := 0
	for _, key := range []string{"a", "b", "c"} {
		do(w, s, "SET "+key+" "+long)
		do(w, s, repeat("HSET h-"+key, "field:%d x", 1000))
		do(w, s, "HSET h-"+key+" long "+long)
		bytes += 2 * len(long)
	}
	sink := &count{}
	e.Exclusive(func() {
		snap, err := e.BeginSnapshot(&form)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() { done <- snap.Run(sink) }()
		for more := true; more; {
			var n int
			if n, more = snap.Step(1 << 20); more && n == 0 {
				<-snap.Drained()
			}
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	if sink.bytes < bytes {
		t.Errorf("%d bytes, less than %d", sink.bytes, bytes)
	}
}
