//go:build linux

package main

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestHistogramIsCloseAndExactAtTheMaximum(t *testing.T) {
	h := &hist{}
	for v := int64(1); v <= 1_000_000; v++ {
		h.add(v, 1)
	}
	for _, q := range []float64{0.001, 0.5, 0.99, 0.999, 1} {
		want := q * 1_000_000
		got := float64(h.quantile(q))
		if got < want || got > want*1.008 {
			t.Errorf("quantile %v = %v, want %v to %v", q, got, want, want*1.008)
		}
	}
	h.add(math.MaxInt64, 1)
	if h.maxNs != math.MaxInt64 {
		t.Errorf("max = %d", h.maxNs)
	}
}

func TestHistogramBucketsAreContiguous(t *testing.T) {
	for b := range histBuckets {
		up := histUpper(b)
		if histBucket(up) != b {
			t.Fatalf("upper bound %d of bucket %d lies in bucket %d", up, b, histBucket(up))
		}
		if up < histMaxNs && histBucket(up+1) != b+1 {
			t.Fatalf("%d lies in bucket %d, want %d", up+1, histBucket(up+1), b+1)
		}
	}
}

func TestWindowsBetween(t *testing.T) {
	w := windows{width: 10 * time.Millisecond}
	for ms := range 100 {
		w.add(time.Duration(ms)*time.Millisecond, int64(ms), 1)
	}
	if n := w.between(20*time.Millisecond, 40*time.Millisecond).n; n != 20 {
		t.Errorf("two windows hold %d, want 20", n)
	}
	if n := w.between(25*time.Millisecond, 26*time.Millisecond).n; n != 10 {
		t.Errorf("a part of a window holds %d, want the whole 10", n)
	}
}

func TestRequestFillsItsHoles(t *testing.T) {
	r := newRequest("SET", "key:"+holeKey+"{x}", "v", "PXAT", holeTime)
	src := &source{sequential: true, low: 7, count: 2, timeLow: 1700000000000, state: 1}
	got := string(r.fill(r.repeat(3), 3, src))
	one := "*5\r\n$3\r\nSET\r\n$19\r\nkey:%s{x}\r\n$1\r\nv\r\n$4\r\nPXAT\r\n$13\r\n1700000000000\r\n"
	var want strings.Builder
	for _, k := range []string{"000000000007", "000000000008", "000000000007"} {
		fmt.Fprintf(&want, one, k)
	}
	if got != want.String() {
		t.Errorf("got  %q\nwant %q", got, want.String())
	}
}

// A reply stream must count the same however the kernel cuts it.
func TestReplyCounterAtEveryCut(t *testing.T) {
	stream := "+OK\r\n$3\r\na\r\n\r\n$-1\r\n:5\r\n*3\r\n$1\r\nx\r\n*2\r\n:1\r\n:2\r\n$-1\r\n*0\r\n*-1\r\n-ERR no\r\n" +
		"%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n_\r\n$0\r\n\r\n>2\r\n+x\r\n+y\r\n,1.5\r\n#t\r\n"
	const want = 13
	for cut := 0; cut <= len(stream); cut++ {
		for second := cut; second <= len(stream); second += 7 {
			var c replyCounter
			n := 0
			for _, part := range []string{stream[:cut], stream[cut:second], stream[second:]} {
				k, err := c.feed([]byte(part))
				if err != nil {
					t.Fatalf("cuts %d, %d: %v", cut, second, err)
				}
				n += k
			}
			if n != want || c.errors != 1 || c.firstErr != "ERR no" {
				t.Fatalf("cuts %d, %d: %d replies, %d errors (%s), want %d, 1", cut, second, n, c.errors, c.firstErr, want)
			}
		}
	}
}

func TestReplyCounterRefusesNonsense(t *testing.T) {
	for _, s := range []string{"hello\r\n", "$x\r\n", "+OK\n", "\r\n"} {
		var c replyCounter
		if _, err := c.feed([]byte(s)); err == nil {
			t.Errorf("%q: no error", s)
		}
	}
}

