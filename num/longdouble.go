package num

import (
	"math"
	"math/big"
	"math/bits"
	"strconv"
)

// LongDouble is the 80-bit float of x86, which Redis uses for INCRBYFLOAT,
// HINCRBYFLOAT and human-readable doubles: 64 bits of mantissa, 15 of
// exponent, rounding to nearest even. The zero value is 0.
//
//	value = (-1)^neg * mant * 2^exp
//
// I1: finite and not 0: longExpMin <= exp <= longExpMax, and the top bit of
// mant is set unless exp == longExpMin (subnormal).
// I2: mant == 0 only for zero, with exp == 0.
//
// Everything is integer arithmetic on 128 bits, so results are the same on any
// machine. Only texts with more than 19 digits, exponents beyond 10^±27 and
// values from 2^64 on go through math/big and allocate.
type LongDouble struct {
	mant  uint64
	exp   int32
	neg   bool
	class longClass
}

type longClass uint8

const (
	longFinite longClass = iota
	longInf
	longNaN
)

const (
	longMantissaBits = 64
	longExpMin       = -16445 // of the smallest subnormal, 1 * 2^-16445
	longExpMax       = 16320  // of the largest value, (2^64-1) * 2^16320

	// longTextMax is the length from which on Redis refuses a text
	// (MAX_LONG_DOUBLE_CHARS, with its NUL).
	longTextMax = 5*1024 - 1
	// longDecimalExpMax bounds decimal exponents of anything in range.
	longDecimalExpMax = 5000
	// longPlaces is the number of decimal places written ("%.17Lf").
	longPlaces = 17
)

// ParseLongDouble reads a long double that fills b, with the grammar and the
// rejections of ParseFloat: empty, leading space, trailing bytes, NaN, overflow
// to infinity, underflow to zero; also everything of 5,120 bytes or more. inf
// is accepted.
// Source: Redis string2ld.
func ParseLongDouble(b []byte) (LongDouble, bool) {
	if len(b) == 0 || len(b) > longTextMax || isSpace(b[0]) {
		return LongDouble{}, false
	}
	l := scanLiteral(b)
	if l.kind == literalNone || l.kind == literalNaN || l.end != len(b) {
		return LongDouble{}, false
	}
	var d LongDouble
	switch {
	case l.kind == literalInf:
		d.class = longInf
		d.neg = l.negative
		return d, true
	case l.isZero():
		return LongDouble{neg: l.negative}, true
	case l.kind == literalHex:
		d = roundToLong(l.hi, l.lo, l.inexact, l.exp)
	default:
		d = l.decimalToLong(b)
	}
	d.neg = l.negative
	return d, d.class == longFinite && d.mant != 0
}

// LongDoubleOf converts a double, exactly.
func LongDoubleOf(f float64) LongDouble {
	neg := math.Signbit(f)
	switch {
	case math.IsNaN(f):
		return LongDouble{class: longNaN}
	case math.IsInf(f, 0):
		return LongDouble{class: longInf, neg: neg}
	}
	fraction, exp := math.Frexp(math.Abs(f))
	mant := uint64(math.Ldexp(fraction, float64MantissaBits))
	d := roundToLong(0, mant, false, exp-float64MantissaBits)
	d.neg = neg
	return d
}

// LongDoubleOfInt converts an integer, exactly.
func LongDoubleOfInt(v int64) LongDouble {
	mant := uint64(v)
	if v < 0 {
		mant = -mant
	}
	d := roundToLong(0, mant, false, 0)
	d.neg = v < 0
	return d
}

// IsFinite reports whether d is neither infinite nor NaN.
func (d LongDouble) IsFinite() bool {
	return d.class == longFinite
}

