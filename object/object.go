// Package object defines the record: the block of memory that holds one key
// with its metadata and its value, or the root of its value.
//
//	| header 8 | expiry 8, optional | key length 4, optional | key | payload |
//
//	header, little endian:
//	bits 0-3 type, 4-7 encoding, 8-12 flags, 13-39 access (LRU or LFU),
//	40-47 key length (when it fits in a byte), 48-63 payload length (inline strings)
//	expiry: bits 0-55 due time, Unix milliseconds, 56-63 low bits of the tick
//	of the record's valid expiry ticket
//
// A record is referenced from exactly one table slot, so it may be moved by
// copying it and rewriting that slot.
//
// I1: FlagVolatile implies FlagExpiry. A record with FlagExpiry alone has lost
// its TTL, but its ticket still waits in the wheel: a later TTL that is not
// earlier needs no new ticket.
// I2: a record's block is of the arena of its shard's group; what hangs on it may
// be of another arena after RENAME, which moves no values.
// I3: the payload of an integer string is 8 bytes, of a blob string 16 (handle,
// length), of other types 8 (root handle).
//
// Functions here read and write through handles; the caller holds the lock of
// the key's shard. Returned byte views are borrowed until it is released, and
// until the record is rewritten.
package object

import (
	"kvorum/internal/invariants"
	"kvorum/mem"
)

// Type is a Redis type. The numbers are those of RDB and of the Redis sources.
type Type uint8

// The types of values.
const (
	String Type = 0
	List   Type = 1
	Set    Type = 2
	ZSet   Type = 3
	Hash   Type = 4
	Stream Type = 6
)

// Name returns what TYPE replies.
func (t Type) Name() string {
	switch t {
	case String:
		return "string"
	case List:
		return "list"
	case Set:
		return "set"
	case ZSet:
		return "zset"
	case Hash:
		return "hash"
	case Stream:
		return "stream"
	}
	invariants.Fail("object: type %d has no name", t)
	return ""
}

// Encoding is the representation that OBJECT ENCODING reports.
type Encoding uint8

// The encodings of strings; other types add theirs.
const (
	EncRaw    Encoding = 0
	EncInt    Encoding = 1
	EncEmbstr Encoding = 8
)

// Name returns what OBJECT ENCODING replies.
func (e Encoding) Name() string {
	switch e {
	case EncRaw:
		return "raw"
	case EncInt:
		return "int"
	case EncEmbstr:
		return "embstr"
	case EncHashtable:
		return "hashtable"
	case EncIntset:
		return "intset"
	case EncSkiplist:
		return "skiplist"
	case EncQuicklist:
		return "quicklist"
	case EncListpack:
		return "listpack"
	case EncStream:
		return "stream"
	case EncListpackEx:
		return "listpackex"
	case EncHashtableEx:
		return "hashtable"
	}
	invariants.Fail("object: encoding %d has no name", e)
	return ""
}

// Header is the first word of a record.
type Header uint64

// The flags of a header.
const (
	FlagExpiry   Header = 1 << 8  // the expiry field is present
	FlagVolatile Header = 1 << 9  // the key has a TTL
	FlagLongKey  Header = 1 << 10 // the key length stands in its own field
	FlagBlob     Header = 1 << 11 // the string's bytes are in a blob
)

const (
	headerSize  = 8
	expirySize  = 8
	longKeySize = 4

	accessShift  = 13
	keyLenShift  = 40
	payloadShift = 48

	// AccessMask bounds the 27-bit access field.
	AccessMask = 1<<27 - 1
	shortKey   = 1<<8 - 1

	dueBits = 56
	// DueMax is the latest due time that a record can hold, in Unix
	// milliseconds: the year 2 285 000 or so.
	DueMax = 1<<dueBits - 1
)

// Load returns the header of the record at h.
func Load(h mem.Handle) Header { return Header(mem.Load64(h, 0)) }

// Store writes the header of the record at h.
func (d Header) Store(h mem.Handle) { mem.Store64(h, 0, uint64(d)) }

// Type returns the record's type.
func (d Header) Type() Type { return Type(d & 15) }

// Encoding returns the record's encoding.
func (d Header) Encoding() Encoding { return Encoding(d >> 4 & 15) }

// Access returns the 27-bit access field.
func (d Header) Access() uint32 { return uint32(d>>accessShift) & AccessMask }

// WithAccess returns the header with another access field.
func (d Header) WithAccess(v uint32) Header {
	return d&^(AccessMask<<accessShift) | Header(v&AccessMask)<<accessShift
}

// WithEncoding returns the header with another encoding.
func (d Header) WithEncoding(e Encoding) Header { return d&^(15<<4) | Header(e)<<4 }

// inlineLen returns the payload length field.
func (d Header) inlineLen() int { return int(d >> payloadShift) }

// withInlineLen returns the header with another payload length.
func (d Header) withInlineLen(n int) Header {
	return d&(1<<payloadShift-1) | Header(n)<<payloadShift
}

