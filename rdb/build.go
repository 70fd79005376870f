package rdb

import (
	"errors"
	"fmt"
	"math"

	"kvorum/ds/listpack"
	"kvorum/mem"
	"kvorum/num"
	"kvorum/object"
	"kvorum/object/hash"
	"kvorum/object/list"
	"kvorum/object/set"
	"kvorum/object/zset"
)

// Limits are those within which collections stay packed.
type Limits struct {
	Hash hash.Limits
	List list.Limits
	Set  set.Limits
	ZSet zset.Limits
}

// DefaultLimits are those of a server that was not told others.
func DefaultLimits() Limits {
	return Limits{
		Hash: hash.Limits{Entries: 512, Value: 64}, List: list.LimitsOf(-2),
		Set: set.Limits{Integers: 512, Entries: 128, Value: 64}, ZSet: zset.Limits{Entries: 128, Value: 64},
	}
}

// Access says what access fields keys get.
type Access struct {
	Fresh uint32 // of a key without a history
	LFU   bool   // access fields are counters
	NowMs int64
}

// Of returns the access field of a key that was read.
func (a *Access) Of(it *Item) uint32 { return accessOf(a.Fresh, a.LFU, it.Freq, it.Idle, a.NowMs) }

// ErrEmpty is when a value has no elements: old servers wrote such keys now and then.
var ErrEmpty = errors.New("empty")

// Builder makes records of what was read. It belongs to one goroutine at a time.
type Builder struct {
	Limits Limits
	NowMs  int64 // Unix time, for what a stream's consumers did last

	in    input
	pack  packed // scratch
	buf   []byte // of the views
	name  []byte // an element while the next string is read
	names names
	views views
}

// views is room for views of records.
type views struct {
	list list.List
	set  set.Set
	zset zset.Set
}

// target is where a record is to be made.
type target struct {
	arena  *mem.Arena
	key    []byte
	access uint32
	expiry bool // a string gets room for a due time
}

// Build makes the record of an item in an arena; it is in no table and has no due
// time yet. An error leaves nothing behind; it is ErrEmpty for a value without
// elements.
func (b *Builder) Build(a *mem.Arena, it *Item, access uint32) (mem.Handle, error) {
	b.in.setBytes(it.Value, it.start)
	return b.record(&b.in, target{a, it.Key, access, it.Due >= 0}, it.Type, false)
}

// BuildLarge is Build for an item whose value is to be read from its scanner.
func (b *Builder) BuildLarge(s *Scanner, a *mem.Arena, it *Item, access uint32) (mem.Handle, error) {
	s.pending = false
	return b.record(s.in, target{a, it.Key, access, it.Due >= 0}, it.Type, false)
}

// PassLarge passes over the value of a large item.
func (s *Scanner) PassLarge(it *Item) error {
	s.pending = false
	s.in.skipValue(it.Type, math.MaxInt64)
	if s.in.err != nil {
		return s.fail()
	}
	return nil
}

// record makes a record of the value that in has. With whole the value is all that
// in has.
func (b *Builder) record(in *input, to target, t byte, whole bool) (rec mem.Handle, err error) {
	rec = b.value(in, to, t)
	if whole && in.err == nil && in.r != len(in.buf) {
		in.corrupt("%d bytes behind the value", len(in.buf)-in.r)
	}
	if in.err == nil {
		return rec, nil
	}
	if rec != 0 {
		object.Free(rec)
	}
	if errors.Is(in.err, ErrEmpty) {
		in.err = nil // the next key can be read
		return 0, ErrEmpty
	}
	return 0, fmt.Errorf("key %q at byte %d: %w", to.key, in.at(), in.err)
}