// Add returns d + e rounded to nearest even; infinity and NaN follow IEEE 754.
func (d LongDouble) Add(e LongDouble) LongDouble {
	switch {
	case d.class == longNaN || e.class == longNaN,
		d.class == longInf && e.class == longInf && d.neg != e.neg:
		return LongDouble{class: longNaN}
	case d.class == longInf || e.mant == 0 && e.class == longFinite && d.mant != 0:
		return d
	case e.class == longInf || d.mant == 0 && e.mant != 0:
		return e
	case d.mant == 0:
		return LongDouble{neg: d.neg && e.neg}
	}
	large, small := d, e
	if large.exp < small.exp || large.exp == small.exp && large.mant < small.mant {
		large, small = e, d
	}
	// Both as 128-bit numbers with one free bit on top for the carry.
	const room = longMantissaBits - 1
	hi, lo := large.mant>>1, large.mant<<room
	shi, slo, sticky := shiftRight128(small.mant>>1, small.mant<<room, uint(large.exp-small.exp))
	if large.neg == small.neg {
		var carry uint64
		lo, carry = bits.Add64(lo, slo, 0)
		hi, _ = bits.Add64(hi, shi, carry)
	} else {
		// What was shifted out makes the difference smaller: take one
		// more and leave a rest of the opposite sign, still sticky.
		var borrow uint64
		if sticky {
			borrow = 1
		}
		lo, borrow = bits.Sub64(lo, slo, borrow)
		hi, _ = bits.Sub64(hi, shi, borrow)
		if hi|lo == 0 && !sticky {
			return LongDouble{}
		}
	}
	sum := roundToLong(hi, lo, sticky, int(large.exp)-room)
	sum.neg = large.neg
	return sum
}

// AppendHuman appends d as Redis writes long doubles for people: 17 decimal
// places, rounded half to even on the exact value, without trailing zeros and
// never with an exponent; "-0" is written "0". Also inf, -inf, nan.
// Source: Redis ld2string, LD_STR_HUMAN.
func (d LongDouble) AppendHuman(dst []byte) []byte {
	switch {
	case d.class == longNaN:
		return append(dst, "nan"...)
	case d.class == longInf && d.neg:
		return append(dst, "-inf"...)
	case d.class == longInf:
		return append(dst, "inf"...)
	}
	if d.exp > 0 {
		v := new(big.Int).SetUint64(d.mant)
		v.Lsh(v, uint(d.exp))
		if d.neg {
			dst = append(dst, '-')
		}
		return v.Append(dst, 10)
	}
	whole, fraction := d.split()
	if d.neg && whole|fraction != 0 {
		dst = append(dst, '-')
	}
	dst = strconv.AppendUint(dst, whole, 10)
	if fraction == 0 {
		return dst
	}
	dst = appendFraction(append(dst, '.'), fraction, longPlaces)
	end := len(dst)
	for dst[end-1] == '0' {
		end--
	}
	return dst[:end]
}

// split returns the integer part of |d| < 2^64 and its decimal places as an
// integer below 10^17, rounded.
func (d LongDouble) split() (whole, fraction uint64) {
	unit := pow10Int[longPlaces]
	shift := uint(-d.exp)
	part := d.mant
	if shift < longMantissaBits {
		whole = d.mant >> shift
		part = d.mant - whole<<shift
	}
	if part == 0 {
		return whole, 0
	}
	// part < 2^64 and unit < 2^57, so from 128 on the quotient is below 1/2.
	hi, lo := bits.Mul64(part, unit)
	fraction, _ = shiftRightEven(hi, lo, false, min(shift, 128))
	if fraction == unit {
		return whole + 1, 0
	}
	return whole, fraction
}

// AddResult says how AddLongDouble ended.
type AddResult uint8

const (
	AddOK        AddResult = iota // the sum was appended
	AddBadFirst                   // a is not a number
	AddBadSecond                  // b is not a number
	AddNotFinite                  // the sum is NaN or infinite
)

// AddLongDouble appends the text of a + b, both given as texts (INCRBYFLOAT).
// With a result other than AddOK dst comes back as it was.
func AddLongDouble(dst, a, b []byte) ([]byte, AddResult) {
	x, ok := ParseLongDouble(a)
	if !ok {
		return dst, AddBadFirst
	}
	y, ok := ParseLongDouble(b)
	if !ok {
		return dst, AddBadSecond
	}
	sum := x.Add(y)
	if !sum.IsFinite() {
		return dst, AddNotFinite
	}
	return sum.AppendHuman(dst), AddOK
}

// pow5Int are the powers of five that a uint64 holds.
var pow5Int = [...]uint64{
	1, 5, 25, 125, 625, 3125, 15625, 78125, 390625, 1953125, 9765625,
	48828125, 244140625, 1220703125, 6103515625, 30517578125,
	152587890625, 762939453125, 3814697265625, 19073486328125,
	95367431640625, 476837158203125, 2384185791015625,
	11920928955078125, 59604644775390625, 298023223876953125,
	1490116119384765625, 7450580596923828125,
}

