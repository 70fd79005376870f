package object

import (
	"kvorum/mem"
	"kvorum/num"
)

const (
	// InlineMax is the longest string kept inside its record; longer ones are
	// in a blob of their own, so that the record stays cheap to move.
	InlineMax = 1024
	// EmbstrMax is the longest string that OBJECT ENCODING calls embstr.
	EmbstrMax = 44

	blobHeader = 8 // reserved for the reference count of zero-copy replies
	growDouble = 1 << 20
)

// StringEncoding returns the encoding that a freshly set value gets, and the
// integer when it is one.
func StringEncoding(value []byte) (Encoding, int64) {
	if len(value) <= 20 {
		if n, ok := num.ParseInt64(value); ok {
			return EncInt, n
		}
	}
	return TextEncoding(len(value)), 0
}

// TextEncoding returns the encoding of a freshly set value of size bytes that
// is not to be an integer.
func TextEncoding(size int) Encoding {
	if size <= EmbstrMax {
		return EncEmbstr
	}
	return EncRaw
}

// StringPayload returns the payload length that a string of n bytes needs.
func StringPayload(enc Encoding, n int) int {
	switch {
	case enc == EncInt:
		return intSize
	case n > InlineMax:
		return blobRefSize
	}
	return n
}

// IntAt returns the value of the integer string at h.
func IntAt(h mem.Handle) int64 { return int64(mem.Load64(h, Load(h).payload(h))) }

// StringInt returns the string at h as an integer; ok is false when it is none.
func StringInt(h mem.Handle) (n int64, ok bool) {
	if Load(h).Encoding() == EncInt {
		return IntAt(h), true
	}
	return num.ParseInt64(StringView(h, nil))
}

// SetIntAt changes the value of the integer string at h in place.
func SetIntAt(h mem.Handle, v int64) { mem.Store64(h, Load(h).payload(h), uint64(v)) }

// StringLen returns the length of the string at h in bytes.
func StringLen(h mem.Handle) int {
	d := Load(h)
	switch {
	case d.Encoding() == EncInt:
		var buf [24]byte
		return len(num.AppendInt(buf[:0], IntAt(h)))
	case d&FlagBlob != 0:
		return int(mem.Load64(h, d.payload(h)+8))
	}
	return d.inlineLen()
}

// StringView returns the bytes of the string at h: borrowed. An integer is
// formatted into scratch, which must have room for 20 bytes.
func StringView(h mem.Handle, scratch []byte) []byte {
	d := Load(h)
	at := d.payload(h)
	switch {
	case d.Encoding() == EncInt:
		return num.AppendInt(scratch[:0], int64(mem.Load64(h, at)))
	case d&FlagBlob != 0:
		n := int(mem.Load64(h, at+8))
		return mem.View(mem.Handle(mem.Load64(h, at)), blobHeader+n)[blobHeader:]
	}
	n := d.inlineLen()
	return mem.View(h, at+n)[at:]
}

// WriteString writes header, key and value into the block at h. The block is
// fresh, or the old record's own with its value freed and key not inside it.
func WriteString(a *mem.Arena, h mem.Handle, key, value []byte, enc Encoding, n int64, access uint32, expiry bool) {
	d := Header(String) | Header(enc)<<4 | Header(access)<<accessShift
	switch {
	case enc == EncInt:
		at := Begin(h, key, d, expiry)
		mem.Store64(h, at, uint64(n))
	case len(value) > InlineMax:
		at := Begin(h, key, d|FlagBlob, expiry)
		b := a.Alloc(blobHeader+len(value), mem.KindBlob)
		mem.Store64(b, 0, 1)
		copy(mem.View(b, blobHeader+len(value))[blobHeader:], value)
		mem.Store64(h, at, uint64(b))
		mem.Store64(h, at+8, uint64(len(value)))
	default:
		at := Begin(h, key, d.withInlineLen(len(value)), expiry)
		copy(mem.View(h, at+len(value))[at:], value)
	}
}

// OverwriteString replaces the value of the inline or integer string at h in
// place: the block has room for it and key, expiry field and access stay.
func OverwriteString(h mem.Handle, value []byte, enc Encoding, n int64) {
	d := Load(h).WithEncoding(enc)
	at := d.payload(h)
	if enc == EncInt {
		d.withInlineLen(0).Store(h)
		mem.Store64(h, at, uint64(n))
		return
	}
	d.withInlineLen(len(value)).Store(h)
	copy(mem.View(h, at+len(value))[at:], value)
}

// OverwriteBlob replaces the value of the string at h, which is in a blob, by
// another that is too long to be inline, and reports whether the blob's block
// is the one that the new value would get.
func OverwriteBlob(h mem.Handle, value []byte) bool {
	d := Load(h)
	at := d.payload(h)
	b := mem.Handle(mem.Load64(h, at))
	size := blobHeader + len(value)
	if mem.Load64(b, 0) != 1 || mem.BlockSize(b) != mem.RoundSize(size) {
		return false
	}
	copy(mem.View(b, size)[blobHeader:], value)
	mem.Store64(h, at+8, uint64(len(value)))
	d.WithEncoding(EncRaw).Store(h)
	return true
}