// value makes a record of a value, whole or not: in tells whether it is right. The
// caller frees it if not.
func (b *Builder) value(in *input, to target, t byte) mem.Handle {
	switch t {
	case typeString:
		return b.buildString(in, to)
	case typeList:
		return b.buildList(in, to)
	case typeSet:
		return b.buildSet(in, to)
	case typeZSet, typeZSet2:
		return b.buildZSet(in, to, t)
	case typeHash:
		return b.buildHash(in, to)
	case typeQuicklist, typeQuicklist2:
		return b.buildQuicklist(in, to, t)
	case typeListZiplist:
		return b.buildListZiplist(in, to)
	case typeIntset:
		return b.buildIntset(in, to)
	case typeHashDueOld, typeHashDue:
		return b.buildTimed(in, to, t)
	case typeHashPackDue:
		in.uint64() // when the next field is due: the listpack tells
		return b.buildPacked(in, to, t)
	case typeZipmap, typeHashZiplist, typeHashListpack, typeZSetZiplist, typeZSetListpack, typeSetListpack, typeHashPackDueOld:
		return b.buildPacked(in, to, t)
	case typeStream1, typeStream2, typeStream3:
		return b.buildStream(in, to, t)
	case typeModule:
		id := in.length()
		if in.err == nil {
			in.err = newProblem(ErrType, "The RDB file contains module data I can't load: no matching module type '%s'", moduleName(id))
		}
		return 0
	}
	in.err = unknownType(t)
	return 0
}

func (b *Builder) buildString(in *input, to target) mem.Handle {
	s := in.string()
	if in.err != nil {
		return 0
	}
	enc, n := object.StringEncoding(s)
	h := to.arena.Alloc(object.Size(len(to.key), object.StringPayload(enc, len(s)), to.expiry), mem.KindRecord)
	object.WriteString(to.arena, h, to.key, s, enc, n, to.access, to.expiry)
	return h
}

// count reads the number of elements of a value, which is not 0.
func (in *input) count() uint64 {
	n := in.length()
	if n == 0 && in.err == nil {
		in.err = ErrEmpty
	}
	return n
}

// listBatch is about how many bytes of entries are appended to a list at once.
const listBatch = list.NodeBytes

func (b *Builder) openList(to target) mem.Handle {
	rec := list.New(to.arena, to.key, to.access)
	b.views.list.Open(rec, b.Limits.List, &b.buf)
	return rec
}

func (b *Builder) buildList(in *input, to target) mem.Handle {
	n := in.count()
	if in.err != nil {
		return 0
	}
	rec := b.openList(to)
	b.pack.reset()
	for ; n > 0; n-- {
		s := in.element()
		if in.err != nil {
			return rec
		}
		if b.pack.add(listpack.Of(s)); len(b.pack.b) >= listBatch {
			b.views.list.AppendPacked(b.pack.done())
			b.pack.reset()
		}
	}
	b.views.list.AppendPacked(b.pack.done())
	return rec
}

func (b *Builder) buildListZiplist(in *input, to target) mem.Handle {
	z := in.element()
	if in.err != nil {
		return 0
	}
	rec := b.openList(to)
	if !b.pack.fromZiplist(z) {
		in.corrupt("List ziplist integrity check failed.")
		return rec
	}
	b.views.list.AppendPacked(b.pack.done())
	b.refuseEmpty(in, b.views.list.Len())
	return rec
}

func (b *Builder) refuseEmpty(in *input, n int) {
	if n == 0 && in.err == nil {
		in.err = ErrEmpty
	}
}

