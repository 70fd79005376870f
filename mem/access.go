package mem

import (
	"encoding/binary"
	"unsafe"
)

// The accessors below read and write a block in place, little endian, at off
// bytes after h. They compile to one load or store in ordinary builds, with
// no check: h must name a live block and off+width must lie within it. The
// race and memdebug builds check both. off needs no alignment.

// Load64 reads 8 bytes.
//
//kvorum:inline
func Load64(h Handle, off int) uint64 {
	return binary.LittleEndian.Uint64((*[8]byte)(at(h, off, 8))[:])
}

// Store64 writes 8 bytes.
//
//kvorum:inline
func Store64(h Handle, off int, v uint64) {
	binary.LittleEndian.PutUint64((*[8]byte)(at(h, off, 8))[:], v)
}

// Load32 reads 4 bytes.
//
//kvorum:inline
func Load32(h Handle, off int) uint32 {
	return binary.LittleEndian.Uint32((*[4]byte)(at(h, off, 4))[:])
}

// Store32 writes 4 bytes.
//
//kvorum:inline
func Store32(h Handle, off int, v uint32) {
	binary.LittleEndian.PutUint32((*[4]byte)(at(h, off, 4))[:], v)
}

// Load16 reads 2 bytes.
//
//kvorum:inline
func Load16(h Handle, off int) uint16 {
	return binary.LittleEndian.Uint16((*[2]byte)(at(h, off, 2))[:])
}

// Store16 writes 2 bytes.
//
//kvorum:inline
func Store16(h Handle, off int, v uint16) {
	binary.LittleEndian.PutUint16((*[2]byte)(at(h, off, 2))[:], v)
}

// Load8 reads 1 byte.
//
//kvorum:inline
func Load8(h Handle, off int) uint8 { return *(*uint8)(at(h, off, 1)) }

// Store8 writes 1 byte.
//
//kvorum:inline
func Store8(h Handle, off int, v uint8) { *(*uint8)(at(h, off, 1)) = v }

// View returns size bytes from h on, borrowed: the slice dies when the block
// is freed or the caller's lock is dropped. Its capacity equals its length,
// so an append never writes past it.
//
//kvorum:inline
func View(h Handle, size int) []byte {
	return unsafe.Slice((*byte)(at(h, 0, size)), size)
}

// spanOf returns the span of a live block. Readable without a lock: the
// entry was written before the handle was handed out and stays until Free.
func spanOf(h Handle) *span { return spanAt(pageEntry(h.page())) }

// BlockSize returns the usable bytes of the block: at least what was asked
// for. h must be the handle that Alloc returned. Safe without a lock as long
// as the caller owns the block.
//
//kvorum:inline
func BlockSize(h Handle) int { return int(spanOf(h).size) }
