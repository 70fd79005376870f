package resp

import (
	"math"
	"math/bits"
)

// Digits of a double as Redis 7.2 prints them.
//
// Redis 7.2 uses Grisu2 (F. Loitsch, "Printing Floating-Point Numbers Quickly
// and Accurately with Integers", 2010): scale the value and the two borders of
// its rounding interval by a cached power of ten so that 64-bit integer
// arithmetic suffices, produce digits of the upper border until what is left
// is within the interval, then step the last digit towards the value. The
// digits always read back as the same double. For about one double in a
// thousand they are not the fewest or not the closest, because the scaled
// borders are narrowed by one unit; strconv, which is exact, then differs, and
// replies would too. So this file repeats the method, choice of power included.

// digitsMax bounds the digits of a double.
const digitsMax = 20

// Cached powers 10^k, k = powerFirst, powerFirst+powerStep, ...: 64-bit
// significands, rounded to nearest, with powerExp their power of two.
const (
	powerFirst = -348
	powerStep  = 8
)

var powers = [...]uint64{
	0xfa8fd5a0081c0288, 0xbaaee17fa23ebf76, 0x8b16fb203055ac76, 0xcf42894a5dce35ea,
	0x9a6bb0aa55653b2d, 0xe61acf033d1a45df, 0xab70fe17c79ac6ca, 0xff77b1fcbebcdc4f,
	0xbe5691ef416bd60c, 0x8dd01fad907ffc3c, 0xd3515c2831559a83, 0x9d71ac8fada6c9b5,
	0xea9c227723ee8bcb, 0xaecc49914078536d, 0x823c12795db6ce57, 0xc21094364dfb5637,
	0x9096ea6f3848984f, 0xd77485cb25823ac7, 0xa086cfcd97bf97f4, 0xef340a98172aace5,
	0xb23867fb2a35b28e, 0x84c8d4dfd2c63f3b, 0xc5dd44271ad3cdba, 0x936b9fcebb25c996,
	0xdbac6c247d62a584, 0xa3ab66580d5fdaf6, 0xf3e2f893dec3f126, 0xb5b5ada8aaff80b8,
	0x87625f056c7c4a8b, 0xc9bcff6034c13053, 0x964e858c91ba2655, 0xdff9772470297ebd,
	0xa6dfbd9fb8e5b88f, 0xf8a95fcf88747d94, 0xb94470938fa89bcf, 0x8a08f0f8bf0f156b,
	0xcdb02555653131b6, 0x993fe2c6d07b7fac, 0xe45c10c42a2b3b06, 0xaa242499697392d3,
	0xfd87b5f28300ca0e, 0xbce5086492111aeb, 0x8cbccc096f5088cc, 0xd1b71758e219652c,
	0x9c40000000000000, 0xe8d4a51000000000, 0xad78ebc5ac620000, 0x813f3978f8940984,
	0xc097ce7bc90715b3, 0x8f7e32ce7bea5c70, 0xd5d238a4abe98068, 0x9f4f2726179a2245,
	0xed63a231d4c4fb27, 0xb0de65388cc8ada8, 0x83c7088e1aab65db, 0xc45d1df942711d9a,
	0x924d692ca61be758, 0xda01ee641a708dea, 0xa26da3999aef774a, 0xf209787bb47d6b85,
	0xb454e4a179dd1877, 0x865b86925b9bc5c2, 0xc83553c5c8965d3d, 0x952ab45cfa97a0b3,
	0xde469fbd99a05fe3, 0xa59bc234db398c25, 0xf6c69a72a3989f5c, 0xb7dcbf5354e9bece,
	0x88fcf317f22241e2, 0xcc20ce9bd35c78a5, 0x98165af37b2153df, 0xe2a0b5dc971f303a,
	0xa8d9d1535ce3b396, 0xfb9b7cd9a4a7443c, 0xbb764c4ca7a44410, 0x8bab8eefb6409c1a,
	0xd01fef10a657842c, 0x9b10a4e5e9913129, 0xe7109bfba19c0c9d, 0xac2820d9623bf429,
	0x80444b5e7aa7cf85, 0xbf21e44003acdd2d, 0x8e679c2f5e44ff8f, 0xd433179d9c8cb841,
	0x9e19db92b4e31ba9, 0xeb96bf6ebadf77d9, 0xaf87023b9bf0ee6b,
}

