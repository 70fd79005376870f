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
