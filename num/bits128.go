package num

import "math/bits"

// leadingZeros128 counts the zero bits above the highest one bit of hi:lo.
func leadingZeros128(hi, lo uint64) int {
	if hi != 0 {
		return bits.LeadingZeros64(hi)
	}
	return 64 + bits.LeadingZeros64(lo)
}

// shiftLeft128 returns hi:lo << n for n < 128; bits above the top are lost.
func shiftLeft128(hi, lo uint64, n uint) (uint64, uint64) {
	if n >= 64 {
		return lo << (n - 64), 0
	}
	return hi<<n | lo>>(64-n), lo << n
}

// shiftRight128 returns hi:lo >> n for any n, and whether a one was lost.
func shiftRight128(hi, lo uint64, n uint) (rhi, rlo uint64, lost bool) {
	switch {
	case n >= 128:
		return 0, 0, hi|lo != 0
	case n >= 64:
		lost = lo|hi<<(128-n) != 0
		return 0, hi >> (n - 64), lost
	}
	return hi >> n, hi<<(64-n) | lo>>n, lo<<(64-n) != 0
}

// shiftRightEven returns (hi:lo + rest) >> n rounded to nearest even, n >= 1;
// sticky says that 0 < rest < 1. The result must be below 2^64 before
// rounding; carry is 1 when rounding reached 2^64.
func shiftRightEven(hi, lo uint64, sticky bool, n uint) (v, carry uint64) {
	if n > 128 {
		return 0, 0
	}
	_, twice, lost := shiftRight128(hi, lo, n-1)
	half := twice & 1
	_, v, _ = shiftRight128(hi, lo, n)
	if half == 1 && (lost || sticky || v&1 == 1) {
		return bits.Add64(v, 1, 0)
	}
	return v, 0
}