// powerExp returns e such that 10^k is powers' significand * 2^e.
func powerExp(k int) int { return k*217706>>16 - 63 }

// A scaled value keeps its binary exponent in [scaledExpMin, scaledExpMax], so
// that its whole part fits 32 bits and ten times its fraction fits 64.
const (
	scaledExpMin = -60
	scaledExpMax = -32
)

// powerFor picks the power that scales a 64-bit significand with exponent exp.
// Sometimes two do; the search begins at the estimate that Redis begins at,
// since the choice shows in the digits.
func powerFor(exp int) (power uint64, powExp, k int) {
	estimate := int(-float64(exp+len(powers)) * 0.30102999566398114)
	i := (estimate - powerFirst) / powerStep
	for {
		k = powerFirst + i*powerStep
		powExp = powerExp(k)
		switch e := exp + powExp + 64; {
		case e < scaledExpMin:
			i++
		case e > scaledExpMax:
			i--
		default:
			return powers[i], powExp, k
		}
	}
}

// mulHigh returns the upper half of a*b, rounded.
func mulHigh(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi + lo>>63
}

// shortDigits writes the decimal digits of f, which is finite and above zero,
// and returns their number and the power of ten of the first.
func shortDigits(digits *[digitsMax]byte, f float64) (n, exp int) {
	const hidden = 1 << 52
	u := math.Float64bits(f)
	frac, e := u&(hidden-1), int(u>>52)-1075
	if u >= hidden {
		frac |= hidden
	} else {
		e++ // subnormal
	}
	// Borders: halfway to the neighbours; the lower neighbour of a power of
	// two is twice as near. All three get the exponent of the upper border
	// with its top bit set.
	upper, upperExp := frac<<1+1, e-1
	shift := bits.LeadingZeros64(upper)
	upper, upperExp = upper<<shift, upperExp-shift
	lowerShift := 1
	if frac == hidden {
		lowerShift = 2
	}
	lower := (frac<<lowerShift - 1) << (e - lowerShift - upperExp)
	value := frac << (e - upperExp)

	power, powExp, k := powerFor(upperExp)
	value = mulHigh(value, power)
	upper = mulHigh(upper, power) - 1
	lower = mulHigh(lower, power) + 1
	n, last := scaledDigits(digits, value, upper, upper-lower, uint(-(upperExp + powExp + 64)))
	return n, last - k + n - 1
}

// scaledDigits writes digits of a number within delta below upper, as near to
// value as the last digit allows. All are in units of 2^-point. It returns the
// number of digits and the power of ten of the last one.
func scaledDigits(digits *[digitsMax]byte, value, upper, delta uint64, point uint) (n, last int) {
	dist := upper - value
	one := uint64(1) << point
	whole, part := upper>>point, upper&(one-1)
	unit := uint64(1e9)
	for last = 9; last >= 0; last-- {
		digit := whole / unit
		if digit != 0 || n != 0 {
			digits[n] = '0' + byte(digit)
			n++
		}
		whole -= digit * unit
		if rest := whole<<point + part; rest <= delta {
			stepDown(&digits[n-1], delta, rest, unit<<point, dist)
			return n, last
		}
		unit /= 10
	}
	for ; ; last-- {
		part *= 10
		delta *= 10
		dist *= 10
		digit := part >> point
		if digit != 0 || n != 0 {
			digits[n] = '0' + byte(digit)
			n++
		}
		part &= one - 1
		if part < delta {
			stepDown(&digits[n-1], delta, part, one, dist)
			return n, last
		}
	}
}

// stepDown lowers the last digit, worth unit, while that brings the number,
// rest below upper, nearer to the value, dist below upper, and keeps it within
// delta of upper.
func stepDown(digit *byte, delta, rest, unit, dist uint64) {
	for rest < dist && delta-rest >= unit && (rest+unit < dist || dist-rest > rest+unit-dist) {
		*digit--
		rest += unit
	}
}