// ResizeInPlace makes the string at h size bytes long without moving the
// record and reports whether it could. New bytes are zero; the encoding becomes
// raw. Integers never can.
func ResizeInPlace(a *mem.Arena, h mem.Handle, size int) bool {
	d := Load(h)
	at := d.payload(h)
	switch {
	case d.Encoding() == EncInt:
		return false
	case d&FlagBlob != 0:
		resizeBlob(a, h, at, size)
	case size > InlineMax || at+size > mem.BlockSize(h):
		return false
	default:
		if old := d.inlineLen(); size > old {
			clear(mem.View(h, at+size)[at+old:])
		}
		d = d.withInlineLen(size)
	}
	d.WithEncoding(EncRaw).Store(h)
	return true
}

// resizeBlob changes the length of the blob string at h. A blob that grows is
// given room for more, as the next append is likely near.
func resizeBlob(a *mem.Arena, h mem.Handle, at, size int) {
	old, oldLen := mem.Handle(mem.Load64(h, at)), int(mem.Load64(h, at+8))
	if blobHeader+size > mem.BlockSize(old) {
		b := a.Alloc(blobHeader+Headroom(size), mem.KindBlob)
		mem.Store64(b, 0, 1)
		copy(mem.View(b, blobHeader+oldLen)[blobHeader:], mem.View(old, blobHeader+oldLen)[blobHeader:])
		mem.Free(old, mem.KindBlob)
		mem.Store64(h, at, uint64(b))
		old = b
	}
	if size > oldLen {
		clear(mem.View(old, blobHeader+size)[blobHeader+oldLen:])
	}
	mem.Store64(h, at+8, uint64(size))
}

// Headroom returns the room to allocate for a string that has grown to size
// bytes: twice as much for small ones, a quarter more for large ones.
func Headroom(size int) int {
	if size < growDouble {
		return 2 * size
	}
	return size + size/4
}

// NewString makes a record with a raw string of size bytes that begins with
// start (not in the record to be replaced by a block of the same handle) and is
// zero after it. room, at least size, is what the string may grow to in place.
func NewString(a *mem.Arena, key, start []byte, size, room int, access uint32, expiry bool) mem.Handle {
	d := Header(String) | Header(EncRaw)<<4 | Header(access)<<accessShift
	if size > InlineMax {
		h := a.Alloc(Size(len(key), blobRefSize, expiry), mem.KindRecord)
		at := Begin(h, key, d|FlagBlob, expiry)
		b := a.Alloc(blobHeader+room, mem.KindBlob)
		mem.Store64(b, 0, 1)
		fill(mem.View(b, blobHeader+size)[blobHeader:], start)
		mem.Store64(h, at, uint64(b))
		mem.Store64(h, at+8, uint64(size))
		return h
	}
	h := a.Alloc(Size(len(key), min(room, InlineMax), expiry), mem.KindRecord)
	at := Begin(h, key, d.withInlineLen(size), expiry)
	fill(mem.View(h, at+size)[at:], start)
	return h
}

// fill copies start to the beginning of dst and clears the rest.
func fill(dst, start []byte) { clear(dst[copy(dst, start):]) }

// Clone copies the record old under another key into an arena, with an empty
// expiry field if expiry is set. With steal, what hangs on old is taken over:
// the caller then frees old's own block only.
func Clone(a *mem.Arena, old mem.Handle, key []byte, expiry, steal bool) mem.Handle {
	d := Load(old)
	from, n := d.payload(old), d.payloadLen()
	if !steal {
		d &^= FlagCut // the copy has another root
	}
	h := a.Alloc(Size(len(key), n, expiry), mem.KindRecord)
	at := Begin(h, key, d, expiry)
	copy(mem.View(h, at+n)[at:], mem.View(old, from+n)[from:])
	if d.Type() != String && !steal {
		mem.Store64(h, at, uint64(copyCollection(a, old)))
	}
	if d&FlagBlob != 0 && !steal {
		size := blobHeader + int(mem.Load64(h, at+8))
		b := a.Alloc(size, mem.KindBlob)
		copy(mem.View(b, size), mem.View(mem.Handle(mem.Load64(h, at)), size))
		mem.Store64(h, at, uint64(b))
	}
	return h
}

// Move copies the record at h, all of it, to a fresh block of its arena and
// returns that; the value's own blocks stay where they are.
func Move(a *mem.Arena, h mem.Handle) mem.Handle {
	n := RecordSize(h)
	to := a.Alloc(n, mem.KindRecord)
	copy(mem.View(to, n), mem.View(h, n))
	mem.Free(h, mem.KindRecord)
	return to
}

// WritableString returns the bytes of the non-integer string at h for writing
// in place: borrowed.
func WritableString(h mem.Handle) []byte { return StringView(h, nil) }
