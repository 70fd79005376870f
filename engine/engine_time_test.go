package engine_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"kvorum/clock"
)

// A due time of exactly ten seconds from now, by the client's clock, must never
// leave more than ten seconds to live: the server's time may not lag behind.
func TestTimeDoesNotLagBehindTheClients(t *testing.T) {
	e := newEngine(t, clock.New())
	w, s := e.NewWorker(), e.NewSession(nil)
	for range 20_000 {
		due := time.Now().UnixMilli() + 10_000
		do(w, s, "SET k v PXAT "+strconv.FormatInt(due, 10))
		reply := strings.TrimSpace(strings.TrimPrefix(do(w, s, "PTTL k"), ":"))
		if left, err := strconv.ParseInt(reply, 10, 64); err != nil || left > 10_000 {
			t.Fatalf("PTTL %s for a key due in 10000 ms", reply)
		}
	}
}

// While a storm of expiry is worked off slice by slice, the lag must be visible:
// operators look at it, and compaction waits for its end.
func TestLagIsVisibleDuringAStorm(t *testing.T) {
	e := newEngine(t, clock.New())
	w, s := e.NewWorker(), e.NewSession(nil)
	const keys = 50_000
	due := time.Now().UnixMilli() + 1500
	for i := range keys {
		do(w, s, "SET k"+strconv.Itoa(i)+" v PXAT "+strconv.FormatInt(due, 10))
	}
	for time.Now().UnixMilli() < due+300 {
		time.Sleep(time.Millisecond) // nothing but time has to happen
	}
	for ns := int64(1); e.KS.DB(0).Len() == keys; {
		ns += w.Tick(ns)
	}
	if left := e.KS.DB(0).Len(); left == 0 || e.ExpireLagMs() < 100 { // two ticks of 64 ms may be cut off
		t.Errorf("%d keys left, lag %d ms", left, e.ExpireLagMs())
	}
}
