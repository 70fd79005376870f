package rdb

import (
	"encoding/binary"

	"kvorum/ds/listpack"
	"kvorum/mem"
	"kvorum/object"
	"kvorum/object/hash"
)

// Hashes with TTLs on fields, as Redis 7.4 has them:
//
//	packed: | earliest due time 8 | listpack of (field, value, due) |
//	table:  | base 8 | count | (due - base + 1, field, value) ... |    0 for no due time
//
// The base is the earliest due time, too.

// stageTimed appends the frames of a timed hash.
func (f *Form) stageTimed(dst []byte, rec mem.Handle) []byte {
	base := uint64(max(object.NextFieldDue(rec), 0))
	if f.typeOf(rec) == typeHashPackDue {
		dst = binary.LittleEndian.AppendUint32(dst, wordSize)
		dst = binary.LittleEndian.AppendUint64(dst, base)
		return appendString(dst, object.PackedTimed(rec))
	}
	h := hash.Open(rec)
	dst, start := openRaw(dst)
	dst = binary.LittleEndian.AppendUint64(dst, base)
	dst = closeRaw(appendLen(dst, uint64(h.Stored())), start)
	var it hash.Iter
	for it.Start(&h); it.Next(); {
		dst, start = openRaw(dst)
		ttl := uint64(0)
		if due := it.Due(); due != 0 {
			ttl = uint64(due) - base + 1
		}
		dst = closeRaw(appendLen(dst, ttl), start)
		dst = appendString(appendString(dst, it.Field()), it.Value())
	}
	return dst
}

// buildTimed makes a hash with TTLs on fields. Fields that are past their due time are
// left out.
func (b *Builder) buildTimed(in *input, to target, t byte) mem.Handle {
	base := in.uint64()
	rec := hash.New(to.arena, to.key, to.access)
	h := hash.Open(rec)
	if t == typeHashPackDue {
		b.timedPack(in, &h)
	} else {
		b.timedTable(in, &h, base)
	}
	b.refuseEmpty(in, h.Stored())
	return rec
}

func (b *Builder) timedTable(in *input, h *hash.Hash, base uint64) {
	n := in.count()
	if n > uint64(max(b.Limits.Hash.Entries, 0)) && in.err == nil {
		h.Unpack()
	}
	for ; n > 0 && in.err == nil; n-- {
		due := in.length()
		if due != 0 {
			due += base - 1
		}
		b.name = append(b.name[:0], in.element()...)
		value := in.element()
		if in.err == nil {
			b.timedField(in, h, b.name, value, due)
		}
	}
}

func (b *Builder) timedPack(in *input, h *hash.Hash) {
	s := in.element()
	if in.err != nil {
		return
	}
	if !b.pack.fromListpack(s) || b.pack.n%object.TimedStride != 0 {
		in.corrupt("Hash listpackex integrity check failed.")
		return
	}
	lp := b.pack.done()
	var digits [2][24]byte
	for p := listpack.HeaderSize; p < listpack.End(lp) && in.err == nil; {
		var field, value, due listpack.Value
		field, p = listpack.At(lp, p)
		value, p = listpack.At(lp, p)
		due, p = listpack.At(lp, p)
		if due.Str != nil || due.Int < 0 {
			in.corrupt("Hash listpackex integrity check failed.")
			return
		}
		b.timedField(in, h, field.Bytes(digits[0][:]), value.Bytes(digits[1][:]), uint64(due.Int))
	}
}

// timedField puts a field in, unless it is gone.
func (b *Builder) timedField(in *input, h *hash.Hash, field, value []byte, due uint64) {
	switch {
	case due > hash.DueMax:
		in.corrupt("Hash with a due time that is invalid")
	case due != 0 && int64(due) < b.NowMs:
	case !h.Set(field, value, b.Limits.Hash, &b.buf):
		in.corrupt("Duplicate hash fields detected")
	case due != 0:
		h.SetDue(field, int64(due), &b.buf)
	}
}
