package hll

import "encoding/binary"

// Dense registers are read and written eight at a time where all are needed:
// eight are 48 bits, which a shift and a mask at a time spread over the eight
// bytes of a word.
const (
	groupRegs  = 8
	groupBytes = groupRegs * rankBits / 8
)

// Register returns register i of a dense string.
func Register(b []byte, i int) uint8 {
	at, shift := HeaderSize+i*rankBits/8, uint(i*rankBits&7)
	v := b[at] >> shift
	if shift > 8-rankBits {
		v |= b[at+1] << (8 - shift)
	}
	return v & rankMask
}

// SetDense raises register index of a dense string to rank and reports whether
// it was lower. The cached cardinality stays as it is.
func SetDense(b []byte, index int, rank uint8) bool {
	at, shift := HeaderSize+index*rankBits/8, uint(index*rankBits&7)
	// The register lies in two bytes, or in the first of them alone.
	if shift <= 8-rankBits {
		if b[at]>>shift&rankMask >= rank {
			return false
		}
		b[at] = b[at]&^(rankMask<<shift) | rank<<shift
		return true
	}
	pair := binary.LittleEndian.Uint16(b[at:])
	if uint8(pair>>shift)&rankMask >= rank {
		return false
	}
	binary.LittleEndian.PutUint16(b[at:], pair&^(rankMask<<shift)|uint16(rank)<<shift)
	return true
}

// spread puts the eight registers in the low 48 bits of w into eight bytes.
func spread(w uint64) uint64 {
	w = w&0x0000000000ffffff | w&0x0000ffffff000000<<8
	w = w&0x00000fff00000fff | w&0x00fff00000fff000<<4
	return w&0x003f003f003f003f | w&0x0fc00fc00fc00fc0<<2
}

// gather is the inverse of spread.
func gather(w uint64) uint64 {
	w = w&0x003f003f003f003f | w>>2&0x0fc00fc00fc00fc0
	w = w&0x00000fff00000fff | w>>4&0x00fff00000fff000
	return w&0x0000000000ffffff | w>>8&0x0000ffffff000000
}

// maxBytes returns the greater of each two bytes, all of which are below 128.
func maxBytes(a, b uint64) uint64 {
	const tops = 0x8080808080808080
	ge := (a | tops) - b // the top bit of a byte stays where a >= b
	ge &= tops
	mask := ge - ge>>7 | ge
	return a&mask | b&^mask
}

// load192 loads 24 bytes as four words, each with eight registers in its low 48
// bits and others' above them.
func load192(b []byte) (w0, w1, w2, w3 uint64) {
	_ = b[4*groupBytes-1]
	x, y, z := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:]), binary.LittleEndian.Uint64(b[16:])
	return x, x>>48 | y<<16, y>>32 | z<<32, z >> 16
}

// store192 stores what load192 loads; the words have nothing above 48 bits.
func store192(b []byte, w0, w1, w2, w3 uint64) {
	_ = b[4*groupBytes-1]
	binary.LittleEndian.PutUint64(b, w0|w1<<48)
	binary.LittleEndian.PutUint64(b[8:], w1>>16|w2<<32)
	binary.LittleEndian.PutUint64(b[16:], w2>>32|w3<<16)
}
