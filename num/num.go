// Package num reads and writes numbers exactly as Redis 7.2 does: which texts
// count as an integer, a float or a memory size, and the bytes a number is
// replied with.
//
//	integers     ParseInt64 ParseUint64 ParseCursor AppendInt AppendUint
//	doubles      ParseFloat ParseFloatLoose AppendFloat AppendFixed
//	long double  LongDouble (INCRBYFLOAT, HINCRBYFLOAT, GEOPOS)
//	sizes        ParseMemory
//
// All functions are pure and may be called from anywhere. Arguments are
// borrowed for the call; appendX functions return the extended slice.
//
// I1: ParseInt64(b) succeeds only if AppendInt gives b back byte for byte, so
// a string may be replaced by its number without anyone noticing.
// I2: ParseFloat(AppendFloat(f)) == f for every f but NaN.
//
// The package must not depend on the locale, the clock or the machine: results
// are the same on every architecture, those of Redis on x86-64 with glibc.
package num

import (
	"bytes"
	"math"
	"strconv"
)

// int64TextMax is the length of the longest int64: "-9223372036854775808".
const int64TextMax = 20

// ParseInt64 reads a canonical decimal integer: an optional minus, no plus, no
// leading zeros, no spaces, not "-0". The whole of b must be the number and
// fit an int64.
// Source: Redis string2ll; these are also the strings that get OBJ_ENCODING_INT.
func ParseInt64(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > int64TextMax {
		return 0, false
	}
	digits := b
	negative := b[0] == '-'
	if negative {
		digits = b[1:]
		if len(digits) == 0 {
			return 0, false
		}
	}
	if digits[0] == '0' {
		return 0, len(b) == 1
	}
	// 19 digits always fit a uint64, the 20th is refused by length below, so
	// one check at the end is enough.
	if len(digits) > int64TextMax-1 {
		return 0, false
	}
	var v uint64
	for _, c := range digits {
		d := c - '0'
		if d > 9 {
			return 0, false
		}
		v = v*10 + uint64(d)
	}
	if negative {
		if v > 1<<63 {
			return 0, false
		}
		return -int64(v), true
	}
	return int64(v), v <= math.MaxInt64
}

// ParseUint64 reads an unsigned integer the way stream ids and sequence
// numbers are read: a canonical integer that is not negative, or else
// whatever C's strtoull takes whole. The latter lets leading spaces, a plus
// and leading zeros pass, and even "-01", which wraps around; "-1" is refused.
// Source: Redis string2ull.
func ParseUint64(b []byte) (uint64, bool) {
	b = cString(b)
	if v, ok := ParseInt64(b); ok {
		return uint64(v), v >= 0
	}
	v, end, overflow := scanUint64(b)
	return v, end > 0 && end == len(b) && !overflow
}

// ParseCursor reads the cursor of the SCAN family. The empty string is cursor
// 0, a first space is refused, otherwise as C's strtoul.
// Source: Redis parseScanCursorOrReply.
func ParseCursor(b []byte) (uint64, bool) {
	b = cString(b)
	if len(b) == 0 {
		return 0, true
	}
	if isSpace(b[0]) {
		return 0, false
	}
	v, end, overflow := scanUint64(b)
	return v, end == len(b) && !overflow
}

// AppendInt appends v in decimal.
func AppendInt(dst []byte, v int64) []byte {
	return strconv.AppendInt(dst, v, 10)
}

// AppendUint appends v in decimal.
func AppendUint(dst []byte, v uint64) []byte {
	return strconv.AppendUint(dst, v, 10)
}

// scanUint64 is strtoull(b, &end, 10): spaces, a sign, digits. end is 0 when
// there was no digit. A minus negates modulo 2^64.
func scanUint64(b []byte) (v uint64, end int, overflow bool) {
	i := skipSpace(b)
	negative := false
	if i < len(b) && (b[i] == '-' || b[i] == '+') {
		negative = b[i] == '-'
		i++
	}
	for start := i; ; i++ {
		if i == len(b) || b[i]-'0' > 9 {
			if i == start {
				return 0, 0, false
			}
			break
		}
		d := uint64(b[i] - '0')
		if v > (math.MaxUint64-d)/10 {
			overflow = true
		}
		v = v*10 + d
	}
	if negative {
		v = -v
	}
	return v, i, overflow
}

// cString cuts b at its first NUL, where C's number functions stop reading.
func cString(b []byte) []byte {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return b[:i]
	}
	return b
}

// isSpace is C's isspace in the C locale.
func isSpace(c byte) bool {
	return c == ' ' || c-'\t' <= '\r'-'\t'
}

// skipSpace returns the index of the first byte of b that is not a space.
func skipSpace(b []byte) int {
	i := 0
	for i < len(b) && isSpace(b[i]) {
		i++
	}
	return i
}
