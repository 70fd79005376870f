package servercmd

import (
	"kvorum/command"
	"kvorum/hist"
	"kvorum/resp"
)

var latencyHistogramSpec = &command.Spec{
	Name: "histogram", Since: "7.0.0", Group: "server", Complexity: "O(N) where N is the number of commands with latency information being retrieved.",
	Summary: "Tells how many calls of each command took up to how many microseconds.",
	Arity:   -2, Flags: command.Admin | command.NoScript | command.Loading | command.Stale,
	Tips: []string{"nondeterministic_output", "request_policy:all_nodes", "response_policy:special"},
	Args: []command.Arg{
		{Name: "command", Type: "string", Optional: true, Multiple: true},
	},
	Handler: latencyHistogram,
}

func latencyHistogram(c *command.Ctx) {
	host := c.Host
	rows := host.Table().Specs()
	if len(c.Args) > 2 {
		rows = nil
		for _, name := range c.Args[2:] {
			if s := find(host.Table(), name); s != nil {
				rows = append(append(rows, s), s.Subs...)
			}
		}
	}
	c.Sess.Task = func(w *resp.Writer) {
		measured := host.Latencies()
		n, at := 0, w.DeferLen()
		for _, s := range rows {
			if h := measured[s.ID]; h != nil {
				w.BulkString(s.FullName())
				writeHistogram(w, h)
				n++
			}
		}
		w.SetDeferredMap(at, n)
	}
}

// writeHistogram replies the calls below each power of two of (nearly)
// microseconds, running totals, without those where no call was added.
func writeHistogram(w *resp.Writer, h *hist.Histogram) {
	w.Map(2)
	w.BulkString("calls")
	w.Int(int64(h.Count()))
	w.BulkString("histogram_usec")
	n, at := 0, w.DeferLen()
	sum, told := uint64(0), uint64(0)
	top := histogramFirst
	tell := func() {
		if sum > told {
			w.Int(top.micros())
			w.Int(int64(sum))
			n++
			told = sum
		}
	}
	h.Each(func(slotTop int64, count uint64) {
		for slotTop > top.ns() {
			tell()
			top <<= 1
		}
		sum += count
	})
	tell()
	w.SetDeferredMap(at, n)
}

// histogramTop is an upper bound in the units of Redis's histogram: 1024 ns,
// doubled; with its 128 steps per doubling the last value that counts to it is
// a 128th more.
type histogramTop int64

const histogramFirst histogramTop = 1024

func (t histogramTop) ns() int64     { return int64(t+t/128) - 1 }
func (t histogramTop) micros() int64 { return t.ns() / 1000 }
