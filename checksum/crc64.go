// Package checksum holds the check sums of Redis's formats.
//
// CRC64 is the one of RDB files and DUMP payloads: the Jones polynomial
// 0xad93d23594c935a9, bits of input and output reflected, without a value to begin
// or to end with. Check value of "123456789": 0xe9c6d914c4b8d9ca.
package checksum

import "encoding/binary"

const (
	crcPoly  = 0x95ac9329ac4bc9b5 // reflected
	crcSlice = 8                  // bytes that one step takes
)

var crcTables = makeTables()

// makeTables returns, for each place in a step, what a byte there contributes.
func makeTables() *[crcSlice][256]uint64 {
	t := new([crcSlice][256]uint64)
	for i := range t[0] {
		c := uint64(i)
		for range 8 {
			low := c & 1
			c >>= 1
			if low != 0 {
				c ^= crcPoly
			}
		}
		t[0][i] = c
	}
	for i := range t[0] {
		c := t[0][i]
		for k := 1; k < crcSlice; k++ {
			c = t[0][c&0xff] ^ c>>8
			t[k][i] = c
		}
	}
	return t
}

// byTables is CRC64 eight bytes at a time, on any processor.
func byTables(crc uint64, p []byte) uint64 {
	t := crcTables
	for len(p) >= crcSlice {
		crc ^= binary.LittleEndian.Uint64(p)
		crc = t[7][crc&0xff] ^ t[6][crc>>8&0xff] ^ t[5][crc>>16&0xff] ^ t[4][crc>>24&0xff] ^
			t[3][crc>>32&0xff] ^ t[2][crc>>40&0xff] ^ t[1][crc>>48&0xff] ^ t[0][crc>>56]
		p = p[crcSlice:]
	}
	for _, b := range p {
		crc = t[0][byte(crc)^b] ^ crc>>8
	}
	return crc
}
