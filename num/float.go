package num

import (
	"math"
	"math/bits"
	"strconv"
)

// ParseFloat reads a double that fills b: decimal, hexadecimal (0x1.8p3), inf
// or infinity, with an optional sign, case ignored. Refused are the empty
// string, a space before or anything after, NaN, and what rounds to infinity
// or from non-zero to zero. Subnormal results are fine.
// Cost: no allocation for up to 32 bytes; longer decimals may take one.
// Source: Redis string2d (strtod and its error checks).
func ParseFloat(b []byte) (float64, bool) {
	if len(b) == 0 || isSpace(b[0]) {
		return 0, false
	}
	l := scanLiteral(b)
	if l.kind == literalNone || l.kind == literalNaN || l.end != len(b) {
		return 0, false
	}
	f, inRange := l.float64(b)
	return f, inRange
}

// ParseFloatLoose reads a double like a plain strtod call that only checks
// where the number ends: the bounds of ZRANGEBYSCORE and its relatives.
// Beyond ParseFloat it takes leading spaces, lets too large numbers become
// infinity and too small ones zero, and reads the empty string as 0; like C it
// does not look beyond a NUL. NaN is refused.
// Source: Redis zslParseRange.
func ParseFloatLoose(b []byte) (float64, bool) {
	b = cString(b)
	if len(b) == 0 {
		return 0, true
	}
	l := scanLiteral(b)
	if l.kind == literalNone || l.kind == literalNaN || l.end != len(b) {
		return 0, false
	}
	f, _ := l.float64(b)
	return f, true
}

// float64 rounds to the nearest double, ties to even. inRange is false when a
// finite number became infinite or a non-zero one zero (C's ERANGE with a
// value that Redis refuses). b is the text that l was scanned from.
func (l *literal) float64(b []byte) (f float64, inRange bool) {
	switch {
	case l.kind == literalInf:
		f = math.Inf(1)
		inRange = true
	case l.isZero():
		inRange = true
	case l.kind == literalHex:
		f = roundToFloat64(l.hi, l.lo, l.inexact, l.exp)
		inRange = f != 0 && f <= math.MaxFloat64
	default:
		f = l.decimalToFloat64(b)
		inRange = f != 0 && f <= math.MaxFloat64
	}
	if l.negative {
		f = -f
	}
	return f, inRange
}

// pow10Exact are the powers of ten that a double holds exactly.
var pow10Exact = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

const (
	float64MantissaBits = 53
	// canonicalTextMax is the longest text handed on as it stands.
	canonicalTextMax = 1024
	// significantMax digits decide how a decimal rounds to a double (the
	// longest halfway case has 767); the rest only counts as non-zero.
	significantMax = 800
)

// decimalToFloat64 returns |value| rounded to nearest even.
func (l *literal) decimalToFloat64(b []byte) float64 {
	// Both factors exact: one rounding, hence correct.
	if !l.inexact && l.lo < 1<<float64MantissaBits {
		f := float64(l.lo)
		if l.exp >= 0 && l.exp < len(pow10Exact) {
			return f * pow10Exact[l.exp]
		}
		if l.exp < 0 && -l.exp < len(pow10Exact) {
			return f / pow10Exact[-l.exp]
		}
	}
	text := b[l.digits:l.end]
	if len(text) > canonicalTextMax {
		text = l.canonicalText(b)
	}
	// The grammar is checked, so the only error is overflow, which comes
	// with an infinite f: just what is wanted.
	f, _ := strconv.ParseFloat(string(text), 64)
	return f
}

// canonicalText rewrites a very long decimal as 0.digits e exp with a bounded
// number of digits and a small exponent, because strconv stops counting in
// exponents of more than five digits.
func (l *literal) canonicalText(b []byte) []byte {
	text := append(make([]byte, 0, significantMax+32), "0."...)
	pointAt, seen, kept := 0, false, 0
	sticky, dot := false, false
	for _, c := range b[l.digits:l.mantEnd] {
		if c == '.' {
			dot = true
			continue
		}
		seen = seen || c != '0'
		switch {
		case !seen:
			if dot {
				pointAt--
			}
			continue
		case kept < significantMax:
			text = append(text, c)
			kept++
		default:
			sticky = sticky || c != '0'
		}
		if !dot {
			pointAt++
		}
	}
	if sticky {
		text = append(text, '1')
	}
	// pointAt is how far the digits stand left of the dot already.
	exponent := writtenExponent(b[l.mantEnd:l.end]) + pointAt
	text = append(text, 'e')
	return strconv.AppendInt(text, int64(min(max(exponent, -9999), 9999)), 10)
}

// writtenExponent returns the value of "e[+-]digits", or 0 for nothing.
func writtenExponent(b []byte) int {
	var l literal
	l.scanExponent(b, 0, 'e')
	return l.exp
}

const (
	float64ExpMin = -1074 // of the smallest subnormal, 1 * 2^-1074
	float64ExpMax = 971   // of the largest double, (2^53-1) * 2^971
)

// roundToFloat64 rounds (hi:lo + rest) * 2^exp to nearest even; sticky says
// that 0 < rest < 1. The mantissa is not zero.
func roundToFloat64(hi, lo uint64, sticky bool, exp int) float64 {
	length := 128 - leadingZeros128(hi, lo)
	drop := length - float64MantissaBits
	if exp > exponentCap/2 {
		return math.Inf(1)
	}
	drop = max(drop, float64ExpMin-exp)
	if drop <= 0 {
		// All bits fit, and a rest is only kept beyond 124 bits.
		return ldexpExact(lo, exp)
	}
	mant, carry := shiftRightEven(hi, lo, sticky, uint(min(drop, 255)))
	if carry != 0 {
		// Cannot be: at most 53 bits stay, or 54 by rounding.
		return math.Inf(1)
	}
	return ldexpExact(mant, exp+drop)
}

// ldexpExact returns mant * 2^exp for a mantissa of at most 53 bits (or 2^53)
// whose lowest bit is not below the subnormals; too large gives infinity.
func ldexpExact(mant uint64, exp int) float64 {
	if exp+bits.Len64(mant) > float64ExpMax+float64MantissaBits {
		return math.Inf(1)
	}
	return math.Ldexp(float64(mant), max(exp, -4000))
}

// AppendFixed appends f with exactly digits (1 to 17) places after the point,
// rounded half to even after scaling, as distances are replied. |f| times the
// scale must be below 2^63.
// Source: Redis fixedpoint_d2string (GEODIST and GEOSEARCH WITHDIST).
func AppendFixed(dst []byte, f float64, digits int) []byte {
	scaled := int64(math.RoundToEven(f * pow10Exact[digits]))
	v := uint64(scaled)
	if scaled < 0 {
		dst = append(dst, '-')
		v = -v
	}
	unit := pow10Int[digits]
	dst = strconv.AppendUint(dst, v/unit, 10)
	return appendFraction(append(dst, '.'), v%unit, digits)
}

// appendFraction appends v with leading zeros up to width digits.
func appendFraction(dst []byte, v uint64, width int) []byte {
	start := len(dst)
	for range width {
		dst = append(dst, '0')
	}
	for i := start + width - 1; v > 0; i-- {
		dst[i] = byte('0' + v%10)
		v /= 10
	}
	return dst
}

// pow10Int are the powers of ten that a uint64 holds.
var pow10Int = [...]uint64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
}
