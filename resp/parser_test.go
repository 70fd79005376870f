package resp

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"
)

// smallLimits lets short inputs reach every limit.
func smallLimits() Limits { return Limits{MaxBulk: 40, MaxMultibulk: 20, MaxInline: 24} }

// feedIn feeds stream to a new parser, cutting reads at the given ends, and
// describes every request and error found. It fails t when the parser breaks
// a promise about consumed, need, Size or its input.
func feedIn(t *testing.T, stream []byte, lim Limits, ends ...int) []string {
	t.Helper()
	var p Parser
	var req Request
	var found []string
	from, wanted, skipped := 0, 0, 0
	for _, end := range append(ends, len(stream)) {
		for {
			// The input is a copy with other bytes behind it, so that reading
			// too far shows as a difference.
			in := append(slices.Clone(stream[from:end]), "0\r\n$1\r\n"...)[: end-from : end-from]
			n, ok, need, err := p.Next(in, &req, &lim)
			if !bytes.Equal(in, stream[from:end]) {
				t.Fatalf("parser wrote to its input %q", stream)
			}
			if n < 0 || n > len(in) {
				t.Fatalf("consumed %d of %d bytes of %q", n, len(in), stream)
			}
			if err != nil {
				return append(found, "error: "+err.Text)
			}
			if !ok {
				if need <= len(in) {
					t.Fatalf("need %d with %d bytes of %q", need, len(in), stream)
				}
				from, wanted, skipped = from+n, from+need, skipped+n
				break
			}
			if from+n < wanted {
				t.Fatalf("complete at %d though %d were needed: %q", from+n, wanted, stream)
			}
			if req.Size != n {
				t.Fatalf("size %d, consumed %d of %q", req.Size, n, stream)
			}
			checkBorrowed(t, in[:n], &req)
			found = append(found, fmt.Sprintf("%q inline=%v size=%d", req.Args, req.Inline, req.Size+skipped))
			from, skipped = from+n, 0
		}
	}
	return found
}

// checkBorrowed fails t unless the arguments lie in the request's own bytes.
func checkBorrowed(t *testing.T, in []byte, req *Request) {
	t.Helper()
	if len(req.Args) == 0 {
		t.Fatalf("request without arguments in %q", in)
	}
	home := in
	if req.Inline {
		home = req.words
	}
	for _, a := range req.Args {
		if cap(a) != len(a) {
			t.Fatalf("argument %q of %q has room for %d bytes", a, in, cap(a))
		}
		if len(a) == 0 {
			continue
		}
		low, at := uintptr(unsafe.Pointer(unsafe.SliceData(home))), uintptr(unsafe.Pointer(&a[0]))
		if at < low || at+uintptr(len(a)) > low+uintptr(len(home)) {
			t.Fatalf("argument %q lies outside %q", a, in)
		}
	}
}

// checkSplits parses stream whole, cut once at every boundary, and byte by
// byte; everything must agree with the dumb parser (I1, I2).
func checkSplits(t *testing.T, stream []byte, lim Limits) {
	t.Helper()
	want := dumbParse(stream, lim)
	if got := feedIn(t, stream, lim); !slices.Equal(got, want) {
		t.Fatalf("%q\n got %q\nwant %q", stream, got, want)
	}
	var every []int
	for i := 1; i < len(stream); i++ {
		every = append(every, i)
		if got := feedIn(t, stream, lim, i); !slices.Equal(got, want) {
			t.Fatalf("%q cut at %d\n got %q\nwant %q", stream, i, got, want)
		}
	}
	if got := feedIn(t, stream, lim, every...); !slices.Equal(got, want) {
		t.Fatalf("%q byte by byte\n got %q\nwant %q", stream, got, want)
	}
}

// dumbParser is the model: it follows what Redis does with a buffer that holds
// the whole stream, one step at a time and with no state but its place.
type dumbParser struct {
	s     []byte
	at    int // parsed up to here
	lim   Limits
	found []string
	over  bool // an error was found, or the end
}

func dumbParse(s []byte, lim Limits) []string {
	d := dumbParser{s: s, lim: lim}
	for from := 0; d.at < len(s) && !d.over; {
		var args [][]byte
		inline := s[d.at] != '*'
		if inline {
			args = d.inline()
		} else {
			args = d.multibulk()
		}
		if len(args) > 0 {
			d.found = append(d.found, fmt.Sprintf("%q inline=%v size=%d", args, inline, d.at-from))
			from = d.at
		}
	}
	return d.found
}

func (d *dumbParser) fail(text string) {
	d.found, d.over = append(d.found, "error: Protocol error: "+text), true
}

// line returns the bytes up to end and moves after it and skip more bytes.
func (d *dumbParser) line(end byte, skip int, tooBig string) []byte {
	for i := d.at; i < len(d.s) && i <= d.at+d.lim.MaxInline && d.s[i] != 0; i++ {
		if d.s[i] == end {
			if d.over = i+skip >= len(d.s); d.over {
				return nil
			}
			line := d.s[d.at:i]
			d.at = i + 1 + skip
			return line
		}
	}
	if d.over = true; len(d.s)-d.at > d.lim.MaxInline {
		d.fail(tooBig)
	}
	return nil
}

