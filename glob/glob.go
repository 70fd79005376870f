// Package glob matches Redis glob patterns: KEYS, SCAN MATCH, PSUBSCRIBE,
// CONFIG GET, ACL key and channel patterns.
//
//   - any bytes, also none
//     ?        one byte
//     [abc]    one of these bytes; [a-z] ranges, [^...] negation
//     \x       x itself, also inside a class
//
// It works on bytes, not on characters. The results are those of Redis 7.2 for
// all inputs, odd ones included:
//
//   - The empty string matches the empty pattern only, not "*".
//   - A class that is not closed ends with the pattern, and "[]" is a class
//     that nothing matches. An escape as the last byte stands for a backslash.
//   - Range ends may come in either order and are compared as signed bytes
//     (as on x86), so [a-\xff] holds \xff to a and not a to \xff.
//   - Ignoring case folds ASCII letters, in ranges after ordering the ends (and
//     there bytes from 0x80 to 0xfe then count as unsigned); an escaped byte in
//     a class keeps its case.
//
// Pure functions; any caller, arguments are borrowed. Cost: O(len(p)*len(s)) at
// worst, without recursion and allocation: a star that found its match is never
// tried again when a later star fails, because a longer match of the earlier
// one leaves the later one less text, not more.
package glob

import "bytes"

// Match reports whether s matches the pattern p.
// Source: Redis stringmatchlen, case-sensitive.
func Match(p, s []byte) bool {
	return match(p, s, false)
}

// MatchFold is Match with the case of ASCII letters ignored.
func MatchFold(p, s []byte) bool {
	return match(p, s, true)
}

// IsLiteral reports whether p has no special byte, so that it matches itself
// only.
func IsLiteral(p []byte) bool {
	return len(LiteralPrefix(p)) == len(p)
}

// LiteralPrefix returns the bytes before the first special one (borrowed from
// p). Whatever matches p case-sensitively starts with them.
func LiteralPrefix(p []byte) []byte {
	for i, c := range p {
		if c == '*' || c == '?' || c == '[' || c == '\\' {
			return p[:i]
		}
	}
	return p
}

// starsMax is the number of stars, runs of them counted as one and a final one
// not, beyond which nothing matches: Redis bounds its recursion so.
const starsMax = 1000

// match runs p over s; after a mismatch it resumes at the latest star with
// that star taking more text.
func match(p, s []byte, fold bool) bool {
	if len(s) == 0 {
		return len(p) == 0
	}
	var afterStar []byte // pattern after the latest star, nil: no star yet
	var starText []byte  // text that the part after the star was tried on
	stars := 0
	for {
		if len(s) == 0 {
			// Only stars may be left; giving an earlier star more
			// text cannot help.
			return len(skipStars(p)) == 0
		}
		if len(p) > 0 && p[0] == '*' {
			p = skipStars(p)
			if len(p) == 0 {
				return true
			}
			if stars++; stars > starsMax {
				return false
			}
			afterStar, starText = p, s
		} else {
			var ok bool
			if p, ok = matchOne(p, s[0], fold); ok {
				s = s[1:]
				continue
			}
			if afterStar == nil {
				return false
			}
			starText = starText[1:]
		}
		if starText = seek(afterStar[0], starText, fold); starText == nil {
			return false
		}
		p, s = afterStar, starText
	}
}

// seek returns s from the first place on where a pattern that starts with c may
// match, or nil if there is none.
func seek(c byte, s []byte, fold bool) []byte {
	if !fold && c != '?' && c != '[' && c != '\\' {
		i := bytes.IndexByte(s, c)
		if i < 0 {
			return nil
		}
		return s[i:]
	}
	if len(s) == 0 {
		return nil
	}
	return s
}

// matchOne matches one byte against the element at the start of p, which is
// not a star, and returns the pattern after it (only if it matched).
func matchOne(p []byte, c byte, fold bool) (rest []byte, ok bool) {
	if len(p) == 0 {
		return nil, false
	}
	switch p[0] {
	case '?':
		return p[1:], true
	case '[':
		return matchClass(p, c, fold)
	case '\\':
		if len(p) >= 2 {
			p = p[1:]
		}
	}
	return p[1:], equal(p[0], c, fold)
}

// matchClass matches c against the class at the start of p.
func matchClass(p []byte, c byte, fold bool) (rest []byte, ok bool) {
	i := 1
	negated := i < len(p) && p[i] == '^'
	if negated {
		i++
	}
	found := false
	for ; i < len(p) && p[i] != ']'; i++ {
		switch {
		case p[i] == '\\' && len(p)-i >= 2:
			i++
			found = found || p[i] == c
		case len(p)-i >= 3 && p[i+1] == '-':
			found = found || inRange(p[i], p[i+2], c, fold)
			i += 2
		default:
			found = found || equal(p[i], c, fold)
		}
	}
	// Past the bracket, or the end of a pattern that lacks it.
	return p[min(i+1, len(p)):], found != negated
}

// inRange reports whether c is between two bytes given in either order.
func inRange(from, to, c byte, fold bool) bool {
	if int8(from) > int8(to) {
		from, to = to, from
	}
	if fold {
		v := foldedOrder(c)
		return foldedOrder(from) <= v && v <= foldedOrder(to)
	}
	return int8(from) <= int8(c) && int8(c) <= int8(to)
}

// foldedOrder is glibc's tolower of a signed char: bytes from 0x80 on come out
// unsigned, except 0xff, which is taken for EOF and stays -1.
func foldedOrder(c byte) int {
	if c == 0xff {
		return -1
	}
	return int(lower(c))
}

// equal compares two bytes.
func equal(a, b byte, fold bool) bool {
	return a == b || fold && lower(a) == lower(b)
}

// lower is C's tolower in the C locale.
func lower(c byte) byte {
	if c-'A' <= 'Z'-'A' {
		return c + ('a' - 'A')
	}
	return c
}

// skipStars drops stars from the start of p.
func skipStars(p []byte) []byte {
	for len(p) > 0 && p[0] == '*' {
		p = p[1:]
	}
	return p
}
