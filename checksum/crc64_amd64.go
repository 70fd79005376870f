package checksum

// Sums by carry-less multiplication.
//
// A sum is the remainder of the bytes as a polynomial, and what leaves the remainder as
// it is may be done to them first. 64 bytes are kept in four accumulators of 128 bits;
// each step moves them up by 64 bytes and adds the next 64. To move up by d bits is to
// multiply by x^d, and a product that has grown too long is made short again by
// multiplying its upper and its lower half by x^(d+64) and x^d modulo the polynomial.
// At the end 16 bytes are left that have the sum of all, which the tables give.
//
// Bits are reflected: the lower half of an accumulator is its upper one as a polynomial,
// and a product of two reflected words comes out one bit short, hence the exponents.

const (
	foldStep  = 64  // bytes
	foldLeast = 128 // shorter ones are not worth the tables' work at the end
	// foldMost bounds one call: nothing can be interrupted amid it.
	foldMost = 64 << 10
)

var (
	clmul    = haveCLMUL()
	foldFar  = foldWords(8 * foldStep)
	foldNear = foldWords(8 * 16)
)

// foldWords returns what the halves of an accumulator are multiplied by to move it up by
// so many bits.
func foldWords(distance int) [2]uint64 { return [2]uint64{power(distance + 63), power(distance - 1)} }

// power returns x^n modulo the polynomial, reflected.
func power(n int) uint64 {
	v := uint64(1) << 63
	for range n {
		low := v & 1
		v >>= 1
		if low != 0 {
			v ^= crcPoly
		}
	}
	return v
}

// haveCLMUL reports whether the processor multiplies without carries.
func haveCLMUL() bool

// fold makes 16 bytes of the n at p, which are a positive multiple of foldStep, whose sum
// is that of all of them after what crc is the sum of.
//
//go:noescape
func fold(rest *[16]byte, crc uint64, p *byte, n int, far, near *[2]uint64)

// CRC64 returns the check sum of what crc is the sum of, followed by p; of nothing
// it is 0. About 0.05 ns a byte.
func CRC64(crc uint64, p []byte) uint64 {
	for len(p) >= foldLeast && clmul {
		var rest [16]byte
		n := min(len(p), foldMost) &^ (foldStep - 1)
		fold(&rest, crc, &p[0], n, &foldFar, &foldNear)
		crc, p = byTables(0, rest[:]), p[n:]
	}
	return byTables(crc, p)
}
