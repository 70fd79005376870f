// Package hll is the HyperLogLog of Redis over plain bytes: the same hash, the
// same two representations and the same estimator, so that a string made here
// and one made by Redis are equal to the byte after the same operations.
//
//	0        4          5        8                     16
//	| "HYLL" | encoding | unused | cached cardinality  | registers ...
//
// The cardinality is little-endian; its top bit says that it is out of date.
// Of an element's 64-bit hash the low 14 bits choose one of 16384 registers, and
// the position of the lowest 1 in the rest is its rank, 1..51. A register holds
// the highest rank seen.
//
// Dense (encoding 0): registers of 6 bits one after the other, lowest bits
// first, 12288 bytes. Sparse (1): a sequence of runs of equal registers,
//
//	00llllll            l+1 registers of 0             (zero)
//	01llllll llllllll   l+1 registers of 0             (xzero)
//	1vvvvvll            l+1 registers of v+1           (val)
//
// that covers all registers. A sparse string is changed in place, run by run; the
// rules of splitting and joining runs decide its bytes, so they are those of
// Redis. What cannot be written sparse (a rank above 32, a size above the
// caller's limit) makes it dense, and dense it stays.
//
// Bytes come from clients, who may SETRANGE them: every function takes any bytes
// that Check accepts, and says so when they do not cover the registers exactly.
//
// I1: no function reads or writes outside the slice it is given, whatever the
// bytes. I2: a sparse change leaves the sequence as long as Redis would, joined
// runs included. I3: the estimate is computed with the operations of IEEE double
// precision one by one, never fused, so that all machines agree.
//
// Not safe for concurrent use of one string; a caller holds the lock of its
// shard. The package must not know of keys, replies or configuration.
package hll

import (
	"encoding/binary"
	"math/bits"
)

// Sizes in bytes, and the number of registers.
const (
	HeaderSize    = 16
	RegisterCount = 1 << indexBits
	DenseSize     = HeaderSize + RegisterCount*rankBits/8
	EmptySize     = HeaderSize + 2
)

const (
	indexBits = 14
	rankBits  = 6
	rankMask  = 1<<rankBits - 1
	rankMax   = 64 - indexBits + 1 // of a hash; a corrupted register may hold up to rankMask

	encodingAt  = 4
	cardAt      = 8
	cardStale   = 1 << 7 // in the last byte of the cardinality
	dense       = 0
	sparse      = 1
	encodingMax = sparse
)

// Check reports whether b begins like a HyperLogLog: magic, a known encoding,
// and the length if dense. A sparse one may still turn out to be corrupted.
func Check(b []byte) bool {
	if len(b) < HeaderSize || string(b[:encodingAt]) != "HYLL" || b[encodingAt] > encodingMax {
		return false
	}
	return b[encodingAt] != dense || len(b) == DenseSize
}

// IsDense reports the representation of a string that Check accepts.
func IsDense(b []byte) bool { return b[encodingAt] == dense }

// AppendEmpty appends a HyperLogLog of no elements: sparse, EmptySize bytes.
func AppendEmpty(dst []byte) []byte {
	dst = append(dst, "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	return appendZeros(dst, RegisterCount)
}

// Invalidate marks the cached cardinality as out of date.
func Invalidate(b []byte) { b[HeaderSize-1] |= cardStale }

// Cached returns the cached cardinality; ok is false if it is out of date.
func Cached(b []byte) (n uint64, ok bool) {
	return binary.LittleEndian.Uint64(b[cardAt:]), b[HeaderSize-1]&cardStale == 0
}

// SetCached caches a cardinality. One of 2^63 or more, which only corrupted
// registers give, counts as out of date.
func SetCached(b []byte, n uint64) { binary.LittleEndian.PutUint64(b[cardAt:], n) }

const (
	hashSeed  = 0xadc83b19
	hashMul   = 0xc6a4a7935bd1e995
	hashShift = 47
)

// Hash returns the register of an element and its rank there, 1..51.
func Hash(element []byte) (index int, rank uint8) {
	h := murmur64(element)
	// The bit above the hash ends the search at the highest rank.
	return int(h & (RegisterCount - 1)), uint8(bits.TrailingZeros64(h>>indexBits|1<<(64-indexBits))) + 1
}

// murmur64 is MurmurHash64A, little-endian on every machine.
func murmur64(b []byte) uint64 {
	h := uint64(hashSeed) ^ uint64(len(b))*hashMul
	for len(b) >= 8 {
		k := binary.LittleEndian.Uint64(b) * hashMul
		k ^= k >> hashShift
		h = (h ^ k*hashMul) * hashMul
		b = b[8:]
	}
	if len(b) > 0 {
		tail := uint64(0)
		for i, c := range b {
			tail |= uint64(c) << (8 * uint(i))
		}
		h = (h ^ tail) * hashMul
	}
	h = (h ^ h>>hashShift) * hashMul
	return h ^ h>>hashShift
}
