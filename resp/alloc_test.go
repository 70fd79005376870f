package resp

import (
	"strings"
	"testing"
)

// TestSteadyStateAllocatesNothing: I5.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	var p Parser
	var req Request
	lim := DefaultLimits()
	w := Writer{B: make([]byte, 0, 1<<14), Proto: 3}
	in := append(pipeline(8, "SET", "key", strings.Repeat("v", 200)), "GET \"a b\"\r\n"...)
	value := []byte("value")
	run := func() {
		for rest := in; len(rest) > 0; {
			// The first call sees a part only, as after a short read.
			p.Next(rest[:len(rest)/2], &req, &lim)
			p.Reset()
			n, _, _, _ := p.Next(rest, &req, &lim)
			rest = rest[n:]
		}
		w.B = w.B[:0]
		w.OK()
		w.Err("ERR some\r\nerror")
		w.Int(1 << 40)
		w.Bulk(value)
		w.BulkString("text")
		w.BulkInt(-5)
		w.Double(0.1)
		w.Double(1e300)
		w.Verbatim("txt", "text")
		w.BigNum("123")
		d := w.DeferLen()
		w.Bool(true)
		w.Null()
		w.SetDeferredMap(d, 1000)
	}
	run()
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