func TestParseProc(t *testing.T) {
	stat := "42 (a) b (c)) S 1 42 42 0 -1 4194560 1 2 3 4 150 25 3 4 20 0 4 0 100 200 300"
	if own, reaped, err := parseProcessCPU([]byte(stat)); err != nil || own != 175*nsPerTick || reaped != 7*nsPerTick {
		t.Errorf("CPU = %d, %d, %v", own, reaped, err)
	}
	if _, _, err := parseProcessCPU([]byte("garbage")); err == nil {
		t.Error("garbage: no error")
	}
	total := "cpu  1 2 3 1000 5 60 700 8 0 0\ncpu0 ...\n"
	for irq, want := range map[bool]int64{false: 14, true: 774} {
		if ns, err := parseBusy([]byte(total), irq); err != nil || ns != want*nsPerTick {
			t.Errorf("busy (irq %v) = %d, %v, want %d ticks", irq, ns, err, want)
		}
	}
}

func TestParseStandardCSV(t *testing.T) {
	out := "WARNING: Could not fetch server CONFIG\n\"test\",\"rps\",\"avg_latency_ms\"\n\"SETEX key:__rand_int__ 1, x\",\"697674.38\",\"1.065\"\n"
	if rps, err := parseStdCSV(out); err != nil || rps != 697674.38 {
		t.Errorf("rps = %v, %v", rps, err)
	}
	if _, err := parseStdCSV("nothing"); err == nil {
		t.Error("no table: no error")
	}
}

func TestJudge(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	others := map[string]float64{"one": 100}
	for _, c := range []struct {
		m          must
		ours, peer float64
		want       bool
	}{
		{must{kind: ratioAtLeast, bound: 1.4}, 140, 100, true},
		{must{kind: ratioAtLeast, bound: 1.4}, 139, 100, false},
		{must{kind: ratioAtMost, bound: 0.5}, 50, 100, true},
		{must{kind: ratioAtMost, bound: 0.5}, 51, 100, false},
		{must{kind: ratioAtMost, bound: 0.5}, 51, inf, true},
		{must{kind: ratioAtMost, bound: 0.5}, inf, inf, false},
		{must{kind: ratioAtMost, bound: 0.5}, 51, nan, false},
		{must{kind: oursAtMost, bound: 2}, 2, 0, true},
		{must{kind: oursAtMost, bound: 2}, inf, 0, false},
		{must{kind: oursAtLeast, bound: 2}, 1, 0, false},
		{must{kind: notBelow, bound: 0.95, other: "one"}, 95, 0, true},
		{must{kind: notBelow, bound: 0.95, other: "one"}, 94, 0, false},
		{must{kind: notBelow, bound: 0.95, other: "missing"}, 94, 0, false},
	} {
		if got := c.m.holds(c.ours, c.peer, others); got != c.want {
			t.Errorf("%s with %v against %v: %v", c.m.text(), c.ours, c.peer, got)
		}
	}
}

func TestReportShowsFailuresAndGaps(t *testing.T) {
	s := &scenario{name: "s", doc: "d", rows: []row{
		{"a", "A", "ms", []must{{kind: ratioAtMost, bound: 1}}},
		{"b", "B", "ms", []must{{kind: oursAtMost, bound: 1}}},
		{"c", "C", "ms", nil},
	}}
	o := newOutcome(s)
	o.selected = []int{0, 1, 2}
	o.values[sideOurs] = map[string][]float64{"a": {3, 1, 2}, "c": {1}}
	o.values[sidePeer] = map[string][]float64{"a": {1}, "b": {7}, "c": {math.Inf(1)}}
	o.foreign = []float64{3, 20}
	text := renderReport(&options{rounds: 3}, []string{"fact"}, []*outcome{o})
	for _, want := range []string{
		"| s/a | A | ms | 2 [1-3] | 1 | 2.00 | ≤ 1 × | **fail** | 20 % |",
		"| s/b | B | ms | n/a | 7 | - | ≤ 1 | **no data** | 20 % |",
		"| s/c | C | ms | 1 | never | - |  | - | 20 % |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no line %q in\n%s", want, text)
		}
	}
	if broken, failed := verdictCounts(&options{}, []*outcome{o}); broken != 0 || failed != 2 {
		t.Errorf("counts %d, %d", broken, failed)
	}
}

