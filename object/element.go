package object

import (
	"hash/maphash"
	"math"

	"kvorum/mem"
)

// An element is the block of memory that holds one member of a collection too
// large to be packed: a field of a hash with its value, a member of a set, a
// member of a sorted set with its score.
//
//	| head 1 | score 8, optional | due 8, optional | name length 1 or 4 |
//	| value length 1 or 4, optional | name | value, optional |
//
// A value beyond InlineMax is in a blob, and stands as handle 8 and length 8.
// An element is referenced from one slot of its table, and perhaps from one place
// of a tree.

// The bits of an element's head.
const (
	elemScore     = 1 << iota // the score is present
	elemDue                   // the due time is present
	elemLongName              // the length of the name takes 4 bytes
	elemValue                 // there is a value
	elemLongValue             // the length of the value takes 4 bytes
	elemBlob                  // the value is in a blob
)

const (
	elemHead    = 1
	elemWord    = 8 // score, due time, handle or length of a blob
	elemShort   = 1<<8 - 1
	elemLenLong = 4
)

// elemLayout tells where the parts of an element are.
type elemLayout struct {
	due, name, nameLen, value, valueLen int // offsets and lengths; due and value 0 if absent
	blob                                bool
}

func layoutOf(h mem.Handle) (l elemLayout) {
	head := mem.Load8(h, 0)
	at := elemHead
	if head&elemScore != 0 {
		at += elemWord
	}
	if head&elemDue != 0 {
		l.due = at
		at += elemWord
	}
	l.nameLen, at = elemLen(h, at, head&elemLongName != 0)
	switch {
	case head&elemBlob != 0:
		l.name, l.value, l.valueLen, l.blob = at, at+l.nameLen, 2*elemWord, true
	case head&elemValue != 0:
		l.valueLen, at = elemLen(h, at, head&elemLongValue != 0)
		l.name, l.value = at, at+l.nameLen
	default:
		l.name = at
	}
	return l
}

func elemLen(h mem.Handle, at int, long bool) (n, next int) {
	if long {
		return int(mem.Load32(h, at)), at + elemLenLong
	}
	return int(mem.Load8(h, at)), at + 1
}

// ElementName returns the name of an element: borrowed.
func ElementName(h mem.Handle) []byte {
	head := mem.Load8(h, 0)
	at := elemHead
	if head&elemScore != 0 {
		at += elemWord
	}
	if head&elemDue != 0 {
		at += elemWord
	}
	n, at := elemLen(h, at, head&elemLongName != 0)
	if head&elemValue != 0 && head&elemBlob == 0 {
		at++
		if head&elemLongValue != 0 {
			at += elemLenLong - 1
		}
	}
	return mem.View(h, at+n)[at:]
}

// ElementValue returns the value of an element that has one: borrowed.
func ElementValue(h mem.Handle) []byte {
	l := layoutOf(h)
	if l.blob {
		n := int(mem.Load64(h, l.value+elemWord))
		return mem.View(mem.Handle(mem.Load64(h, l.value)), n)
	}
	return mem.View(h, l.value+l.valueLen)[l.value:]
}

// ElementPair returns name and value of an element that has one: borrowed.
func ElementPair(h mem.Handle) (name, value []byte) {
	l := layoutOf(h)
	if l.blob {
		return ElementName(h), ElementValue(h)
	}
	both := mem.View(h, l.value+l.valueLen)
	return both[l.name:l.value:l.value], both[l.value:]
}

// NewElement makes an element of a set: a name alone.
func NewElement(a *mem.Arena, name []byte) mem.Handle {
	h, at := newElement(a, 0, name, 0, 0)
	copy(mem.View(h, at+len(name))[at:], name)
	return h
}

// NewField makes an element of a hash.
func NewField(a *mem.Arena, name, value []byte) mem.Handle { return newField(a, 0, name, value) }

// newField makes an element of a hash whose head has the bits of with, too.
func newField(a *mem.Arena, with uint8, name, value []byte) mem.Handle {
	head, inline := elemValue|with, len(value)
	if len(value) > InlineMax {
		head |= elemBlob
		inline = 2 * elemWord
	}
	h, at := newElement(a, head, name, len(value), inline)
	copy(mem.View(h, at+len(name))[at:], name)
	at += len(name)
	if head&elemBlob == 0 {
		copy(mem.View(h, at+len(value))[at:], value)
		return h
	}
	b := a.Alloc(len(value), mem.KindBlob)
	copy(mem.View(b, len(value)), value)
	mem.Store64(h, at, uint64(b))
	mem.Store64(h, at+elemWord, uint64(len(value)))
	return h
}

// NewMember makes an element of a sorted set.
func NewMember(a *mem.Arena, name []byte, score float64) mem.Handle {
	h, at := newElement(a, elemScore, name, 0, 0)
	copy(mem.View(h, at+len(name))[at:], name)
	SetElementScore(h, score)
	return h
}

