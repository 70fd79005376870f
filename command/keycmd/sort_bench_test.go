package keycmd_test

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"kvorum/command/all"
	"kvorum/engine/enginetest"
)

// BenchmarkSortStore sorts a list of 100 000 numbers and stores it, which keeps the
// loop and the two keys busy all the time.
func BenchmarkSortStore(b *testing.B) {
	s := enginetest.New(b, all.Families()...)
	words := []string{"RPUSH", "l"}
	for range 100_000 {
		words = append(words, strconv.Itoa(rand.IntN(1_000_000_000)))
	}
	s.Do(words...)
	for b.Loop() {
		s.Do("SORT", "l", "STORE", "dst")
	}
}
