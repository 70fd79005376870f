package bitcmd

import (
	"bytes"
	"math"

	"kvorum/command"
	"kvorum/num"
)

// field is a type of integer: "i5", "u63".
type field struct {
	width  uint // bits: 1 to 64, to 63 without sign
	signed bool
}

const (
	signedMax   = 64
	unsignedMax = 63 // replies have no room for more
	int64Bits   = 64

	errFieldType = "-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is."
	errOverflow  = "-ERR Invalid OVERFLOW type specified"
)

// fieldOf returns the type that argument i names; ok is false after the error
// reply. As in Redis a zero byte ends the name.
func fieldOf(c *command.Ctx, i int) (f field, ok bool) {
	name, _, _ := bytes.Cut(c.Args[i], zeroByte)
	if len(name) > 1 && (name[0] == 'i' || name[0] == 'u') {
		f.signed = name[0] == 'i'
		limit := int64(unsignedMax)
		if f.signed {
			limit = signedMax
		}
		if n, isInt := num.ParseInt64(name[1:]); isInt && n >= 1 && n <= limit {
			f.width = uint(n)
			return f, true
		}
	}
	c.Err(errFieldType)
	return f, false
}

var zeroByte = []byte{0}

// overflow says what becomes of a value that its field cannot hold.
type overflow uint8

const (
	wrap     overflow = iota // its low bits are kept
	saturate                 // the nearest value that fits takes its place
	fail                     // nothing is written
)

func overflowOf(c *command.Ctx, i int) (mode overflow, ok bool) {
	switch {
	case c.Is(i, "wrap"):
		return wrap, true
	case c.Is(i, "sat"):
		return saturate, true
	case c.Is(i, "fail"):
		return fail, true
	}
	c.Err(errOverflow)
	return wrap, false
}

// bounds returns the least and the greatest value of the field.
func (f field) bounds() (least, greatest int64) {
	if !f.signed {
		return 0, math.MaxInt64 >> (unsignedMax - f.width)
	}
	greatest = math.MaxInt64 >> (signedMax - f.width)
	return -greatest - 1, greatest
}

// extend returns the value of the field that is stored as the low bits of raw.
func (f field) extend(raw uint64) int64 {
	raw <<= int64Bits - f.width
	if f.signed {
		return int64(raw) >> (int64Bits - f.width)
	}
	return int64(raw >> (int64Bits - f.width))
}

// set returns what to store for value; ok is false when nothing is to be.
func (f field) set(value int64, mode overflow) (stored int64, ok bool) {
	least, greatest := f.bounds()
	switch {
	case value > greatest:
		return f.over(value, greatest, mode)
	case value >= least:
		return value, true
	case !f.signed || greatest-value < 0:
		// A negative value is a large one to a field without sign. To others
		// Redis looks at the distance from the greatest value first: one that 64
		// bits cannot hold (it wraps around, below 0) counts as too large, too.
		return f.over(value, greatest, mode)
	}
	return f.over(value, least, mode)
}

// add returns what to store for old, a value of the field, plus increment; ok is
// false when nothing is to be.
func (f field) add(old, increment int64, mode overflow) (stored int64, ok bool) {
	least, greatest := f.bounds()
	sum := old + increment
	beyond := (old^sum)&(increment^sum) < 0 // of int64
	switch {
	case beyond && increment > 0, !beyond && sum > greatest:
		return f.over(sum, greatest, mode)
	case beyond, sum < least:
		return f.over(sum, least, mode)
	}
	return sum, true
}

// over treats a value that does not fit: its low 64 bits, and the bound that it
// crossed.
func (f field) over(value, bound int64, mode overflow) (stored int64, ok bool) {
	switch mode {
	case saturate:
		return bound, true
	case fail:
		return 0, false
	}
	return f.extend(uint64(value)), true
}
