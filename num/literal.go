package num

import "math/bits"

// A number text is scanned once into a literal, by the grammar of glibc's
// strtod, and then rounded to a double or to a long double:
//
//	[spaces] [+-] ( inf | infinity | nan | nan(chars)
//	              | 0x hex [. hex] [p [+-] digits]
//	              | digits [. digits] [e [+-] digits] )
//
// Letters are case-insensitive. At least one digit must be there; an exponent
// without digits is not part of the number.
//
// Decimal: value = (dec + rest) * 10^exp, 0 <= rest < 1, where dec has at most
// 19 significant digits. Hexadecimal: value = (hi:lo + rest) * 2^exp.

type literalKind uint8

const (
	literalNone literalKind = iota // no number at this place
	literalDecimal
	literalHex
	literalInf
	literalNaN
)

const (
	// decimalDigitsMax digits always fit a uint64.
	decimalDigitsMax = 19
	// exponentCap is where exponents stop growing: far beyond any float
	// and far above the number of digits a string can have.
	exponentCap = 1 << 40
)

type literal struct {
	kind     literalKind
	negative bool
	inexact  bool // rest != 0
	hi, lo   uint64
	exp      int
	digits   int // index of the first digit (or dot)
	mantEnd  int // index after the mantissa
	end      int // index after the number
}

// isZero reports whether the mantissa has no non-zero digit.
func (l *literal) isZero() bool {
	return l.hi|l.lo == 0
}

// scanLiteral reads the longest number at the start of b.
func scanLiteral(b []byte) (l literal) {
	i := skipSpace(b)
	if i < len(b) && (b[i] == '-' || b[i] == '+') {
		l.negative = b[i] == '-'
		i++
	}
	if i == len(b) {
		return l
	}
	switch c := lowerASCII(b[i]); {
	case c == 'i' || c == 'n':
		l.scanWord(b, i)
	case c == '0' && i+1 < len(b) && lowerASCII(b[i+1]) == 'x' && startsHex(b[i+2:]):
		l.kind = literalHex
		l.scanHex(b, i+2)
	case startsDecimal(b[i:]):
		l.kind = literalDecimal
		l.scanDecimal(b, i)
	}
	return l
}

// scanWord reads inf, infinity, nan or nan(chars) at index i.
func (l *literal) scanWord(b []byte, i int) {
	switch {
	case hasWord(b[i:], "infinity"):
		l.kind, l.end = literalInf, i+len("infinity")
	case hasWord(b[i:], "inf"):
		l.kind, l.end = literalInf, i+len("inf")
	case hasWord(b[i:], "nan"):
		// What may follow in brackets does not matter: every caller
		// refuses NaN.
		l.kind, l.end = literalNaN, i+len("nan")
	}
}

// scanDecimal reads digits[.digits][e[+-]digits] at index i.
func (l *literal) scanDecimal(b []byte, i int) {
	l.digits = i
	kept, dot := 0, false
	for ; i < len(b); i++ {
		c := b[i]
		if c == '.' && !dot {
			dot = true
			continue
		}
		d := c - '0'
		if d > 9 {
			break
		}
		if dot {
			l.exp--
		}
		if kept == decimalDigitsMax {
			l.inexact = l.inexact || d != 0
			l.exp++
			continue
		}
		if kept > 0 || d != 0 {
			kept++
			l.lo = l.lo*10 + uint64(d)
		}
	}
	l.mantEnd = i
	l.scanExponent(b, i, 'e')
}

// scanHex reads hex[.hex][p[+-]digits] at index i, just after 0x.
func (l *literal) scanHex(b []byte, i int) {
	l.digits = i
	dot := false
	for ; i < len(b); i++ {
		c := b[i]
		if c == '.' && !dot {
			dot = true
			continue
		}
		d, ok := hexDigit(c)
		if !ok {
			break
		}
		if dot {
			l.exp -= 4
		}
		if bits.LeadingZeros64(l.hi) < 4 {
			l.inexact = l.inexact || d != 0
			l.exp += 4
			continue
		}
		l.hi = l.hi<<4 | l.lo>>60
		l.lo = l.lo<<4 | uint64(d)
	}
	l.mantEnd = i
	l.scanExponent(b, i, 'p')
}

// scanExponent adds the exponent at index i, if a whole one is there.
func (l *literal) scanExponent(b []byte, i int, mark byte) {
	l.end = i
	if i == len(b) || lowerASCII(b[i]) != mark {
		return
	}
	i++
	negative := false
	if i < len(b) && (b[i] == '-' || b[i] == '+') {
		negative = b[i] == '-'
		i++
	}
	e, start := 0, i
	for ; i < len(b) && b[i]-'0' <= 9; i++ {
		if e < exponentCap {
			e = e*10 + int(b[i]-'0')
		}
	}
	if i == start {
		return
	}
	if negative {
		e = -e
	}
	l.exp += e
	l.end = i
}

// startsDecimal reports whether b starts with a digit or a dot and a digit.
func startsDecimal(b []byte) bool {
	if len(b) > 1 && b[0] == '.' {
		b = b[1:]
	}
	return len(b) > 0 && b[0]-'0' <= 9
}

// startsHex reports whether b starts with a hex digit or a dot and one.
func startsHex(b []byte) bool {
	if len(b) > 1 && b[0] == '.' {
		b = b[1:]
	}
	if len(b) == 0 {
		return false
	}
	_, ok := hexDigit(b[0])
	return ok
}

// hexDigit returns the value of a hexadecimal digit.
func hexDigit(c byte) (byte, bool) {
	if d := c - '0'; d <= 9 {
		return d, true
	}
	d := lowerASCII(c) - 'a'
	return d + 10, d <= 5
}

// hasWord reports whether b starts with a lower case word, case ignored.
func hasWord(b []byte, word string) bool {
	if len(b) < len(word) {
		return false
	}
	for i := 0; i < len(word); i++ {
		if lowerASCII(b[i]) != word[i] {
			return false
		}
	}
	return true
}
