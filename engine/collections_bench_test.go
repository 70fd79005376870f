package engine_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// benchOne measures pipelines of 16 requests op on what load has made: load(i) and op(i)
// are given numbers below keys, load in order, op at random.
func benchOne(b *testing.B, keys int, load, op func(i int) []string) {
	bed := newBed(b)
	defer bed.w.Close()
	out := make([]byte, 0, 1<<20)
	for at := 0; load != nil && at < keys; at += 1000 {
		bed.serve(b, requests(1000, func(i int) []string { return load(at + i) }), out)
	}
	const batches = 4096
	var in [batches][]byte
	r := rand.New(rand.NewPCG(1, 2))
	for i := range in {
		in[i] = requests(16, func(int) []string { return op(r.IntN(keys)) })
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N / 16 {
		bed.serve(b, in[i%batches], out)
	}
}

const collection = 100_000

func member(i int) string { return fmt.Sprintf("element:%012d", i) }

func BenchmarkLPush(b *testing.B) {
	benchOne(b, collection, nil, func(int) []string { return []string{"LPUSH", "list", value32} })
}

func BenchmarkRPush(b *testing.B) {
	benchOne(b, collection, nil, func(int) []string { return []string{"RPUSH", "list", value32} })
}

func BenchmarkLPop(b *testing.B) {
	bed := newBed(b)
	out := make([]byte, 0, 1<<20)
	for range b.N/16 + 1 {
		bed.serve(b, requests(16, func(i int) []string { return []string{"RPUSH", "list", value32} }), out)
	}
	in := requests(16, func(int) []string { return []string{"LPOP", "list"} })
	b.ResetTimer()
	for range b.N / 16 {
		bed.serve(b, in, out)
	}
}

// BenchmarkSPop empties a set of as many members as there are requests.
func BenchmarkSPop(b *testing.B) {
	bed := newBed(b)
	out := make([]byte, 0, 1<<20)
	for at := 0; at < b.N; at += 1000 {
		bed.serve(b, requests(1000, func(i int) []string { return []string{"SADD", "drained", member(at + i)} }), out)
	}
	in := requests(16, func(int) []string { return []string{"SPOP", "drained"} })
	b.ResetTimer()
	for range b.N / 16 {
		bed.serve(b, in, out)
	}
}

func pushMember(i int) []string { return []string{"RPUSH", "list", member(i)} }

func BenchmarkLRange100(b *testing.B) {
	benchOne(b, 100_000, pushMember, func(int) []string { return []string{"LRANGE", "list", "0", "99"} })
}

func BenchmarkLRange600(b *testing.B) {
	benchOne(b, 100_000, pushMember, func(int) []string { return []string{"LRANGE", "list", "0", "599"} })
}

// BenchmarkZAdd gives random members random scores, most of them new at first.
func BenchmarkZAdd(b *testing.B) {
	r := rand.New(rand.NewPCG(3, 4))
	zadd := func(i int) []string {
		return []string{"ZADD", "board", fmt.Sprintf("%012d", r.IntN(collection)), member(i)}
	}
	benchOne(b, collection, zadd, zadd)
}

// BenchmarkZAddNew adds to a growing set: members in order, with random scores.
func BenchmarkZAddNew(b *testing.B) {
	bed := newBed(b)
	out := make([]byte, 0, 1<<20)
	r := rand.New(rand.NewPCG(3, 4))
	var in [][]byte
	for at := 0; at < b.N; at += 16 {
		in = append(in, requests(16, func(i int) []string {
			return []string{"ZADD", "board", fmt.Sprintf("%012d", r.IntN(collection)), member(at + i)}
		}))
	}
	b.ResetTimer()
	for _, batch := range in {
		bed.serve(b, batch, out)
	}
}
