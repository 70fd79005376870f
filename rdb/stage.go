package rdb

import (
	"encoding/binary"
	"math"

	"kvorum/ds/listpack"
	"kvorum/internal/invariants"
	"kvorum/mem"
	"kvorum/object"
	"kvorum/object/hash"
	"kvorum/object/list"
	"kvorum/object/set"
	"kvorum/object/zset"
)

// Track says what of a key's access field is written.
type Track uint8

// What is written: Redis writes what the eviction policy looks at.
const (
	TrackNone Track = iota
	TrackIdle       // seconds without access
	TrackFreq       // the counter of accesses
)

// Form says how keys are written.
type Form struct {
	Version      int   // VersionMin to VersionMax
	NowMs        int64 // Unix time, for idle times
	Track        Track
	DecayMinutes int // lfu-decay-time, for TrackFreq
}

const (
	frameHead   = 4
	frameString = 1 << 31
	frameMax    = frameString - 1 // stands before a length of 8 bytes

	idSize   = 16
	wordSize = 8
)

// appendString appends a frame of a string: it may be written in another way.
func appendString(dst, s []byte) []byte { return append(appendStringFrame(dst, len(s)), s...) }

// appendStringFrame appends what stands before the n bytes of a string.
func appendStringFrame(dst []byte, n int) []byte {
	if n < frameMax {
		return binary.LittleEndian.AppendUint32(dst, uint32(n)|frameString)
	}
	dst = binary.LittleEndian.AppendUint32(dst, frameMax|frameString)
	return binary.LittleEndian.AppendUint64(dst, uint64(n))
}

// openRaw begins a frame of bytes that stay as they are, which end at closeRaw.
func openRaw(dst []byte) (out []byte, start int) {
	dst = append(dst, 0, 0, 0, 0)
	return dst, len(dst)
}

// closeRaw ends the frame that began at start, or takes it away if it is empty.
func closeRaw(dst []byte, start int) []byte {
	n := len(dst) - start
	if n == 0 {
		return dst[:start-frameHead]
	}
	binary.LittleEndian.PutUint32(dst[start-frameHead:], uint32(n))
	return dst
}

// appendLen appends a length as files have it.
func appendLen(dst []byte, n uint64) []byte {
	switch {
	case n < 1<<6:
		return append(dst, len6|byte(n))
	case n < 1<<14:
		return append(dst, len14|byte(n>>8), byte(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, len32), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, len64), n)
}

func appendLenFrame(dst []byte, n int) []byte {
	dst, start := openRaw(dst)
	return closeRaw(appendLen(dst, uint64(n)), start)
}

// StageKey appends the frames of a key: due time, access, type, name and value. The
// caller holds the lock of its shard.
func (f *Form) StageKey(dst []byte, rec mem.Handle) []byte {
	dst = f.stageStart(dst, rec, f.typeOf(rec))
	dst = appendString(dst, object.Key(rec))
	return f.StageValue(dst, rec)
}

// StageHead appends the frames of a key up to its elements, of a collection that is
// not packed (see Split): items is the number of its elements, nodes that of the
// nodes of a list or a stream.
func (f *Form) StageHead(dst []byte, rec mem.Handle, items, nodes int) []byte {
	d := object.Load(rec)
	t := f.typeOf(rec)
	if d.Encoding() == object.EncHashtableEx {
		t = typeHashDue // an element may have the TTL that it had when the walk began
	}
	dst = f.stageStart(dst, rec, t)
	dst = appendString(dst, object.Key(rec))
	switch {
	case t == typeHashDue:
		dst = appendWordFrame(dst, baseParted)
	case d.Type() == object.Stream, t == typeQuicklist2:
		items = nodes
	}
	return appendLenFrame(dst, items)
}

// Split reports whether a value can be staged in parts.
func Split(rec mem.Handle) bool {
	switch object.Load(rec).Encoding() {
	case object.EncHashtable, object.EncHashtableEx, object.EncSkiplist, object.EncQuicklist, object.EncStream:
		return true
	}
	return false
}

// stageStart appends what stands before the name of a key of type t.
func (f *Form) stageStart(dst []byte, rec mem.Handle, t byte) []byte {
	dst, start := openRaw(dst)
	if due := object.Due(rec); due >= 0 {
		dst = binary.LittleEndian.AppendUint64(append(dst, opExpireMs), uint64(due))
	}
	access := object.Load(rec).Access()
	switch f.Track {
	case TrackIdle:
		dst = appendLen(append(dst, opIdle), uint64(idleSeconds(access, f.NowMs)))
	case TrackFreq:
		dst = append(dst, opFreq, f.frequency(access))
	}
	return closeRaw(append(dst, t), start)
}

