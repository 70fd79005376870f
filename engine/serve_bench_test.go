package engine_test

import (
	"fmt"
	"testing"

	"kvorum/clock"
	"kvorum/command"
	"kvorum/command/all"
	"kvorum/engine"
	"kvorum/keyspace"
	"kvorum/resp"
)

// bed is an engine with one worker and a client, for measurements.
type bed struct {
	e *engine.Engine
	w *engine.Worker
	s *command.Session
}

func newBed(tb testing.TB) *bed {
	tb.Helper()
	table, err := command.NewTable(all.Families()...)
	if err != nil {
		tb.Fatal(err)
	}
	e := engine.New(keyspace.New(16), table, clock.New(), engine.Hooks{})
	return &bed{e, e.NewWorker(), e.NewSession(nil)}
}

// requests returns n pipelined requests, made by fn.
func requests(n int, fn func(i int) []string) []byte {
	var in []byte
	for i := range n {
		in = resp.AppendCommandStrings(in, fn(i)...)
	}
	return in
}

func (b *bed) serve(tb testing.TB, in, out []byte) []byte {
	for len(in) > 0 {
		n, _, replies := b.w.Serve(b.s, in, out[:0])
		if n == 0 {
			tb.Fatalf("no progress: %q", replies)
		}
		in, out = in[n:], replies
	}
	return out
}

func benchPipeline(b *testing.B, keys int, load, op func(i int) []string) {
	bed := newBed(b)
	out := make([]byte, 0, 1<<20)
	for at := 0; at < keys; at += 1000 {
		bed.serve(b, requests(1000, func(i int) []string { return load(at + i) }), out)
	}
	const batches = 512
	var in [batches][]byte
	r := uint64(1)
	for i := range in {
		in[i] = requests(16, func(int) []string {
			r = r*6364136223846793005 + 1442695040888963407
			return op(int(r>>33) % keys)
		})
	}
	b.ResetTimer()
	for i := range b.N / 16 {
		bed.serve(b, in[i%batches], out)
	}
}

func key(i int) string { return fmt.Sprintf("key:%012d", i) }

const value32 = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

func set(i int) []string { return []string{"SET", key(i), value32} }
func get(i int) []string { return []string{"GET", key(i)} }

func BenchmarkGet100K(b *testing.B) { benchPipeline(b, 100_000, set, get) }
func BenchmarkSet100K(b *testing.B) { benchPipeline(b, 100_000, set, set) }
func BenchmarkGet5M(b *testing.B)   { benchPipeline(b, 5_000_000, set, get) }
func BenchmarkSet5M(b *testing.B)   { benchPipeline(b, 5_000_000, set, set) }
func BenchmarkIncr100K(b *testing.B) {
	benchPipeline(b, 100_000, func(i int) []string { return []string{"SET", key(i), "1"} },
		func(i int) []string { return []string{"INCR", key(i)} })
}
