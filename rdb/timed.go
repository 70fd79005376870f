package rdb

import (
	"encoding/binary"

	"kvorum/ds/listpack"
	"kvorum/mem"
	"kvorum/object"
	"kvorum/object/hash"
)

// Hashes with TTLs on fields are written as Redis 7.4 does, which is what else reads
// them:
//
//	packed:  | next due 8 | listpack of (field, value, due) |
//	table:   | base due 8 | n | n times: due-base+1 or 0, field, value |
//
// What stands in front is when the next field is due; of a table, due times are told
// relative to it. Older forms have them as they are, and nothing in front. A table in
// parts is written relative to baseParted, for what is due next may have changed
// between its head and its elements.

const baseParted = 1

// typeOfTimed is typeOf for a timed hash. One without a TTL is written for 7.4 as 7.4
// does, else as any hash, so that older servers can read it.
func (f *Form) typeOfTimed(rec mem.Handle) byte {
	packed, due := object.Load(rec).Encoding() == object.EncListpackEx, object.NextFieldDue(rec) >= 0
	switch {
	case packed && (due || f.Version >= VersionTimed):
		return typeHashPackDue
	case due:
		return typeHashDue
	}
	return typeHash
}

// versionOf returns the version of a payload with a value of a type.
func versionOf(t byte, version int) int {
	if t >= typeHashDueOld {
		return max(version, VersionTimed)
	}
	return version
}

func appendWordFrame(dst []byte, word uint64) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, wordSize)
	return binary.LittleEndian.AppendUint64(dst, word)
}

func stageTimedPack(dst []byte, rec mem.Handle) []byte {
	dst = appendWordFrame(dst, uint64(max(object.NextFieldDue(rec), 0)))
	return appendString(dst, object.PackedBytes(rec))
}

func stageTimedTable(dst []byte, rec mem.Handle) []byte {
	h := hash.Open(rec)
	base := object.NextFieldDue(rec)
	dst = appendWordFrame(dst, uint64(base))
	dst = appendLenFrame(dst, h.Len())
	var it hash.Iter
	for it.Start(&h); it.Next(); {
		dst = appendTimed(dst, it.Field(), it.Value(), it.Due(), base)
	}
	return dst
}

func appendTimed(dst, field, value []byte, due, base int64) []byte {
	if due != 0 {
		due -= base - 1
	}
	dst = appendLenFrame(dst, int(due))
	return appendString(appendString(dst, field), value)
}

// buildTimed is buildHash with due times.
func (b *Builder) buildTimed(in *input, to target, t byte) mem.Handle {
	base := uint64(1)
	if t == typeHashDue {
		base = in.uint64()
	}
	rec, h, n := b.beginHash(in, to)
	if rec == 0 {
		return 0
	}
	h.MakeTimed()
	for ; n > 0; n-- {
		due := in.length()
		if due != 0 {
			due += base - 1
		}
		if due > hash.DueMax {
			in.corrupt("invalid expireAt time: %d", due)
		}
		if !b.addField(in, &h) {
			return rec
		}
		h.SetDue(b.name, int64(due), &b.buf)
	}
	return rec
}

// packedTimed takes a listpack of triples as it is if they are in order, else puts its
// fields in one by one.
func (b *Builder) packedTimed(in *input, lp []byte, to target) mem.Handle {
	ordered, before := true, int64(1)
	for p := listpack.HeaderSize; p < listpack.End(lp); {
		v, next := listpack.At(lp, skipEntries(lp, p, object.TimedStride-1))
		if v.Str != nil || v.Int < 0 || v.Int > hash.DueMax {
			in.corrupt("Hash listpack with a due time that is none")
			return 0
		}
		due := v.Int
		if due == 0 {
			due = hash.DueMax + 1
		}
		ordered = ordered && before <= due
		before, p = due, next
	}
	if !ordered {
		return b.sortedTimed(lp, to)
	}
	rec := object.NewPackedTimed(to.arena, to.key, lp, to.access)
	if b.pack.n/object.TimedStride > b.Limits.Hash.Entries {
		h := hash.Open(rec)
		h.Unpack()
	}
	return rec
}

func (b *Builder) sortedTimed(lp []byte, to target) mem.Handle {
	rec := hash.New(to.arena, to.key, to.access)
	h := hash.Open(rec)
	h.MakeTimed()
	var name, text [24]byte
	for p := listpack.HeaderSize; p < listpack.End(lp); {
		field, p1 := listpack.At(lp, p)
		value, p2 := listpack.At(lp, p1)
		due, end := listpack.At(lp, p2)
		f := field.Bytes(name[:])
		h.Set(f, value.Bytes(text[:]), b.Limits.Hash, &b.buf)
		h.SetDue(f, due.Int, &b.buf)
		p = end
	}
	return rec
}
