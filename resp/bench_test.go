package resp

import (
	"strings"
	"testing"
)

// pipeline returns about n requests of one kind back to back.
func pipeline(n int, args ...string) []byte {
	return []byte(strings.Repeat(string(AppendCommandStrings(nil, args...)), n))
}

func benchParse(b *testing.B, args ...string) {
	const batch = 64
	in := pipeline(batch, args...)
	var p Parser
	var req Request
	lim := DefaultLimits()
	b.ReportAllocs()
	for i := 0; i < b.N; {
		for rest := in; len(rest) > 0; i++ {
			n, ok, _, err := p.Next(rest, &req, &lim)
			if !ok || err != nil {
				b.Fatal(n, ok, err)
			}
			rest = rest[n:]
		}
	}
}

func BenchmarkParsePing(b *testing.B) { benchParse(b, "PING") }
func BenchmarkParseGet(b *testing.B)  { benchParse(b, "GET", "key:000000123456") }
func BenchmarkParseSet(b *testing.B) {
	benchParse(b, "SET", "key:000000123456", strings.Repeat("v", 32))
}
func BenchmarkParseSet512(b *testing.B) {
	benchParse(b, "SET", "key:000000123456", strings.Repeat("v", 512))
}
func BenchmarkParseMset20(b *testing.B) {
	args := []string{"MSET"}
	for range 20 {
		args = append(args, "key:000000123456")
	}
	benchParse(b, args...)
}

func benchWrite(b *testing.B, write func(w *Writer)) {
	w := Writer{B: make([]byte, 0, 1<<16)}
	b.ReportAllocs()
	for i := range b.N {
		if i&255 == 0 {
			w.B = w.B[:0]
		}
		write(&w)
	}
}

func BenchmarkWriteOK(b *testing.B)     { benchWrite(b, func(w *Writer) { w.OK() }) }
func BenchmarkWriteInt(b *testing.B)    { benchWrite(b, func(w *Writer) { w.Int(7) }) }
func BenchmarkWriteBigInt(b *testing.B) { benchWrite(b, func(w *Writer) { w.Int(1234567890) }) }
func BenchmarkWriteBulk32(b *testing.B) {
	s := []byte(strings.Repeat("v", 32))
	benchWrite(b, func(w *Writer) { w.Bulk(s) })
}
func BenchmarkWriteDouble(b *testing.B) {
	benchWrite(b, func(w *Writer) { w.Double(3.141592653589793) })
}
