// Package rng is a small fast pseudo-random generator for sampling: which key to
// evict, whether a counter grows, which element to return. Not for secrets.
//
// It is wyrand: one multiplication per number, 64 bits of state, every seed is
// good. Source: the wyhash documentation (public domain).
//
// A generator belongs to whoever holds it (a loop, a command's context, a
// simulation): there is no global one, so that a seed replays a run. Not safe
// for concurrent use. Only [Entropy] asks the system.
//
// I1: the same seed gives the same numbers, on every machine and in every
// version. I2: over its period of 2^64 the state takes each value once.
package rng

import (
	"crypto/rand"
	"encoding/binary"
	"math/bits"
)

// Rand is a generator. The zero value is seeded with 0.
type Rand struct{ state uint64 }

const (
	step = 0xa0761d6478bd642f
	mix  = 0xe7037ed1a0b428db
)

// New returns a generator with a seed.
func New(seed uint64) *Rand { return &Rand{seed} }

// Seed restarts the generator.
func (r *Rand) Seed(seed uint64) { r.state = seed }

// Uint64 returns 64 random bits. Cost: about 1 ns.
func (r *Rand) Uint64() uint64 {
	r.state += step
	hi, lo := bits.Mul64(r.state, r.state^mix)
	return hi ^ lo
}

// Uint32 returns 32 random bits.
func (r *Rand) Uint32() uint32 { return uint32(r.Uint64() >> 32) }

// Uint64n returns a number in [0, n), n > 0. The bias is below n / 2^64.
func (r *Rand) Uint64n(n uint64) uint64 {
	hi, _ := bits.Mul64(r.Uint64(), n)
	return hi
}

// Intn returns a number in [0, n), n > 0. The bias is below n / 2^64.
func (r *Rand) Intn(n int) int {
	hi, _ := bits.Mul64(r.Uint64(), uint64(n))
	return int(hi)
}

// Float64 returns a number in [0, 1), a multiple of 2^-53.
func (r *Rand) Float64() float64 { return float64(r.Uint64()>>11) / (1 << 53) }

// Entropy returns 64 bits from the system, to seed generators of a program that
// need not be replayed.
func Entropy() uint64 {
	var b [8]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return binary.LittleEndian.Uint64(b[:])
}
