package feed

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

// benchAppend appends 60-byte effects from some goroutines, each flushing
// after batch of them, with a cursor that reads behind. ns/op is wall time per
// effect of all goroutines together; the process's CPU time is what matters
// and is close to goroutines * ns/op.
func benchAppend(b *testing.B, goroutines, batch, spin int) {
	f := New(0, 1<<20)
	f.Enable()
	stop := make(chan struct{})
	var run, work sync.WaitGroup
	run.Go(func() { f.Run(stop) })
	name, key, value := []byte("SET"), []byte("key:000000001234"), bytes.Repeat([]byte("v"), 13)
	b.ReportAllocs()
	b.ResetTimer()
	cpu := cpuTime()
	for g := range goroutines {
		n := b.N / goroutines
		if g == 0 {
			n += b.N % goroutines
		}
		work.Go(func() {
			r := f.NewRing()
			own := uint64(1)
			for n > 0 {
				k := min(batch, n)
				for range k {
					for range spin {
						own = own*6364136223846793005 + 1442695040888963407
					}
					r.Append(0, name, key, value)
				}
				r.FlushLazy()
				r.Throttle()
				n -= k
			}
			r.Flush()
			r.Close()
			sink.Add(own)
		})
	}
	work.Wait()
	b.StopTimer()
	if cpu >= 0 {
		b.ReportMetric(float64(cpuTime()-cpu)/float64(b.N), "cpu-ns/op")
	}
	close(stop)
	run.Wait()
	if n, _ := f.Merged(); n != uint64(b.N) {
		b.Fatalf("merged %d of %d", n, b.N)
	}
}

// sink keeps the own work of the goroutines from being optimized away.
var sink atomic.Uint64

// ownWork is about 115 ns of computation, what a small command costs.
const ownWork = 100

func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct{ goroutines, batch int }{{1, 1}, {1, 16}, {2, 1}, {2, 16}, {4, 16}} {
		b.Run(fmt.Sprintf("g=%d/batch=%d", c.goroutines, c.batch), func(b *testing.B) {
			benchAppend(b, c.goroutines, c.batch, 0)
		})
		b.Run(fmt.Sprintf("g=%d/batch=%d/work", c.goroutines, c.batch), func(b *testing.B) {
			benchAppend(b, c.goroutines, c.batch, ownWork)
		})
	}
}

func BenchmarkAppendDisabled(b *testing.B) {
	r := New(0, 0).NewRing()
	name, key := []byte("DEL"), []byte("key:000000001234")
	for range b.N {
		r.Append(0, name, key)
	}
}

// BenchmarkAppendOnly leaves the merge out.
func BenchmarkAppendOnly(b *testing.B) {
	f := New(0, 0)
	f.Enable()
	r := f.NewRing()
	name, key, value := []byte("SET"), []byte("key:000000001234"), bytes.Repeat([]byte("v"), 13)
	for i := range b.N {
		r.Append(0, name, key, value)
		if i&511 == 0 {
			b.StopTimer()
			f.Merge()
			b.StartTimer()
		}
	}
}
