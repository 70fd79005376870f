package bitmap

import "encoding/binary"

// A field of up to 64 bits that does not begin with a byte lies in up to nine
// bytes: eight of a word and one more.
//
//	bits      | shift | width        | rest |
//	memory    | 8 bytes, big endian    | 1  |
const fieldBytes = wordSize + 1

// Field returns the integer, most significant bit first, of width bits (1 to
// 64) at position at. Bits behind the end of b count as zero.
func Field(b []byte, at int64, width uint) uint64 {
	var raw [fieldBytes]byte
	if first := at / byteBits; first < int64(len(b)) {
		copy(raw[:], b[first:])
	}
	shift := uint(at % byteBits)
	v := binary.BigEndian.Uint64(raw[:])<<shift | uint64(raw[wordSize])>>(byteBits-shift)
	return v >> (wordBits - width)
}

// SetField writes the low width bits (1 to 64) of v at position at. The field
// lies in b.
func SetField(b []byte, at int64, width uint, v uint64) {
	var raw [fieldBytes]byte
	b = b[at/byteBits:]
	copy(raw[:], b)
	shift := uint(at % byteBits)
	v <<= wordBits - width
	mask := allOnes << (wordBits - width)
	w := binary.BigEndian.Uint64(raw[:])
	binary.BigEndian.PutUint64(raw[:], w&^(mask>>shift)|v>>shift)
	raw[wordSize] = raw[wordSize]&^byte(mask<<(byteBits-shift)) | byte(v<<(byteBits-shift))
	copy(b, raw[:])
}

// Bit returns the bit at position at: 0 or 1; 0 behind the end of b.
func Bit(b []byte, at int64) byte {
	if i := at / byteBits; i < int64(len(b)) {
		return b[i] >> (byteBits - 1 - at%byteBits) & 1
	}
	return 0
}

// SetBit makes the bit at position at, which lies in b, 0 or 1.
func SetBit(b []byte, at int64, bit byte) {
	i, shift := at/byteBits, byteBits-1-at%byteBits
	b[i] = b[i]&^(1<<shift) | bit<<shift
}
