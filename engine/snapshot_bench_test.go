package engine_test

import (
	"fmt"
	"testing"

	"kvorum/clock"
)

// count is a sink that only counts.
type count struct{ bytes int }

// Keys implements snapshot.Sink.
func (c *count) Keys(_ int, b []byte, _ bool) error {
	c.bytes += len(b)
	return nil
}

// benchWalk measures the copying of a snapshot, per element or key.
func benchWalk(b *testing.B, lines []string, elements int) {
	e := newEngine(b, clock.New())
	w, s := e.NewWorker(), e.NewSession(nil)
	defer w.Close()
	for _, line := range lines {
		do(w, s, line)
	}
	now := int64(0)
	b.ResetTimer()
	for range b.N {
		sink := &count{}
		e.Exclusive(func() {
			snap, err := e.BeginSnapshot(&form)
			if err != nil {
				b.Fatal(err)
			}
			go func() { _ = snap.Run(sink) }()
			for more := true; more; {
				var n int
				if n, more = snap.Step(1 << 20); more && n == 0 {
					<-snap.Drained()
				}
			}
		})
		for len(e.Snapshots()) > 0 {
			now += 1_000_000_000
			w.Tick(now)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*elements), "ns/element")
}

func BenchmarkSnapshotHash(b *testing.B) {
	var lines []string
	for i := range 1000 {
		lines = append(lines, repeat("HSET h", fmt.Sprintf("field:%d:%%d value", i), 1000))
	}
	benchWalk(b, lines, 1_000_000)
}

func BenchmarkSnapshotKeys(b *testing.B) {
	var lines []string
	for i := range 1000 {
		lines = append(lines, repeat("MSET", fmt.Sprintf("key:%d:%%d value", i), 1000))
	}
	benchWalk(b, lines, 1_000_000)
}
