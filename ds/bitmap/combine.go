package bitmap

import "encoding/binary"

// The functions here change dst in place; src is not longer than dst and is the
// same slice or none of its bytes. Where src ends it counts as zeros. O(len(dst)).

// step is what one turn of the loops takes: four words, so that bounds are
// checked once for each.
const step = 4 * wordSize

// And keeps of dst the bits that src has too.
func And(dst, src []byte) {
	clear(dst[len(src):])
	for len(src) >= step {
		d, s := dst[:step:step], src[:step:step]
		binary.LittleEndian.PutUint64(d[0:], binary.LittleEndian.Uint64(d[0:])&binary.LittleEndian.Uint64(s[0:]))
		binary.LittleEndian.PutUint64(d[8:], binary.LittleEndian.Uint64(d[8:])&binary.LittleEndian.Uint64(s[8:]))
		binary.LittleEndian.PutUint64(d[16:], binary.LittleEndian.Uint64(d[16:])&binary.LittleEndian.Uint64(s[16:]))
		binary.LittleEndian.PutUint64(d[24:], binary.LittleEndian.Uint64(d[24:])&binary.LittleEndian.Uint64(s[24:]))
		dst, src = dst[step:], src[step:]
	}
	for i, v := range src {
		dst[i] &= v
	}
}

// Or adds to dst the bits that src has.
func Or(dst, src []byte) {
	for len(src) >= step {
		d, s := dst[:step:step], src[:step:step]
		binary.LittleEndian.PutUint64(d[0:], binary.LittleEndian.Uint64(d[0:])|binary.LittleEndian.Uint64(s[0:]))
		binary.LittleEndian.PutUint64(d[8:], binary.LittleEndian.Uint64(d[8:])|binary.LittleEndian.Uint64(s[8:]))
		binary.LittleEndian.PutUint64(d[16:], binary.LittleEndian.Uint64(d[16:])|binary.LittleEndian.Uint64(s[16:]))
		binary.LittleEndian.PutUint64(d[24:], binary.LittleEndian.Uint64(d[24:])|binary.LittleEndian.Uint64(s[24:]))
		dst, src = dst[step:], src[step:]
	}
	for i, v := range src {
		dst[i] |= v
	}
}

// Xor flips the bits of dst that src has.
func Xor(dst, src []byte) {
	for len(src) >= step {
		d, s := dst[:step:step], src[:step:step]
		binary.LittleEndian.PutUint64(d[0:], binary.LittleEndian.Uint64(d[0:])^binary.LittleEndian.Uint64(s[0:]))
		binary.LittleEndian.PutUint64(d[8:], binary.LittleEndian.Uint64(d[8:])^binary.LittleEndian.Uint64(s[8:]))
		binary.LittleEndian.PutUint64(d[16:], binary.LittleEndian.Uint64(d[16:])^binary.LittleEndian.Uint64(s[16:]))
		binary.LittleEndian.PutUint64(d[24:], binary.LittleEndian.Uint64(d[24:])^binary.LittleEndian.Uint64(s[24:]))
		dst, src = dst[step:], src[step:]
	}
	for i, v := range src {
		dst[i] ^= v
	}
}

// Not flips all bits of dst.
func Not(dst []byte) {
	for len(dst) >= step {
		d := dst[:step:step]
		binary.LittleEndian.PutUint64(d[0:], ^binary.LittleEndian.Uint64(d[0:]))
		binary.LittleEndian.PutUint64(d[8:], ^binary.LittleEndian.Uint64(d[8:]))
		binary.LittleEndian.PutUint64(d[16:], ^binary.LittleEndian.Uint64(d[16:]))
		binary.LittleEndian.PutUint64(d[24:], ^binary.LittleEndian.Uint64(d[24:]))
		dst = dst[step:]
	}
	for i := range dst {
		dst[i] = ^dst[i]
	}
}
