package num

import (
	"math"
	"math/bits"
	"strconv"
)

// AppendFloat appends f as Redis 7.2 replies doubles. Integral values up to
// 2^62 are plain integers; others have the digits of Grisu2, which read back as
// f but are in about one of a thousand cases one longer than the shortest or
// not the closest of that length. Since replies are compared byte for byte, this
// is that algorithm and not strconv's shortest form. Longest result: 25 bytes.
//
//	0 -0 inf -inf nan 3 0.1 1.5 100000000000000000 1e+21 1.5e-7
//
// Source: Redis d2string and fpconv_dtoa; Florian Loitsch, "Printing
// floating-point numbers quickly and accurately with integers" (Grisu2).
func AppendFloat(dst []byte, f float64) []byte {
	switch {
	case f == 0:
		if math.Signbit(f) {
			dst = append(dst, '-')
		}
		return append(dst, '0')
	case math.IsNaN(f):
		return append(dst, "nan"...)
	case math.IsInf(f, 1):
		return append(dst, "inf"...)
	case math.IsInf(f, -1):
		return append(dst, "-inf"...)
	}
	if v, ok := FloatToInt(f); ok {
		return strconv.AppendInt(dst, v, 10)
	}
	return appendGrisu(dst, f)
}

// AppendGrisu is AppendFloat without plain integers where they are long: 1e+17.
// Source: Redis fpconv_dtoa, as DEBUG DIGEST uses it.
func AppendGrisu(dst []byte, f float64) []byte {
	if f == 0 || math.IsNaN(f) || math.IsInf(f, 0) {
		return AppendFloat(dst, f)
	}
	return appendGrisu(dst, f)
}

// integralMax is the largest magnitude that Redis prints as an integer,
// LLONG_MAX/2 as a double.
const integralMax = 1 << 62

// FloatToInt converts an integral double of magnitude up to 2^62.
// Source: Redis double2ll.
func FloatToInt(f float64) (int64, bool) {
	if !(f >= -integralMax && f <= integralMax) {
		return 0, false
	}
	v := int64(f)
	return v, float64(v) == f
}

// Grisu2 scales f and the two points halfway to its neighbours by a cached
// power of ten, so that the product of 64-bit mantissas has its binary point at
// a fixed place; then it emits decimal digits of the upper bound until the
// distance to it is within the interval, and at last steps the final digit
// towards f.
//
//	lower ------- w ------- upper       all with the exponent of upper
//	      |<----------- delta --->|
//	                |<-- toUpper->|
//
// The bounds are narrowed by one unit because products are inexact.

// diyFloat is frac * 2^exp.
type diyFloat struct {
	frac uint64
	exp  int
}

const (
	fractionBits    = 52
	hiddenBit       = 1 << fractionBits
	exponentBias    = 1023 + fractionBits
	exponentMask    = 0x7ff
	grisuDigitsMax  = 18
	scaledExpMin    = -60 // the scaled exponent lies in this range, so the
	scaledExpMax    = -32 // integer part fits 32 bits
	plainZerosMax   = 7   // trailing or leading zeros before e-notation
	scientificMax   = 18  // digits in e-notation, one fewer if negative
	integerDigitMax = 10
)

// appendGrisu appends a finite f that is not 0.
func appendGrisu(dst []byte, f float64) []byte {
	raw := math.Float64bits(f)
	negative := raw>>63 != 0
	if negative {
		dst = append(dst, '-')
	}
	w := diyFloat{frac: raw & (hiddenBit - 1), exp: int(raw>>fractionBits) & exponentMask}
	if w.exp != 0 {
		w.frac |= hiddenBit
		w.exp -= exponentBias
	} else {
		w.exp = 1 - exponentBias
	}
	upper := diyFloat{frac: w.frac<<1 + 1, exp: w.exp - 1}.normalized()
	// The neighbour below a power of two is only half as far away.
	lowerShift := 1
	if w.frac == hiddenBit {
		lowerShift = 2
	}
	lower := diyFloat{frac: w.frac<<lowerShift - 1, exp: w.exp - lowerShift}
	lower.frac <<= lower.exp - upper.exp
	lower.exp = upper.exp

	power, power10 := cachedPower(upper.exp)
	w = w.normalized().times(power)
	upper = upper.times(power)
	lower = lower.times(power)
	lower.frac++
	upper.frac--

	var digits [grisuDigitsMax]byte
	n, dropped := grisuDigits(&digits, w, lower, upper)
	return appendDigits(dst, digits[:n], dropped-power10, negative)
}

// normalized shifts the highest one bit to the top.
func (d diyFloat) normalized() diyFloat {
	up := bits.LeadingZeros64(d.frac)
	return diyFloat{frac: d.frac << up, exp: d.exp - up}
}

// times multiplies, rounding half up to 64 bits of mantissa.
func (d diyFloat) times(e diyFloat) diyFloat {
	hi, lo := bits.Mul64(d.frac, e.frac)
	return diyFloat{frac: hi + lo>>63, exp: d.exp + e.exp + 64}
}

// grisuDigits writes the decimal digits of a number between lower and upper,
// as near to w as the last digit allows. value = digits * 10^dropped.
func grisuDigits(digits *[grisuDigitsMax]byte, w, lower, upper diyFloat) (n, dropped int) {
	point := uint(-upper.exp)
	one := uint64(1) << point
	toUpper := upper.frac - w.frac
	delta := upper.frac - lower.frac
	whole := upper.frac >> point
	rest := upper.frac & (one - 1)

	for dropped = integerDigitMax - 1; dropped >= 0; dropped-- {
		unit := pow10Int[dropped]
		digit := whole / unit
		if digit != 0 || n != 0 {
			digits[n] = byte('0' + digit)
			n++
		}
		whole -= digit * unit
		if left := whole<<point + rest; left <= delta {
			approach(&digits[n-1], delta, left, unit<<point, toUpper)
			return n, dropped
		}
	}
	for scale := uint64(10); ; scale *= 10 {
		rest *= 10
		delta *= 10
		digit := rest >> point
		if digit != 0 || n != 0 {
			digits[n] = byte('0' + digit)
			n++
		}
		rest &= one - 1
		if rest < delta {
			approach(&digits[n-1], delta, rest, one, toUpper*scale)
			return n, dropped
		}
		dropped--
	}
}