func TestMedian(t *testing.T) {
	if m := median([]float64{4, 1, math.Inf(1)}); m != 4 {
		t.Errorf("median of three = %v", m)
	}
	if m := median([]float64{4, 1}); m != 2.5 {
		t.Errorf("median of two = %v", m)
	}
	if !math.IsNaN(median(nil)) {
		t.Error("median of none is a number")
	}
}

// One slow window is a spike; half a second of them is a step.
func TestLatencyStepWantsDuration(t *testing.T) {
	pieces := func(slow ...int) []*hist {
		var p []*hist
		for i := range 31 {
			h := &hist{}
			ns := int64(100_000)
			if slices.Contains(slow, i) {
				ns = 1_000_000
			}
			h.add(ns, 1000)
			p = append(p, h)
		}
		return p
	}
	if s := latencyStep(pieces(10)); s > 1.01 {
		t.Errorf("spike counts as a step of %v", s)
	}
	if s := latencyStep(pieces(10, 11, 12, 13, 14)); s < 9 || s > 11 {
		t.Errorf("step of 10 seen as %v", s)
	}
}

func TestMemoryStepIsWhatKeysDoNotExplain(t *testing.T) {
	res := &loadResult{began: time.Unix(0, 0)}
	res.windows.width = growthWindow
	const perWindow, perKey = 1000, 100
	var samples []memorySample
	bytes := int64(0)
	for i := range 20 {
		d := time.Duration(i) * growthWindow
		samples = append(samples, memorySample{res.began.Add(d), bytes})
		res.windows.add(d, 1, perWindow)
		res.requests += perWindow
		bytes += perWindow * perKey
	}
	if s := memoryStep(samples, res); s > 1 {
		t.Errorf("even growth has a step of %v %%", s)
	}
	for i := 10; i < len(samples); i++ {
		samples[i].bytes += 2_000_000 // as much again as the keys took
	}
	if s := memoryStep(samples, res); s < 45 || s > 55 {
		t.Errorf("a step of half the growth seen as %v %%", s)
	}
}

func TestLagQuantileCountsTheMissing(t *testing.T) {
	lags := []time.Duration{time.Millisecond, 2 * time.Millisecond}
	if q := lagQuantile(lags, 4, 0.5); q != 2 {
		t.Errorf("p50 = %v", q)
	}
	if q := lagQuantile(lags, 4, 0.99); !math.IsInf(q, 1) {
		t.Errorf("p99 = %v", q)
	}
}

// Row names are what -run selects and what the documents cite.
func TestRowNamesAreUniqueAndSelectable(t *testing.T) {
	valid := regexp.MustCompile(`^[a-z0-9-]+/[a-z0-9-]+$`)
	seen := map[string]bool{}
	for _, s := range scenarios() {
		if s.doc == "" || s.secs == 0 || s.run == nil {
			t.Errorf("%s is incomplete", s.name)
		}
		for i := range s.rows {
			name := s.rowName(i)
			if seen[name] || !valid.MatchString(name) {
				t.Errorf("bad or repeated row name %q", name)
			}
			seen[name] = true
			for _, m := range s.rows[i].musts {
				if m.kind == notBelow && !seen[s.name+"/"+m.other] {
					t.Errorf("%s compares with unknown %q", name, m.other)
				}
			}
		}
	}
}
