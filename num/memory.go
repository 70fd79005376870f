package num

import "math"

// memoryDigitsMax is the number of digits from which on Redis refuses a size.
const memoryDigitsMax = 127

// ParseMemory reads an amount of memory in bytes: digits and an optional unit,
// case ignored: b, k = 1000, kb = 1024, m, mb, g, gb. There is no sign. As in
// Redis no digits at all mean 0, digits beyond a uint64 saturate, and the
// product with the unit wraps: directives check their own range afterwards.
// Source: Redis memtoull.
func ParseMemory(b []byte) (uint64, bool) {
	i := 0
	var v uint64
	saturated := false
	for ; i < len(b) && b[i]-'0' <= 9; i++ {
		d := uint64(b[i] - '0')
		if v > (math.MaxUint64-d)/10 {
			saturated = true
		}
		v = v*10 + d
	}
	if saturated {
		v = math.MaxUint64
	}
	unit, ok := memoryUnit(b[i:])
	if !ok || i > memoryDigitsMax {
		return 0, false
	}
	return v * unit, true
}

// memoryUnit returns the bytes a unit stands for.
func memoryUnit(unit []byte) (uint64, bool) {
	if len(unit) > 2 {
		return 0, false
	}
	var lower [2]byte
	for i, c := range unit {
		lower[i] = lowerASCII(c)
	}
	switch string(lower[:len(unit)]) {
	case "", "b":
		return 1, true
	case "k":
		return 1000, true
	case "kb":
		return 1 << 10, true
	case "m":
		return 1000 * 1000, true
	case "mb":
		return 1 << 20, true
	case "g":
		return 1000 * 1000 * 1000, true
	case "gb":
		return 1 << 30, true
	}
	return 0, false
}

// lowerASCII is C's tolower in the C locale.
func lowerASCII(c byte) byte {
	if c-'A' <= 'Z'-'A' {
		return c + ('a' - 'A')
	}
	return c
}
