// Package rng is a small fast pseudo-random generator for sampling: which key to
// evict, whether a counter grows, which element to return. Not for secrets.
//
// It is wyrand: one multiplication per number, 64 bits of state, every seed is
// good. Source: the wyhash documentation (public domain).
package rng

import "math/bits"

// Rand is a generator. The zero value is seeded with 0. Not safe for concurrent
// use.
type Rand struct{ state uint64 }

const (
	step = 0xa0761d6478bd642f
	mix  = 0xe7037ed1a0b428db
)

// New returns a generator with a seed.
func New(seed uint64) *Rand { return &Rand{seed} }

// Seed restarts the generator.
func (r *Rand) Seed(seed uint64) { r.state = seed }

// Uint64 returns 64 random bits.
func (r *Rand) Uint64() uint64 {
	r.state += step
	hi, lo := bits.Mul64(r.state, r.state^mix)
	return hi ^ lo
}

// Uint32 returns 32 random bits.
func (r *Rand) Uint32() uint32 { return uint32(r.Uint64() >> 32) }

// Intn returns a number in [0, n), n > 0. The bias is below n / 2^64.
func (r *Rand) Intn(n int) int {
	hi, _ := bits.Mul64(r.Uint64(), uint64(n))
	return int(hi)
}

// Float64 returns a number in [0, 1).
func (r *Rand) Float64() float64 { return float64(r.Uint64()>>11) / (1 << 53) }
