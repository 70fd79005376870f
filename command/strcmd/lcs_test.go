package strcmd

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"kvorum/resp"
)

// table is the textbook solution: the whole table of lengths, and a walk back
// through it that goes left when both ways are as good.
func table(a, b []byte) (common string, ranges []string) {
	t := make([][]int, len(a)+1)
	t[0] = make([]int, len(b)+1)
	for i := range a {
		t[i+1] = make([]int, len(b)+1)
		for j := range b {
			if a[i] == b[j] {
				t[i+1][j+1] = t[i][j] + 1
			} else {
				t[i+1][j+1] = max(t[i][j+1], t[i+1][j])
			}
		}
	}
	size := 0
	end := func(i, j int) {
		if size > 0 {
			ranges = append(ranges, fmt.Sprint(i, i+size-1, j, j+size-1, size))
		}
		size = 0
	}
	i, j := len(a), len(b)
	for i > 0 && j > 0 {
		if a[i-1] == b[j-1] {
			common = string(a[i-1]) + common
			size++
			i--
			j--
			continue
		}
		end(i, j)
		if t[i-1][j] > t[i][j-1] {
			i--
		} else {
			j--
		}
	}
	end(i, j)
	return common, ranges
}

// The bits of the way back must lead where the whole table leads, at any number
// of words per row.
func TestLCSEqualsTheWholeTable(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	random := func() []byte {
		s := make([]byte, r.IntN(200))
		letters := 1 + r.IntN(4)
		for i := range s {
			s[i] = byte('a' + r.IntN(letters))
		}
		return s
	}
	for range 300 {
		a, b := random(), random()
		common, ranges := table(a, b)
		want := resp.Writer{Proto: 2}
		want.BulkString(common)
		want.Int(int64(len(common)))
		want.Map(2)
		want.BulkString("matches")
		want.Array(len(ranges))
		for _, text := range ranges {
			var i, iEnd, j, jEnd, size int
			fmt.Sscan(text, &i, &iEnd, &j, &jEnd, &size)
			want.Array(3)
			writePair(&want, i, iEnd)
			writePair(&want, j, jEnd)
			want.Int(int64(size))
		}
		want.BulkString("len")
		want.Int(int64(len(common)))

		got := resp.Writer{Proto: 2}
		(&lcsJob{a: a, b: b}).reply(&got)
		(&lcsJob{a: a, b: b, onlyLen: true}).reply(&got)
		(&lcsJob{a: a, b: b, ranges: true, withLen: true}).reply(&got)
		if string(got.B) != string(want.B) {
			t.Fatalf("seed %d: LCS of %q and %q:\n have %q\n want %q", seed, a, b, got.B, want.B)
		}
	}
}

func BenchmarkLCS(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	s := [2][]byte{make([]byte, 4000), make([]byte, 4000)}
	for i := range s {
		for j := range s[i] {
			s[i][j] = byte('a' + r.IntN(20))
		}
	}
	for b.Loop() {
		(&lcsJob{a: s[0], b: s[1]}).reply(&resp.Writer{})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/16e6, "ns/cell")
}