// keyStart returns the offset of the key's bytes and their number.
func (d Header) key(h mem.Handle) (at, n int) {
	at, n = headerSize, int(d>>keyLenShift&shortKey)
	if d&(FlagExpiry|FlagLongKey) == 0 {
		return at, n
	}
	if d&FlagExpiry != 0 {
		at += expirySize
	}
	if d&FlagLongKey != 0 {
		n = int(mem.Load32(h, at))
		at += longKeySize
	}
	return at, n
}

// payload returns the offset of the payload.
func (d Header) payload(h mem.Handle) int {
	at, n := d.key(h)
	return at + n
}

// Key returns the key of the record at h: borrowed.
func Key(h mem.Handle) []byte {
	at, n := Load(h).key(h)
	return mem.View(h, at+n)[at:]
}

// KeyEqual reports whether the record at h has this key.
func KeyEqual(h mem.Handle, key []byte) bool {
	at, n := Load(h).key(h)
	return n == len(key) && string(mem.View(h, at+n)[at:]) == string(key)
}

// Due returns when the record expires, in Unix milliseconds, or -1 when it has
// no TTL.
func Due(h mem.Handle) int64 {
	if Load(h)&FlagVolatile == 0 {
		return -1
	}
	return int64(mem.Load64(h, headerSize) & DueMax)
}

// LastDue returns the due time that the record's ticket was made for or later
// extended to, whether or not the key still has a TTL; 0 when it has no ticket.
func LastDue(h mem.Handle) int64 {
	if Load(h)&FlagExpiry == 0 {
		return 0
	}
	return int64(mem.Load64(h, headerSize) & DueMax)
}

// TicketTick returns the low 8 bits of the tick of the record's valid ticket.
// The record has an expiry field.
func TicketTick(h mem.Handle) uint8 { return uint8(mem.Load64(h, headerSize) >> dueBits) }

// SetDue writes the expiry field, which must be present. volatile tells whether
// the key has a TTL or only a ticket.
func SetDue(h mem.Handle, due int64, tick uint8, volatile bool) {
	d := Load(h)
	if d&FlagExpiry == 0 || due < 0 || due > DueMax {
		invariants.Fail("object: due %d for header %#x", due, uint64(d))
	}
	mem.Store64(h, headerSize, uint64(due)|uint64(tick)<<dueBits)
	if volatile {
		d |= FlagVolatile
	} else {
		d &^= FlagVolatile
	}
	d.Store(h)
}

// Size returns the bytes that a record needs.
func Size(keyLen, payload int, expiry bool) int {
	n := headerSize + keyLen + payload
	if expiry {
		n += expirySize
	}
	if keyLen > shortKey {
		n += longKeySize
	}
	return n
}

// Begin writes header, empty expiry field and key into the block at h, which is
// at least Size bytes, and returns the offset of the payload. key must not lie
// in the block itself.
func Begin(h mem.Handle, key []byte, d Header, expiry bool) int {
	at := headerSize
	d &^= FlagExpiry | FlagVolatile | FlagLongKey | shortKey<<keyLenShift
	if expiry {
		d |= FlagExpiry
		mem.Store64(h, at, 0)
		at += expirySize
	}
	if len(key) > shortKey {
		d |= FlagLongKey
		mem.Store32(h, at, uint32(len(key)))
		at += longKeySize
	} else {
		d |= Header(len(key)) << keyLenShift
	}
	d.Store(h)
	copy(mem.View(h, at+len(key))[at:], key)
	return at + len(key)
}

// RecordSize returns the bytes that the record at h uses of its block.
func RecordSize(h mem.Handle) int {
	d := Load(h)
	return d.payload(h) + d.payloadLen()
}

// payloadLen returns the length of the payload inside the record.
func (d Header) payloadLen() int {
	switch {
	case d.Type() != String:
		return rootSize
	case d&FlagBlob != 0:
		return blobRefSize
	case d.Encoding() == EncInt:
		return intSize
	}
	return d.inlineLen()
}

const (
	rootSize    = 8
	intSize     = 8
	blobRefSize = 16
)

// Free gives back the record at h and all that hangs on it.
func Free(h mem.Handle) {
	FreeValue(h)
	mem.Free(h, mem.KindRecord)
}

// FreeValue gives back what hangs on the record, not the record itself.
func FreeValue(h mem.Handle) {
	d := Load(h)
	if d.Type() != String {
		for !freeCollection(h, freeStep) {
		}
		return
	}
	if d&FlagBlob != 0 {
		mem.Free(mem.Handle(mem.Load64(h, d.payload(h))), mem.KindBlob)
	}
}

// Footprint returns the bytes of all blocks of the record at h.
func Footprint(h mem.Handle) int {
	n := mem.BlockSize(h)
	if d := Load(h); d&FlagBlob != 0 {
		n += mem.BlockSize(mem.Handle(mem.Load64(h, d.payload(h))))
	}
	return n
}

// Blocks calls fn for every block of memory of the record at h.
func Blocks(h mem.Handle, fn func(mem.Handle)) {
	fn(h)
	d := Load(h)
	switch {
	case d.Type() != String:
		collectionBlocks(h, fn)
	case d&FlagBlob != 0:
		fn(mem.Handle(mem.Load64(h, d.payload(h))))
	}
}
