package rdb

import (
	"bytes"
	"fmt"
	"testing"

	"kvorum/mem"
	"kvorum/object"
)

// smallKeys returns frames of n keys with strings of 32 bytes.
func smallKeys(b *testing.B, n int) []byte {
	w := newWorld(b)
	var staged []byte
	form := Form{Version: VersionDefault}
	value := []byte("value of thirty two bytes, or so")
	for i := range n {
		key := fmt.Appendf(nil, "key:%012d", i)
		h := w.a.Alloc(object.Size(len(key), len(value), false), mem.KindRecord)
		object.WriteString(w.a, h, key, value, object.EncEmbstr, 0, 0, false)
		staged = form.StageKey(staged, h)
		object.Free(h)
	}
	return staged
}

const benchKeys = 10_000

func BenchmarkFinish(b *testing.B) {
	staged := smallKeys(b, benchKeys)
	var fin Finisher
	var out []byte
	for b.Loop() {
		out = fin.Finish(out[:0], staged, Options{Compress: true})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchKeys, "ns/key")
}

func BenchmarkScan(b *testing.B) { benchFile(b, false) }

func BenchmarkBuild(b *testing.B) { benchFile(b, true) }

func benchFile(b *testing.B, build bool) {
	var fin Finisher
	file := AppendDB(AppendHead(nil, VersionDefault), 0, benchKeys, 0)
	file = AppendSum(AppendEnd(fin.Finish(file, smallKeys(b, benchKeys), Options{Compress: true})), 0)
	w := newWorld(b)
	for b.Loop() {
		s := NewScanner(bytes.NewReader(file), true)
		for {
			it, err := s.Next()
			if err != nil {
				b.Fatal(err)
			}
			if it.Kind == KindEnd {
				break
			}
			if build && it.Kind == KindKey {
				rec, err := w.b.Build(w.a, it, 0)
				if err != nil {
					b.Fatal(err)
				}
				object.Free(rec)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchKeys, "ns/key")
}
