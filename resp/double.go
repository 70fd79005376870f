package resp

import (
	"math"
	"strconv"
)

// AppendDouble17 appends f as Redis up to 7.0 replies it: C's "%.17g", and
// inf, -inf, nan.
func AppendDouble17(dst []byte, f float64) []byte {
	if math.IsInf(f, 0) || f != f {
		return appendNonFinite(dst, f)
	}
	return strconv.AppendFloat(dst, f, 'g', 17, 64)
}

// AppendDouble appends f as Redis 7.2 replies it: whole numbers up to 2^62
// as integers, others with the digits of shortDigits, in plain notation near one and
// as "1.5e+30" far from it; inf, -inf, nan. Checked against a 7.2.7 server.
func AppendDouble(dst []byte, f float64) []byte {
	if math.IsInf(f, 0) || f != f {
		return appendNonFinite(dst, f)
	}
	if f == 0 {
		if math.Signbit(f) {
			dst = append(dst, '-')
		}
		return append(dst, '0')
	}
	if f >= -(1<<62) && f <= 1<<62 && f == float64(int64(f)) {
		return strconv.AppendInt(dst, int64(f), 10)
	}
	if f < 0 {
		dst = append(dst, '-')
		f = -f
	}
	var digits [digitsMax]byte
	n, exp := shortDigits(&digits, f)
	return appendDigits(dst, digits[:n], exp)
}

// appendDigits lays out d[0].d[1]d[2]... * 10^exp by the rules of Redis 7.2.
func appendDigits(dst, d []byte, exp int) []byte {
	n := len(d)
	low := exp - n + 1 // power of ten of the last digit
	abs := max(exp, -exp)
	switch {
	case low >= 0 && abs < n+7: // digits, then zeros
		dst = append(dst, d...)
		for range low {
			dst = append(dst, '0')
		}
		return dst
	case low < 0 && (low > -7 || abs < 4) && exp < 0: // 0.000digits
		dst = append(dst, '0', '.')
		for range -exp - 1 {
			dst = append(dst, '0')
		}
		return append(dst, d...)
	case low < 0 && (low > -7 || abs < 4): // dig.its
		dst = append(dst, d[:exp+1]...)
		dst = append(dst, '.')
		return append(dst, d[exp+1:]...)
	}
	dst = append(dst, d[0])
	if n > 1 {
		dst = append(dst, '.')
		dst = append(dst, d[1:]...)
	}
	if exp < 0 {
		dst = append(dst, 'e', '-')
	} else {
		dst = append(dst, 'e', '+')
	}
	return strconv.AppendInt(dst, int64(abs), 10)
}

// appendNonFinite appends inf, -inf or nan.
func appendNonFinite(dst []byte, f float64) []byte {
	switch {
	case f > 0:
		return append(dst, "inf"...)
	case f < 0:
		return append(dst, "-inf"...)
	}
	return append(dst, "nan"...)
}