func (d *dumbParser) inline() [][]byte {
	line := d.line('\n', 0, "too big inline request")
	words, _, ok := AppendWords(nil, nil, bytes.TrimSuffix(line, []byte("\r")))
	if !ok {
		d.fail("unbalanced quotes in request")
		return nil
	}
	return words
}

// number reads what follows the first byte of line.
func number(line []byte) (n int64, ok bool) {
	_, err := fmt.Sscanf(string(line[1:]), "%d", &n)
	return n, err == nil && fmt.Sprint(n) == string(line[1:])
}

func (d *dumbParser) multibulk() (args [][]byte) {
	line := d.line('\r', 1, "too big mbulk count string")
	if d.over {
		return nil
	}
	count, ok := number(line)
	if !ok || count > int64(d.lim.MaxMultibulk) {
		d.fail("invalid multibulk length")
	} else if d.lim.Unauth && count > 10 {
		d.fail("unauthenticated multibulk length")
	}
	for ; count > 0 && !d.over; count-- {
		args = append(args, d.bulk())
	}
	if d.over {
		return nil
	}
	return args
}

func (d *dumbParser) bulk() []byte {
	first := d.at
	line := d.line('\r', 1, "too big bulk count string")
	if d.over {
		return nil
	}
	if d.s[first] != '$' {
		c := strings.NewReplacer("\r", " ", "\n", " ").Replace(string(d.s[first : first+1]))
		d.fail("expected '$', got '" + c + "'")
		return nil
	}
	size, ok := number(line)
	if !ok || size < 0 || size > d.lim.MaxBulk {
		d.fail("invalid bulk length")
		return nil
	}
	if d.lim.Unauth && size > 16384 {
		d.fail("unauthenticated bulk length")
		return nil
	}
	if d.over = int64(len(d.s)-d.at-2) < size; d.over {
		return nil
	}
	arg := d.s[d.at : d.at+int(size)]
	d.at += int(size) + 2
	return arg
}

var splitSeeds = []string{
	"*2\r\n$3\r\nGET\r\n$1\r\na\r\n*1\r\n$4\r\nPING\r\n",
	"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$12\r\nhello\r\nworld\r\n",
	"*0\r\n*-1\r\n\r\n\n  \r\nPING\r\n*1\r\n$4\r\nPING\r\n*0\r\n",
	"*12\r\n" + strings.Repeat("$1\r\nx\r\n", 12) + "PING\n",
	"*1\r\n$0\r\n\r\n*1\r\n$00\r\n\r\n",
	"*2\r\n$40\r\n" + strings.Repeat("y", 40) + "ab$41\r\n",
	"*1\r\n$10\r\n0123456789\r\nECHO \"a b\\x41\\n\" 'it\\'s'\r\n",
	"*21\r\n", "*2\rX$1\rYaXY$1\rZbZZ", "*1\r\nfoo\r\n", "*1\r\n\x00\r\n", "A\x00\n",
	"*1111111111111111111111111", "*1\r\n$1111111111111111111111111", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	"a \"b\"c\n", "*-9223372036854775808\r\n*9223372036854775808\r\n", "*1\r\n$9223372036854775807\r\n",
	"*1\r\n$-1\r\n", "*\r\n", "*1\r\n$\r\n", "*01\r\n", "*1\r\n$01\r\n", "\r", "\r\n\r", "*1\r\n$100\r\n",
}

// TestRequestsDoNotDependOnReads: I1 on a table; FuzzParser goes further.
func TestRequestsDoNotDependOnReads(t *testing.T) {
	for _, s := range splitSeeds {
		checkSplits(t, []byte(s), smallLimits())
		checkSplits(t, []byte(s), DefaultLimits())
	}
}

func FuzzParser(f *testing.F) {
	for _, s := range splitSeeds {
		f.Add([]byte(s), false)
	}
	f.Fuzz(func(t *testing.T, stream []byte, unauth bool) {
		if len(stream) > 200 {
			stream = stream[:200]
		}
		lim := smallLimits()
		lim.Unauth = unauth
		checkSplits(t, stream, lim)
	})
}

// TestNeedIsTheEndOfTheArgument: netloop reads a large argument straight into
// a buffer of the size asked for.
func TestNeedIsTheEndOfTheArgument(t *testing.T) {
	var p Parser
	var req Request
	lim := DefaultLimits()
	in := []byte("\r\n*2\r\n$3\r\nGET\r\n$1000\r\nabc")
	n, ok, need, err := p.Next(in, &req, &lim)
	if want := len(in) - 3 + 1000 + 2; n != 2 || ok || need != want || err != nil {
		t.Fatalf("consumed %d, ok %v, need %d want %d, error %v", n, ok, need, want, err)
	}
	n, ok, need, err = p.Next(in[2:], &req, &lim)
	if want := len(in) - 2 - 3 + 1000 + 2; n != 0 || ok || need != want || err != nil || !p.Pending() {
		t.Fatalf("consumed %d, ok %v, need %d want %d, error %v", n, ok, need, want, err)
	}
}