// ElementScore returns the score of an element that has one.
func ElementScore(h mem.Handle) float64 { return math.Float64frombits(mem.Load64(h, elemHead)) }

// SetElementScore changes the score of an element that has one.
func SetElementScore(h mem.Handle, score float64) { mem.Store64(h, elemHead, math.Float64bits(score)) }

// ScoreWord returns a score as trees order it: -0 equals 0.
func ScoreWord(score float64) uint64 {
	if score == 0 {
		score = 0
	}
	b := math.Float64bits(score)
	if b>>63 != 0 {
		return ^b
	}
	return b | 1<<63
}

// newElement allocates an element, writes all before the name and returns the
// name's offset. inline is the room for the value behind the name.
func newElement(a *mem.Arena, head uint8, name []byte, valueLen, inline int) (h mem.Handle, at int) {
	size := elemHead + 1 + len(name) + inline
	if len(name) > elemShort {
		head |= elemLongName
		size += elemLenLong - 1
	}
	withLen := head&(elemValue|elemBlob) == elemValue
	if withLen {
		size++
		if valueLen > elemShort {
			head |= elemLongValue
			size += elemLenLong - 1
		}
	}
	if head&(elemScore|elemDue) != 0 { // never both
		size += elemWord
	}
	h = a.Alloc(size, mem.KindNode)
	mem.Store8(h, 0, head)
	at = elemHead
	if head&(elemScore|elemDue) != 0 {
		at += elemWord
	}
	at = putLen(h, at, len(name))
	if withLen {
		at = putLen(h, at, valueLen)
	}
	return h, at
}

func putLen(h mem.Handle, at, n int) int {
	if n > elemShort {
		mem.Store32(h, at, uint32(n))
		return at + elemLenLong
	}
	mem.Store8(h, at, uint8(n))
	return at + 1
}

// SetFieldInPlace replaces the value of a field if a fresh element for it would
// take a block of the same size, and reports whether it did. value does not lie in
// the element.
func SetFieldInPlace(h mem.Handle, value []byte) bool {
	l := layoutOf(h)
	if l.blob {
		old := mem.Handle(mem.Load64(h, l.value))
		if len(value) <= InlineMax || mem.BlockSize(old) != mem.RoundSize(len(value)) {
			return false
		}
		copy(mem.View(old, len(value)), value)
		mem.Store64(h, l.value+elemWord, uint64(len(value)))
		return true
	}
	long := mem.Load8(h, 0)&elemLongValue != 0
	if len(value) > InlineMax || long != (len(value) > elemShort) ||
		mem.BlockSize(h) != mem.RoundSize(l.value+len(value)) {
		return false
	}
	at := l.name - 1
	if long {
		at = l.name - elemLenLong
	}
	putLen(h, at, len(value))
	copy(mem.View(h, l.value+len(value))[l.value:], value)
	return true
}

// FreeElement gives an element back with what hangs on it.
func FreeElement(h mem.Handle) {
	if mem.Load8(h, 0)&elemBlob != 0 {
		mem.Free(mem.Handle(mem.Load64(h, layoutOf(h).value)), mem.KindBlob)
	}
	mem.Free(h, mem.KindNode)
}

// elementSize returns the bytes that an element uses of its block.
func elementSize(h mem.Handle) int {
	l := layoutOf(h)
	if l.value != 0 {
		return l.value + l.valueLen
	}
	return l.name + l.nameLen
}

// ByName hashes elements by their names, for tables of them.
var ByName byName

type byName struct{}

var nameSeed = maphash.MakeSeed()

// NameHash returns the hash of the name of an element.
func NameHash(name []byte) uint64 { return maphash.Bytes(nameSeed, name) }

// HashOf implements table.Hasher.
func (byName) HashOf(h mem.Handle) uint64 { return maphash.Bytes(nameSeed, ElementName(h)) }

// elementBlocks calls fn for every block of an element.
func elementBlocks(h mem.Handle, fn func(mem.Handle)) {
	fn(h)
	if mem.Load8(h, 0)&elemBlob != 0 {
		fn(mem.Handle(mem.Load64(h, layoutOf(h).value)))
	}
}

// copyElement returns a copy of an element and of its blob in an arena.
func copyElement(a *mem.Arena, old mem.Handle) mem.Handle {
	n := elementSize(old)
	h := a.Alloc(n, mem.KindNode)
	copy(mem.View(h, n), mem.View(old, n))
	if l := layoutOf(old); l.blob {
		size := int(mem.Load64(old, l.value+elemWord))
		b := a.Alloc(size, mem.KindBlob)
		copy(mem.View(b, size), mem.View(mem.Handle(mem.Load64(old, l.value)), size))
		mem.Store64(h, l.value, uint64(b))
	}
	return h
}