func (b *Builder) buildQuicklist(in *input, to target, t byte) mem.Handle {
	n := in.count()
	if in.err != nil {
		return 0
	}
	rec := b.openList(to)
	for ; n > 0 && in.err == nil; n-- {
		container := uint64(nodePacked)
		if t == typeQuicklist2 {
			container = in.length()
		}
		s := in.element()
		switch {
		case in.err != nil:
			return rec
		case t == typeQuicklist:
			if !b.pack.fromZiplist(s) {
				in.corrupt("Ziplist integrity check failed.")
				return rec
			}
		case container == nodePlain:
			if len(s) == 0 || len(s) > packedMax {
				in.corrupt("a node of %d bytes", len(s))
				return rec
			}
			b.pack.reset()
			b.pack.add(listpack.Of(s))
		case container != nodePacked:
			in.corrupt("Quicklist integrity check failed.")
			return rec
		case !b.pack.fromListpack(s):
			in.corrupt("Listpack integrity check failed.")
			return rec
		}
		b.views.list.AppendPacked(b.pack.done())
	}
	b.refuseEmpty(in, b.views.list.Len())
	return rec
}

func (b *Builder) buildSet(in *input, to target) mem.Handle {
	n := in.count()
	if in.err != nil {
		return 0
	}
	enc := object.EncIntset
	if n > uint64(max(b.Limits.Set.Integers, 0)) {
		enc = object.EncHashtable
	}
	rec := set.NewAs(to.arena, to.key, enc, to.access)
	s := &b.views.set
	s.Open(rec)
	for ; n > 0; n-- {
		m := in.element()
		if in.err != nil {
			return rec
		}
		if !s.Add(m, b.Limits.Set, &b.buf) {
			in.corrupt("Duplicate set members detected")
			return rec
		}
	}
	return rec
}

// beginHash reads the number of the fields of a hash and makes it, in the form for so
// many; n and rec are 0 after an error.
func (b *Builder) beginHash(in *input, to target) (rec mem.Handle, h hash.Hash, n uint64) {
	if n = in.count(); in.err != nil {
		return 0, h, 0
	}
	rec = hash.New(to.arena, to.key, to.access)
	h = hash.Open(rec)
	if n > uint64(max(b.Limits.Hash.Entries, 0)) {
		h.Unpack()
	}
	return rec, h, n
}

// addField adds the next field, whose name it leaves in b.name; ok is false after an
// error.
func (b *Builder) addField(in *input, h *hash.Hash) (ok bool) {
	b.name = append(b.name[:0], in.element()...)
	value := in.element()
	if in.err != nil {
		return false
	}
	if !h.Set(b.name, value, b.Limits.Hash, &b.buf) {
		in.corrupt("Duplicate hash fields detected")
		return false
	}
	return true
}

func (b *Builder) buildHash(in *input, to target) mem.Handle {
	rec, h, n := b.beginHash(in, to)
	for ; n > 0; n-- {
		if !b.addField(in, &h) {
			return rec
		}
	}
	return rec
}

func (b *Builder) buildZSet(in *input, to target, t byte) mem.Handle {
	n := in.count()
	if in.err != nil {
		return 0
	}
	rec := zset.New(to.arena, to.key, to.access)
	s := &b.views.zset
	s.Open(rec)
	if n > uint64(max(b.Limits.ZSet.Entries, 0)) {
		s.Unpack()
	}
	for ; n > 0; n-- {
		b.name = append(b.name[:0], in.element()...)
		score := in.score(t)
		if in.err != nil {
			return rec
		}
		if s.Put(b.name, score, b.Limits.ZSet, &b.buf) != zset.Added {
			in.corrupt("Duplicate zset fields detected")
			return rec
		}
	}
	return rec
}

// score reads a score, as text or as a word.
func (in *input) score(t byte) (f float64) {
	if t == typeZSet2 {
		f = math.Float64frombits(in.uint64())
	} else {
		switch n := in.byte(); n {
		case scoreNaN:
			f = math.NaN()
		case scorePosInf:
			f = math.Inf(1)
		case scoreNegInf:
			f = math.Inf(-1)
		default:
			text := in.next(int(n))
			ok := false
			if f, ok = num.ParseFloatLoose(text); !ok {
				in.corrupt("Zset with the score %q", text)
			}
		}
	}
	if math.IsNaN(f) {
		in.corrupt("Zset with NAN score detected")
	}
	return f
}
