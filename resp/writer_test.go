package resp

import (
	"bufio"
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestWriterForms: every reply type in both protocols, as DEBUG PROTOCOL and
// ordinary commands of Redis 7.0.15 show them.
func TestWriterForms(t *testing.T) {
	for _, c := range []struct {
		write        func(w *Writer)
		resp2, resp3 string
	}{
		{func(w *Writer) { w.OK() }, "+OK\r\n", "+OK\r\n"},
		{func(w *Writer) { w.Simple("QUEUED") }, "+QUEUED\r\n", "+QUEUED\r\n"},
		{func(w *Writer) { w.Err("ERR no") }, "-ERR no\r\n", "-ERR no\r\n"},
		{func(w *Writer) { w.Err("-ERR a\r\nb\n\r\n") }, "-ERR a  b\r\n", "-ERR a  b\r\n"},
		{func(w *Writer) { w.ProtocolErr(ErrBulkLength) }, "-ERR Protocol error: invalid bulk length\r\n", "-ERR Protocol error: invalid bulk length\r\n"},
		{func(w *Writer) { w.Int(0) }, ":0\r\n", ":0\r\n"},
		{func(w *Writer) { w.Int(-1) }, ":-1\r\n", ":-1\r\n"},
		{func(w *Writer) { w.Int(math.MinInt64) }, ":-9223372036854775808\r\n", ":-9223372036854775808\r\n"},
		{func(w *Writer) { w.Bulk(nil) }, "$0\r\n\r\n", "$0\r\n\r\n"},
		{func(w *Writer) { w.Bulk([]byte("a\r\n")) }, "$3\r\na\r\n\r\n", "$3\r\na\r\n\r\n"},
		{func(w *Writer) { w.BulkInt(1024) }, "$4\r\n1024\r\n", "$4\r\n1024\r\n"},
		{func(w *Writer) { w.Null() }, "$-1\r\n", "_\r\n"},
		{func(w *Writer) { w.NullArray() }, "*-1\r\n", "_\r\n"},
		{func(w *Writer) { w.Array(3) }, "*3\r\n", "*3\r\n"},
		{func(w *Writer) { w.Map(3) }, "*6\r\n", "%3\r\n"},
		{func(w *Writer) { w.Set(3) }, "*3\r\n", "~3\r\n"},
		{func(w *Writer) { w.Push(2) }, "*2\r\n", ">2\r\n"},
		{func(w *Writer) { w.Bool(true) }, ":1\r\n", "#t\r\n"},
		{func(w *Writer) { w.Bool(false) }, ":0\r\n", "#f\r\n"},
		{func(w *Writer) { w.BigNum("123") }, "$3\r\n123\r\n", "(123\r\n"},
		{func(w *Writer) { w.Verbatim("txt", "hi") }, "$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n"},
		{func(w *Writer) { w.Verbatim("m", "hi") }, "$2\r\nhi\r\n", "=6\r\nm  :hi\r\n"},
		{func(w *Writer) { w.Double(3.141) }, "$5\r\n3.141\r\n", ",3.141\r\n"},
		{func(w *Writer) { w.Double(math.Inf(-1)) }, "$4\r\n-inf\r\n", ",-inf\r\n"},
		{func(w *Writer) { w.Double(math.NaN()) }, "$3\r\nnan\r\n", ",nan\r\n"},
		{func(w *Writer) { w.Double(math.Copysign(0, -1)) }, "$2\r\n-0\r\n", ",-0\r\n"},
	} {
		for proto, want := range map[uint8]string{0: c.resp2, 2: c.resp2, 3: c.resp3} {
			w := Writer{B: []byte("x"), Proto: proto}
			if c.write(&w); string(w.B) != "x"+want {
				t.Errorf("RESP%d: got %q, want %q", proto, w.B[1:], want)
			}
		}
	}
}

// TestSmallHeadersAgreeWithLargeOnes: the table and strconv meet at 1023.
func TestSmallHeadersAgreeWithLargeOnes(t *testing.T) {
	for n := range int64(2 * headCount) {
		want := ":" + strconv.FormatInt(n, 10) + "\r\n"
		if got := appendHead(nil, ':', n); string(got) != want || headSize(int(n)) != len(want) {
			t.Fatalf("got %q, want %q, size %d", got, want, headSize(int(n)))
		}
	}
}

// TestBulksOfEverySize: lengths cross every growth and table boundary.
func TestBulksOfEverySize(t *testing.T) {
	s := strings.Repeat("abcdefg", 200)
	for n := range len(s) {
		want := "$" + strconv.Itoa(n) + "\r\n" + s[:n] + "\r\n"
		var w Writer
		w.Bulk([]byte(s[:n]))
		w.BulkString(s[:n])
		if string(w.B) != want+want {
			t.Fatalf("size %d: got %q", n, w.B)
		}
	}
}

// TestDeferredHeaders: nested deferred headers of every width equal headers
// written in advance.
func TestDeferredHeaders(t *testing.T) {
	for _, n := range []int{0, 1, 9, 10, 99, 100, 1023, 1024, 5000} {
		for _, proto := range []uint8{2, 3} {
			got, want := Writer{Proto: proto}, Writer{Proto: proto}
			got.Int(1)
			want.Int(1)
			outer := got.DeferLen()
			want.Array(2)
			inner := got.DeferLen()
			want.Map(n)
			for i := range 2 * n {
				got.Int(int64(i))
				want.Int(int64(i))
			}
			got.SetDeferredMap(inner, n)
			set := got.DeferLen()
			got.SetDeferredSet(set, 0)
			want.Set(0)
			got.SetDeferredArray(outer, 2)
			if !bytes.Equal(got.B, want.B) {
				t.Fatalf("n %d RESP%d: got %q, want %q", n, proto, got.B, want.B)
			}
		}
	}
}

// TestDoublesOfRealServers compares with the replies of Redis 7.0.15 and
// Valkey 7.2.7 to ZSCORE under HELLO 3, ties and inexact digits included.
func TestDoublesOfRealServers(t *testing.T) {
	f, err := os.Open("testdata/doubles.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := 0
	for s := bufio.NewScanner(f); s.Scan(); {
		field := strings.Fields(s.Text())
		if strings.HasPrefix(s.Text(), "#") {
			continue
		}
		lines++
		u, err := strconv.ParseUint(field[0], 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		v := math.Float64frombits(u)
		w17, w := Writer{Proto: 3, Digits17: true}, Writer{Proto: 3}
		w17.Double(v)
		w.Double(v)
		if got, want := string(w17.B), ","+field[1]+"\r\n"; got != want {
			t.Errorf("%s: 7.0 form %q, want %q", field[0], got, want)
		}
		if got, want := string(w.B), ","+field[2]+"\r\n"; got != want {
			t.Errorf("%s: 7.2 form %q, want %q", field[0], got, want)
		}
	}
	if lines < 500 {
		t.Fatalf("only %d lines", lines)
	}
}

// TestDoublesReadBack: both forms of any double parse to the same double.
func TestDoublesReadBack(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	check := func(v float64) {
		if v != v {
			return
		}
		for _, s := range []string{string(AppendDouble(nil, v)), string(AppendDouble17(nil, v))} {
			if back, err := strconv.ParseFloat(s, 64); err != nil || back != v {
				t.Fatalf("%016x: %q reads as %v", math.Float64bits(v), s, back)
			}
		}
	}
	for i := range 20_000 {
		check(math.Float64frombits(r.Uint64()))
		check(math.Float64frombits(uint64(i))) // subnormal
	}
	for e := range 2047 { // powers of two and their neighbours
		for _, d := range []int64{-1, 0, 1} {
			check(math.Float64frombits(uint64(int64(e)<<52 + d)))
		}
	}
}