// typeOf returns the type that a value is written as.
func (f *Form) typeOf(rec mem.Handle) byte {
	d := object.Load(rec)
	packed := d.Encoding() == object.EncListpack
	switch d.Type() {
	case object.String:
		return typeString
	case object.Hash:
		switch {
		case d.Timed():
			return f.typeOfTimed(rec)
		case packed && f.Version >= versionListpacks:
			return typeHashListpack
		}
		return typeHash
	case object.Set:
		switch {
		case d.Encoding() == object.EncIntset:
			return typeIntset
		case packed && f.Version >= versionSetListpack:
			return typeSetListpack
		}
		return typeSet
	case object.ZSet:
		if packed && f.Version >= versionListpacks {
			return typeZSetListpack
		}
		return typeZSet2
	case object.List:
		if f.Version >= versionListpacks {
			return typeQuicklist2
		}
		return typeList
	case object.Stream:
		switch {
		case f.Version >= versionSetListpack:
			return typeStream3
		case f.Version >= versionListpacks:
			return typeStream2
		}
		return typeStream1
	}
	invariants.Fail("rdb: no type for %#x", uint64(d))
	return 0
}

// The versions that brought what the encoder has to choose from.
const (
	versionListpacks   = 10
	versionSetListpack = 11 // and streams with the active times of consumers
)

// StageValue appends the frames of the value of a record, without type and name.
func (f *Form) StageValue(dst []byte, rec mem.Handle) []byte {
	d := object.Load(rec)
	switch d.Type() {
	case object.String:
		var digits [24]byte
		return appendString(dst, object.StringView(rec, digits[:]))
	case object.Hash:
		return f.stageHash(dst, rec)
	case object.Set:
		return f.stageSet(dst, rec)
	case object.ZSet:
		return f.stageZSet(dst, rec)
	case object.List:
		return f.stageList(dst, rec)
	case object.Stream:
		return f.stageStream(dst, rec)
	}
	invariants.Fail("rdb: no value for %#x", uint64(d))
	return nil
}

// packedAsIs reports whether a packed value is written as one string.
func (f *Form) packedAsIs(rec mem.Handle) bool {
	switch f.typeOf(rec) {
	case typeIntset, typeSetListpack, typeZSetListpack:
		return true
	}
	return false
}

func (f *Form) stageHash(dst []byte, rec mem.Handle) []byte {
	switch f.typeOf(rec) {
	case typeHashListpack:
		return appendString(dst, object.PackedBytes(rec))
	case typeHashPackDue:
		return stageTimedPack(dst, rec)
	case typeHashDue:
		return stageTimedTable(dst, rec)
	}
	h := hash.Open(rec)
	dst = appendLenFrame(dst, h.Len())
	var it hash.Iter
	for it.Start(&h); it.Next(); {
		dst = appendString(dst, it.Field())
		dst = appendString(dst, it.Value())
	}
	return dst
}

func (f *Form) stageSet(dst []byte, rec mem.Handle) []byte {
	if f.packedAsIs(rec) {
		return appendString(dst, object.PackedBytes(rec))
	}
	var s set.Set
	s.Open(rec)
	dst = appendLenFrame(dst, s.Len())
	var it set.Iter
	for it.Start(&s); it.Next(); {
		dst = appendString(dst, it.Member())
	}
	return dst
}

func (f *Form) stageZSet(dst []byte, rec mem.Handle) []byte {
	if f.packedAsIs(rec) {
		return appendString(dst, object.PackedBytes(rec))
	}
	var s zset.Set
	s.Open(rec)
	dst = appendLenFrame(dst, s.Len())
	var c zset.Cursor
	for s.At(0, &c); c.Valid(); c.Next() {
		dst = appendScored(dst, c.Member(), c.Score())
	}
	return dst
}

func appendScored(dst, member []byte, score float64) []byte {
	dst = appendString(dst, member)
	return appendWordFrame(dst, math.Float64bits(score))
}

// StageElement appends the frames of an element of a hash, a set or a sorted set.
// timed tells whether it was a timed hash that StageHead was called for.
func (f *Form) StageElement(dst []byte, t object.Type, timed bool, elem mem.Handle) []byte {
	name := object.ElementName(elem)
	switch t {
	case object.Hash:
		if timed {
			return appendTimed(dst, name, object.ElementValue(elem), object.ElementDue(elem), baseParted)
		}
		return appendString(appendString(dst, name), object.ElementValue(elem))
	case object.ZSet:
		return appendScored(dst, name, object.ElementScore(elem))
	}
	return appendString(dst, name)
}

func (f *Form) stageList(dst []byte, rec mem.Handle) []byte {
	var l list.List
	var buf []byte
	l.Open(rec, list.Limits{}, &buf)
	if f.Version < versionListpacks {
		dst = appendLenFrame(dst, l.Len())
	} else {
		dst = appendLenFrame(dst, l.NodeCount())
	}
	l.Blocks(func(block []byte) { dst = f.stageListBlock(dst, block) })
	return dst
}

// StageListNode appends the frames of a node of a list: lp is its listpack.
func (f *Form) StageListNode(dst, lp []byte) []byte {
	if f.Version >= versionListpacks {
		dst = append(dst, 1, 0, 0, 0, nodePacked)
		return appendString(dst, lp)
	}
	var digits [24]byte
	for p := listpack.HeaderSize; p < listpack.End(lp); {
		var v listpack.Value
		v, p = listpack.At(lp, p)
		dst = appendString(dst, v.Bytes(digits[:]))
	}
	return dst
}
