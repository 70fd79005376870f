package wheel

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"kvorum/mem"
)

const hourTicks = 56_250

func BenchmarkAdd(b *testing.B) {
	w := New(mem.NewArena(), 1_000_000)
	r := rand.New(rand.NewPCG(1, 1))
	var dues [1 << 12]uint64
	for i := range dues {
		dues[i] = 1_000_000 + r.Uint64N(hourTicks)
	}
	b.ResetTimer()
	for i := range b.N {
		if i&(1<<22-1) == 1<<22-1 {
			b.StopTimer()
			for !w.Free(1 << 20) {
			}
			b.StartTimer()
		}
		w.Add(dues[i&(len(dues)-1)], uint64(i))
	}
	b.StopTimer()
	for !w.Free(1 << 20) {
	}
}

// BenchmarkTake measures a ticket handed out, without cascades.
func BenchmarkTake(b *testing.B) {
	w := New(mem.NewArena(), 0)
	var dst [64]Ticket
	for i := 0; i < b.N; {
		b.StopTimer()
		for range 1 << 20 {
			w.Add(1, 1)
		}
		b.StartTimer()
		for n := 1; n > 0; i += n {
			n = w.Due(1, dst[:])
		}
	}
}

func BenchmarkIdle(b *testing.B) {
	w := New(mem.NewArena(), 0)
	w.Add(1<<30, 1)
	var dst [64]Ticket
	for i := range uint64(b.N) {
		w.Backlog(i)
		w.Due(i, dst[:])
	}
}

func BenchmarkSweep(b *testing.B) {
	w := New(mem.NewArena(), 0)
	for i := range uint64(1 << 20) {
		w.Add(i*i%3_000_000, i)
	}
	b.ResetTimer()
	for n := 0; n < b.N; n += 64 {
		w.Sweep(64, func(Ticket) bool { return true })
	}
}

// BenchmarkHour lets 10 M tickets of one wheel, spread over an hour, come out tick
// by tick: time per ticket with all cascades, cost of single calls, memory.
func BenchmarkHour(b *testing.B) {
	const tickets = 10_000_000
	for range b.N {
		b.StopTimer()
		a := mem.NewArena()
		now := uint64(27_343_750_000)
		w := New(a, now)
		r := rand.New(rand.NewPCG(1, 1))
		start := time.Now()
		for i := range uint64(tickets) {
			w.Add(now+1+r.Uint64N(hourTicks), i)
		}
		b.ReportMetric(float64(time.Since(start).Nanoseconds())/tickets, "add-ns")
		b.ReportMetric(float64(a.UsedBytes())/tickets, "B/ticket")
		var dst [32]Ticket
		costs := make([]time.Duration, 0, tickets/16)
		out := 0
		b.StartTimer()
		for range hourTicks {
			now++
			for n := 1; n > 0; out += n {
				start := time.Now()
				n = w.Due(now, dst[:])
				costs = append(costs, time.Since(start))
			}
		}
		b.StopTimer()
		if out != tickets {
			b.Fatalf("%d tickets came out", out)
		}
		slices.Sort(costs)
		for _, q := range []struct {
			name string
			at   float64
		}{{"p50-us", .5}, {"p99-us", .99}, {"p99.99-us", .9999}, {"max-us", 1}} {
			i := min(int(q.at*float64(len(costs))), len(costs)-1)
			b.ReportMetric(float64(costs[i].Nanoseconds())/1000, q.name)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/tickets, "ns/ticket")
		a.Close()
	}
}