// decimalToLong returns |value| rounded to nearest even; b is the text that l
// was scanned from.
func (l *literal) decimalToLong(b []byte) LongDouble {
	switch {
	case l.inexact:
		return l.bigDecimalToLong(b)
	case l.exp >= 0 && l.exp < len(pow5Int):
		hi, lo := bits.Mul64(l.lo, pow5Int[l.exp])
		return roundToLong(hi, lo, false, l.exp)
	case l.exp < 0 && -l.exp < len(pow5Int):
		// lo * 2^k / 5^k * 2^-k with both sides scaled to 64 bits, and
		// the dividend halved once more so that the quotient fits.
		five := pow5Int[-l.exp]
		upDividend, upDivisor := bits.LeadingZeros64(l.lo), bits.LeadingZeros64(five)
		dividend, divisor := l.lo<<upDividend, five<<upDivisor
		hi, rest := bits.Div64(dividend>>1, dividend<<63, divisor)
		lo, rest := bits.Div64(rest, 0, divisor)
		exp := l.exp - upDividend + upDivisor - 2*longMantissaBits + 1
		return roundToLong(hi, lo, rest != 0, exp)
	}
	return l.bigDecimalToLong(b)
}

// bigDecimalToLong is decimalToLong for any number of digits, exactly.
func (l *literal) bigDecimalToLong(b []byte) LongDouble {
	digits := make([]byte, 0, l.mantEnd-l.digits)
	exp := writtenExponent(b[l.mantEnd:l.end])
	dot := false
	for _, c := range b[l.digits:l.mantEnd] {
		if c == '.' {
			dot = true
			continue
		}
		if dot {
			exp--
		}
		digits = append(digits, c)
	}
	// The mantissa is a non-zero integer of at most longTextMax digits.
	if exp > longDecimalExpMax {
		return LongDouble{class: longInf}
	}
	if exp < -longDecimalExpMax-longTextMax {
		return LongDouble{}
	}
	dividend, _ := new(big.Int).SetString(string(digits), 10)
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(exp, -exp))), nil)
	if exp >= 0 {
		return roundBigToLong(dividend.Mul(dividend, power), false, 0)
	}
	// 130 bits of quotient and the rest decide the rounding.
	up := max(power.BitLen()-dividend.BitLen()+130, 0)
	dividend.Lsh(dividend, uint(up))
	rest := new(big.Int)
	dividend.QuoRem(dividend, power, rest)
	return roundBigToLong(dividend, rest.Sign() != 0, -up)
}

// roundBigToLong rounds (v + rest) * 2^exp; sticky says that 0 < rest < 1.
func roundBigToLong(v *big.Int, sticky bool, exp int) LongDouble {
	if drop := v.BitLen() - 128; drop > 0 {
		sticky = sticky || v.TrailingZeroBits() < uint(drop)
		v = new(big.Int).Rsh(v, uint(drop))
		exp += drop
	}
	var bytes [16]byte
	v.FillBytes(bytes[:])
	var hi, lo uint64
	for i := range 8 {
		hi = hi<<8 | uint64(bytes[i])
		lo = lo<<8 | uint64(bytes[i+8])
	}
	return roundToLong(hi, lo, sticky, exp)
}

// roundToLong rounds (hi:lo + rest) * 2^exp to a positive long double; sticky
// says that 0 < rest < 1, with hi:lo then having more than 65 bits.
func roundToLong(hi, lo uint64, sticky bool, exp int) LongDouble {
	if hi|lo == 0 {
		return LongDouble{}
	}
	if exp > exponentCap/2 {
		return LongDouble{class: longInf}
	}
	up := leadingZeros128(hi, lo)
	hi, lo = shiftLeft128(hi, lo, uint(up))
	exp += longMantissaBits - up // of hi alone
	drop := longMantissaBits
	if exp < longExpMin {
		drop += min(longExpMin-exp, 2*longMantissaBits)
		exp = longExpMin
	}
	mant, carry := shiftRightEven(hi, lo, sticky, uint(drop))
	if carry != 0 {
		mant = 1 << (longMantissaBits - 1)
		exp++
	}
	switch {
	case mant == 0:
		return LongDouble{}
	case exp > longExpMax:
		return LongDouble{class: longInf}
	}
	return LongDouble{mant: mant, exp: int32(exp)}
}