// TestAnnouncedLengthsReserveNothing: I3. A header's word must not make the
// parser allocate.
func TestAnnouncedLengthsReserveNothing(t *testing.T) {
	lim := DefaultLimits()
	for _, in := range []string{"*1048576\r\n", "*2147483647\r\n$3\r\nSET\r\n", "*2\r\n$3\r\nSET\r\n$536870912\r\nabc"} {
		var req Request
		var p Parser
		req.slots(1)
		b := []byte(in)
		if n := testing.AllocsPerRun(10, func() {
			p.Reset()
			if _, ok, _, err := p.Next(b, &req, &lim); ok || err != nil {
				t.Fatal(in, err)
			}
		}); n != 0 || cap(req.Args) > 16 {
			t.Errorf("%q: %v allocations, %d slots", in, n, cap(req.Args))
		}
	}
}

// TestLargeRequestInPiecesIsLinear: I4. A million arguments in pieces of 16 KB
// must cost about as much as at once; a parser that begins again with every
// piece takes some 400 times as long. The slots go when small requests return.
func TestLargeRequestInPiecesIsLinear(t *testing.T) {
	const count, piece = 1 << 20, 16 << 10
	in := append(AppendArrayHead(nil, count), bytes.Repeat([]byte("$3\r\nabc\r\n"), count)...)
	lim := DefaultLimits()
	var p Parser
	var req Request
	parse := func(step int) time.Duration {
		best := time.Duration(1 << 62)
		for range 3 {
			runtime.GC()
			start := time.Now()
			for end := min(step, len(in)); ; end = min(end+step, len(in)) {
				n, ok, _, err := p.Next(in[:end], &req, &lim)
				if err != nil || (n != 0) != ok {
					t.Fatal(n, ok, err)
				}
				if ok {
					break
				}
			}
			best = min(best, time.Since(start))
			if len(req.Args) != count {
				t.Fatalf("%d arguments", len(req.Args))
			}
		}
		return best
	}
	whole, pieces := parse(len(in)), parse(piece)
	t.Logf("whole %v, in pieces %v", whole, pieces)
	if pieces > 30*whole {
		t.Errorf("whole %v, in pieces %v", whole, pieces)
	}
	if _, ok, _, _ := p.Next([]byte("*1\r\n$4\r\nPING\r\n"), &req, &lim); !ok || cap(req.Args) > argsKeptMax {
		t.Errorf("%d slots kept", cap(req.Args))
	}
}

// TestLimitsLoweredWithinARequest: bytes accepted once stay accepted when the
// request ends after CONFIG SET proto-max-bulk-len.
func TestLimitsLoweredWithinARequest(t *testing.T) {
	var p Parser
	var req Request
	lim := DefaultLimits()
	in := []byte("*2\r\n$3\r\nGET\r\n$5\r\nhello\r\n")
	p.Next(in[:len(in)-1], &req, &lim)
	lim.MaxBulk, lim.MaxMultibulk = 2, 1
	if n, ok, _, err := p.Next(in, &req, &lim); n != len(in) || !ok || string(req.Args[1]) != "hello" {
		t.Fatal(n, ok, err)
	}
}

func TestWords(t *testing.T) {
	for line, want := range map[string]string{
		``:                        `[]`,
		"  a\tb  ":                `["a" "b"]`,
		`a"b c"`:                  `["ab c"]`,
		`"\x41\n\q\""`:            `["A\nq\""]`,
		`'a\'b\n'`:                `["a'b\\n"]`,
		`"" ''`:                   `["" ""]`,
		`"a"b`:                    `unbalanced`,
		`"a`:                      `unbalanced`,
		`'a`:                      `unbalanced`,
		"\v\fa\vb":                `["a\vb"]`,
		`save "3600 1" 'x' "\xZ"`: `["save" "3600 1" "x" "xZ"]`,
	} {
		words, _, ok := AppendWords(nil, nil, []byte(line))
		got := fmt.Sprintf("%q", words)
		if !ok {
			got = "unbalanced"
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", line, got, want)
		}
	}
}

// FuzzQuote: what AppendQuoted writes AppendWords reads back.
func FuzzQuote(f *testing.F) {
	f.Add([]byte("a\"\\\r\n\x00\xff\a\b\t"))
	f.Fuzz(func(t *testing.T, s []byte) {
		words, _, ok := AppendWords(nil, nil, AppendQuoted(nil, s))
		if !ok || len(words) != 1 || !bytes.Equal(words[0], s) {
			t.Fatalf("%q came back as %q", s, words)
		}
	})
}