// approach lowers the last digit while the number stays within delta of upper
// and comes nearer to w, which is toUpper below upper. left is how far the
// number is below upper, unit what one step of the last digit is worth.
func approach(last *byte, delta, left, unit, toUpper uint64) {
	for left < toUpper && delta-left >= unit &&
		(left+unit < toUpper || toUpper-left > left+unit-toUpper) {
		*last--
		left += unit
	}
}

// appendDigits places the point: value = digits * 10^exp.
func appendDigits(dst, digits []byte, exp int, negative bool) []byte {
	n := len(digits)
	scientific := exp + n - 1 // exponent with one digit before the point
	switch {
	case exp >= 0 && scientific < n+plainZerosMax:
		return appendZeros(append(dst, digits...), exp)
	case exp < 0 && (exp > -plainZerosMax || max(scientific, -scientific) < 4):
		whole := n + exp
		if whole <= 0 {
			dst = appendZeros(append(dst, "0."...), -whole)
			return append(dst, digits...)
		}
		dst = append(dst, digits[:whole]...)
		return append(append(dst, '.'), digits[whole:]...)
	}
	most := scientificMax
	if negative {
		most--
	}
	digits = digits[:min(n, most)]
	dst = append(dst, digits[0])
	if len(digits) > 1 {
		dst = append(append(dst, '.'), digits[1:]...)
	}
	dst = append(dst, 'e')
	if scientific >= 0 {
		dst = append(dst, '+')
	}
	return strconv.AppendInt(dst, int64(scientific), 10)
}

// appendZeros appends n zeros.
func appendZeros(dst []byte, n int) []byte {
	for range n {
		dst = append(dst, '0')
	}
	return dst
}

const (
	powerFirst = -348 // decimal exponent of cachedPowers[0]
	powerStep  = 8
)

// cachedPower returns a power of ten that brings exp into the scaled range,
// and its decimal exponent. Two neighbours can do so; which one decides the
// digits in rare cases, hence the estimate is the reference's: truncated
// -(exp + number of powers) * log10(2).
func cachedPower(exp int) (diyFloat, int) {
	const log10of2 = 0.30102999566398114
	estimate := int(-float64(exp+len(cachedPowers)) * log10of2)
	i := (estimate - powerFirst) / powerStep
	for {
		power10 := powerFirst + i*powerStep
		power := diyFloat{frac: cachedPowers[i], exp: binaryExponent(power10)}
		switch scaled := exp + power.exp + 64; {
		case scaled < scaledExpMin:
			i++
		case scaled > scaledExpMax:
			i--
		default:
			return power, power10
		}
	}
}

// binaryExponent returns e of 10^power10 = frac * 2^e with 64 bits of frac:
// floor(power10 * log2(10)) - 63. The ratio is exact enough up to 10^±1000.
func binaryExponent(power10 int) int {
	return (power10*1741647)>>19 - 63
}

// cachedPowers are the 64-bit mantissas of 10^-348, 10^-340, ... 10^340, each
// rounded to nearest; a test recomputes them.
var cachedPowers = [...]uint64{
	18054884314459144840, 13451937075301367670, 10022474136428063862, 14934650266808366570,
	11127181549972568877, 16580792590934885855, 12353653155963782858, 18408377700990114895,
	13715310171984221708, 10218702384817765436, 15227053142812498563, 11345038669416679861,
	16905424996341287883, 12595523146049147757, 9384396036005875287, 13983839803942852151,
	10418772551374772303, 15525180923007089351, 11567161174868858868, 17236413322193710309,
	12842128665889583758, 9568131466127621947, 14257626930069360058, 10622759856335341974,
	15829145694278690180, 11793632577567316726, 17573882009934360870, 13093562431584567480,
	9755464219737475723, 14536774485912137811, 10830740992659433045, 16139061738043178685,
	12024538023802026127, 17917957937422433684, 13349918974505688015, 9946464728195732843,
	14821387422376473014, 11042794154864902060, 16455045573212060422, 12259964326927110867,
	18268770466636286478, 13611294676837538539, 10141204801825835212, 15111572745182864684,
	11258999068426240000, 16777216000000000000, 12500000000000000000, 9313225746154785156,
	13877787807814456755, 10339757656912845936, 15407439555097886824, 11479437019748901445,
	17105694144590052135, 12744735289059618216, 9495567745759798747, 14149498560666738074,
	10542197943230523224, 15709099088952724970, 11704190886730495818, 17440603504673385349,
	12994262207056124023, 9681479787123295682, 14426529090290212157, 10748601772107342003,
	16016664761464807395, 11933345169920330789, 17782069995880619868, 13248674568444952270,
	9871031767461413346, 14708983551653345445, 10959046745042015199, 16330252207878254650,
	12166986024289022870, 18130221999122236476, 13508068024458167312, 10064294952495520794,
	14996968138956309548, 11173611982879273257, 16649979327439178909, 12405201291620119593,
	9242595204427927429, 13772540099066387757, 10261342003245940623, 15290591125556738113,
	11392378155556871081, 16975966327722178521, 12648080533535911531,
}
