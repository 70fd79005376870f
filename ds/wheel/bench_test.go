package wheel

import (
	"math/rand"
	"slices"
	"testing"
	"time"

	"kvorum/mem"
)

func BenchmarkAdd(b *testing.B) {
	const hour = 56250
	w := New(mem.NewArena(), 1_000_000)
	r := rand.New(rand.NewSource(1))
	var dues [1 << 12]uint64
	for i := range dues {
		dues[i] = 1_000_000 + uint64(r.Intn(hour))
	}
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		if i%(1<<20) == 0 && i > 0 {
			b.StopTimer()
			for !w.Free(1 << 20) {
			}
			b.StartTimer()
		}
		w.Add(dues[i%len(dues)], uint64(i))
	}
	b.StopTimer()
	for !w.Free(1 << 20) {
	}
}

func BenchmarkDueOneTick(b *testing.B) {
	w := New(mem.NewArena(), 0)
	var dst [256]Ticket
	for i := 0; i < b.N; {
		b.StopTimer()
		for range 1 << 20 {
			w.Add(1, 1)
		}
		b.StartTimer()
		for ; i < b.N && w.Due(1, dst[:]) > 0; i += len(dst) {
		}
	}
	for !w.Free(1 << 20) {
	}
}

func BenchmarkIdleDue(b *testing.B) {
	w := New(mem.NewArena(), 0)
	w.Add(1<<30, 1)
	var dst [256]Ticket
	for i := range uint64(b.N) {
		w.Due(i&1023, dst[:])
	}
	for !w.Free(10) {
	}
}

func BenchmarkSweep(b *testing.B) {
	w := New(mem.NewArena(), 0)
	for i := range uint64(1 << 20) {
		w.Add(i*i%3_000_000, i)
	}
	b.ResetTimer()
	for n := 0; n < b.N; n += 1000 {
		w.Sweep(1000, keepAll)
	}
	for !w.Free(1 << 20) {
	}
}

// BenchmarkHour lets 10 M tickets spread over an hour come out, tick by tick.
// It reports the time per ticket, the costs of single calls and the memory.
func BenchmarkHour(b *testing.B) {
	const tickets, hour = 10_000_000, 56250
	for range b.N {
		b.StopTimer()
		a := mem.NewArena()
		w := New(a, 27_343_750_000)
		r := rand.New(rand.NewSource(1))
		now := w.pos
		for i := range uint64(tickets) {
			w.Add(now+1+uint64(r.Intn(hour)), i)
		}
		b.ReportMetric(float64(a.Stats().Used[mem.KindTicket])/tickets, "B/ticket")
		var dst [256]Ticket
		costs := make([]time.Duration, 0, 2*hour)
		out := 0
		b.StartTimer()
		for range hour {
			now++
			for n := len(dst); n == len(dst); out += n {
				start := time.Now()
				n = w.Due(now, dst[:])
				costs = append(costs, time.Since(start))
			}
		}
		b.StopTimer()
		if out != tickets {
			b.Fatalf("%d tickets came out", out)
		}
		reportCosts(b, costs)
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/tickets, "ns/ticket")
		a.Close()
	}
}

func reportCosts(b *testing.B, costs []time.Duration) {
	slices.Sort(costs)
	for _, q := range []struct {
		name string
		at   float64
	}{{"p50-us", .5}, {"p99-us", .99}, {"p99.9-us", .999}, {"max-us", 1}} {
		i := min(int(q.at*float64(len(costs))), len(costs)-1)
		b.ReportMetric(float64(costs[i].Nanoseconds())/1000, q.name)
	}
}
