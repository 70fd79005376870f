package hll

import (
	"encoding/binary"
	"math"
)

// histogram counts the registers of each value. There is room for values that no
// hash has, for a corrupted string may hold them.
type histogram [rankMask + 1]int

// Count estimates the number of distinct elements; ok is false if b is sparse
// and its runs do not cover the registers exactly.
func Count(b []byte) (n uint64, ok bool) {
	var h histogram
	if IsDense(b) {
		h.addDense(b)
	} else if !h.addSparse(b) {
		return 0, false
	}
	return h.estimate(), true
}

// addDense counts into four tables in turn: equal registers follow each other,
// and an addition that waits for the last one to the same place is slow.
func (h *histogram) addDense(b []byte) {
	var parts [4][rankMask + 1]uint32
	for at := HeaderSize; at < DenseSize; at += 4 * groupBytes {
		w0, w1, w2, w3 := load192(b[at : at+4*groupBytes])
		for range groupRegs {
			parts[0][w0&rankMask]++
			parts[1][w1&rankMask]++
			parts[2][w2&rankMask]++
			parts[3][w3&rankMask]++
			w0, w1, w2, w3 = w0>>rankBits, w1>>rankBits, w2>>rankBits, w3>>rankBits
		}
	}
	for i := range h {
		h[i] += int(parts[0][i] + parts[1][i] + parts[2][i] + parts[3][i])
	}
}

func (h *histogram) addSparse(b []byte) bool {
	total := 0
	for at := HeaderSize; at < len(b); {
		n, rank, size := run(b, at)
		h[rank] += n
		total += n
		at += size
	}
	return total == RegisterCount
}

// alphaInf is 1/(2 ln 2).
const alphaInf = 0.721347520444481703680

// estimate is the improved raw estimator of Otmar Ertl, "New cardinality
// estimation algorithms for HyperLogLog sketches" (arXiv:1702.01284), which needs
// no correction for small or large cardinalities.
func (h *histogram) estimate() uint64 {
	const m = RegisterCount
	z := m * tau(float64(m-h[rankMax])/m)
	for i := rankMax - 1; i >= 1; i-- {
		z = (z + float64(h[i])) * 0.5
	}
	z += float64(m * sigma(float64(h[0])/m))
	n := math.Round(alphaInf * m * m / z)
	if n >= 1<<63 {
		// Only registers that no hash gives come to this; it is what the
		// conversion to an integer gives on the machines that Redis runs on.
		return 1 << 63
	}
	return uint64(n)
}

// sigma is the contribution of the registers that are 0, x of all. The
// conversions keep compilers from fusing operations (I3).
func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	y, z := 1.0, x
	for {
		x *= x
		last := z
		z += float64(x * y)
		y += y
		if z == last {
			return z
		}
	}
}

// tau is the contribution of the registers at the highest rank, 1-x of all.
func tau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	y, z := 1.0, 1-x
	for {
		x = math.Sqrt(x)
		last := z
		y *= 0.5
		z -= float64(float64((1-x)*(1-x)) * y)
		if z == last {
			return z / 3
		}
	}
}

// Registers are the registers of a union, one byte each.
type Registers [RegisterCount]uint8

// Merge raises the registers to those of the string b; ok is false if b is sparse
// and corrupted, some registers being raised nevertheless.
func (r *Registers) Merge(b []byte) (ok bool) {
	if !IsDense(b) {
		return r.mergeSparse(b)
	}
	at := HeaderSize
	for i := 0; i < RegisterCount; i += 4 * groupRegs {
		w0, w1, w2, w3 := load192(b[at : at+4*groupBytes])
		words := r[i : i+4*groupRegs]
		raiseWord(words[:8], w0)
		raiseWord(words[8:16], w1)
		raiseWord(words[16:24], w2)
		raiseWord(words[24:32], w3)
		at += 4 * groupBytes
	}
	return true
}

// raiseWord raises eight registers to those in the low 48 bits of w.
func raiseWord(word []byte, w uint64) {
	binary.LittleEndian.PutUint64(word, maxBytes(spread(w), binary.LittleEndian.Uint64(word)))
}

func (r *Registers) mergeSparse(b []byte) bool {
	index := 0
	for at := HeaderSize; at < len(b); {
		n, rank, size := run(b, at)
		if rank > 0 {
			if index+n > RegisterCount {
				return false
			}
			for i := index; i < index+n; i++ {
				r[i] = max(r[i], rank)
			}
		}
		index += n
		at += size
	}
	return index == RegisterCount
}

// Count estimates the cardinality of the union.
func (r *Registers) Count() uint64 {
	var parts [4][rankMask + 1]uint32
	for i := 0; i < RegisterCount; i += groupRegs {
		w := binary.LittleEndian.Uint64(r[i : i+groupRegs])
		if w == 0 {
			parts[0][0] += groupRegs
			continue
		}
		parts[0][w&rankMask]++
		parts[1][w>>8&rankMask]++
		parts[2][w>>16&rankMask]++
		parts[3][w>>24&rankMask]++
		parts[0][w>>32&rankMask]++
		parts[1][w>>40&rankMask]++
		parts[2][w>>48&rankMask]++
		parts[3][w>>56&rankMask]++
	}
	var h histogram
	for i := range h {
		h[i] = int(parts[0][i] + parts[1][i] + parts[2][i] + parts[3][i])
	}
	return h.estimate()
}

// Next returns the first register from index from on that is not 0, or
// RegisterCount.
func (r *Registers) Next(from int) int {
	for from < RegisterCount && r[from] == 0 {
		if from%groupRegs == 0 && binary.LittleEndian.Uint64(r[from:from+groupRegs]) == 0 {
			from += groupRegs
			continue
		}
		from++
	}
	return from
}

// Store makes b, DenseSize bytes that begin with the header of a HyperLogLog,
// the dense string of these registers.
func (r *Registers) Store(b []byte) {
	b[encodingAt] = dense
	at := HeaderSize
	for i := 0; i < RegisterCount; i += 4 * groupRegs {
		words := r[i : i+4*groupRegs]
		store192(b[at:at+4*groupBytes],
			gather(binary.LittleEndian.Uint64(words)), gather(binary.LittleEndian.Uint64(words[8:])),
			gather(binary.LittleEndian.Uint64(words[16:])), gather(binary.LittleEndian.Uint64(words[24:])))
		at += 4 * groupBytes
	}
	Invalidate(b)
}
