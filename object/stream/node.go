package stream

import (
	"encoding/binary"
	"math"

	"kvorum/ds/btree"
	"kvorum/ds/listpack"
	"kvorum/mem"
	"kvorum/object"
)

// A node is a listpack of integers and strings, as in Redis:
//
//	| entries | deleted | fields | field ... field | 0 | entry ... entry |
//	entry: | flags | ms - base.ms | seq - base.seq | value ... value | n |         flagSame
//	       | flags | ms - base.ms | seq - base.seq | fields | field | value | ... | n |
//
// base is the id of the node, the one of the first entry that it got. The fields at
// the start are those of that entry; entries with flagSame have the same ones. n is
// the number of elements of the entry before n, so that entries can be read
// backwards; the 0 stands in its place for the start. An entry that is deleted gets
// a flag; its bytes go with the node.

// The flags of an entry.
const (
	flagDeleted = 1 << iota
	flagSame
)

// countRoom is what the numbers of entries may grow by when one is added.
const countRoom = 8

// node is the head of a node, decoded.
type node struct {
	base       ID
	lp         []byte // with the capacity of its block
	live, dead int    // entries and deleted ones
	fields     int
	fieldsAt   int // position of the first field
	first      int // position of the first entry
}

func openNode(e btree.Entry) (base ID, lp []byte) {
	h := mem.Handle(e.B)
	block := mem.View(h, mem.BlockSize(h))
	base = ID{e.A, binary.BigEndian.Uint64(block[8:])}
	return base, listpack.Open(block[object.StreamNodeHead:])
}

// nodeAt reads the head of a node but for first.
func nodeAt(e btree.Entry) (n node) {
	n.base, n.lp = openNode(e)
	p := listpack.HeaderSize
	n.live, p = intAt(n.lp, p)
	n.dead, p = intAt(n.lp, p)
	n.fields, n.fieldsAt = intAt(n.lp, p)
	return n
}

// findFirst sets first.
func (n *node) findFirst() {
	n.first = listpack.Next(n.lp, skip(n.lp, n.fieldsAt, n.fields))
}

func intAt(lp []byte, p int) (v, next int) {
	value, next := listpack.At(lp, p)
	return int(value.Int), next
}

// skip returns the position count elements after p.
func skip(lp []byte, p, count int) int {
	for range count {
		p = listpack.Next(lp, p)
	}
	return p
}

// full reports whether an entry of these fields and values begins a new node. As in
// Redis the size of an entry is that of its strings, without what encoding adds.
func (n *node) full(pairs [][]byte, lim Limits) bool {
	size := len(n.lp)
	for _, b := range pairs {
		size += len(b)
	}
	most := lim.Bytes
	if most == 0 || most > NodeBytes {
		most = NodeBytes // COMPAT: stream-node-size: a step of a snapshot stays short
	}
	return size >= most || lim.Entries > 0 && n.live+n.dead >= lim.Entries
}

// sameFields reports whether the fields of pairs are those at the start of the
// node.
func (n *node) sameFields(pairs [][]byte) bool {
	if n.fields != len(pairs)/2 {
		return false
	}
	p := n.fieldsAt
	for i := 0; i < len(pairs); i += 2 {
		if !listpack.Equal(n.lp, p, listpack.Of(pairs[i])) {
			return false
		}
		p = listpack.Next(n.lp, p)
	}
	return true
}

func appendInt(dst []byte, n int) []byte {
	return listpack.AppendEntry(dst, listpack.Value{Int: int64(n)})
}

// appendMaster appends the start of a node whose first entry has these fields,
// and returns the number of elements.
func appendMaster(dst []byte, pairs [][]byte) (out []byte, elements int) {
	dst = appendInt(appendInt(dst, 1), 0)
	dst = appendInt(dst, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		dst = listpack.AppendEntry(dst, listpack.Of(pairs[i]))
	}
	return appendInt(dst, 0), len(pairs)/2 + 4
}

// appendRest appends an entry, whose id is delta from the node's, and returns the
// number of its elements.
func appendRest(dst []byte, delta ID, same bool, pairs [][]byte) (out []byte, elements int) {
	flags, n := 0, 4+len(pairs)
	if same {
		flags, n = flagSame, 3+len(pairs)/2
	}
	dst = appendInt(dst, flags)
	dst = appendInt(dst, int(delta.Ms))
	dst = appendInt(dst, int(delta.Seq))
	if !same {
		dst = appendInt(dst, len(pairs)/2)
	}
	for i, b := range pairs {
		if !same || i%2 == 1 {
			dst = listpack.AppendEntry(dst, listpack.Of(b))
		}
	}
	return appendInt(dst, n), n + 1
}

// markDeleted sets the flag of the entry at p.
func markDeleted(lp []byte, p int) {
	flags, _ := intAt(lp, p)
	lp[p] = byte(flags | flagDeleted) // a small integer is its own encoding
}

// setCount writes the numbers of entries and of deleted ones, which may take more
// bytes than before: the capacity of lp has them.
func setCount(lp []byte, live, dead int) {
	var room [2 * elementMax]byte
	head := appendInt(appendInt(room[:0], live), dead)
	end := skip(lp, listpack.HeaderSize, 2)
	if len(head) == end-listpack.HeaderSize {
		copy(lp[listpack.HeaderSize:], head)
		return
	}
	listpack.Splice(lp[:cap(lp)], lp, listpack.HeaderSize, end, head, 0)
}

// elementMax is the size of the longest integer.
const elementMax = 10

func countsSize(live, dead int) int {
	return listpack.EntrySize(listpack.Value{Int: int64(live)}) + listpack.EntrySize(listpack.Value{Int: int64(dead)})
}

// ValidNode checks that a listpack, which listpack.Validate accepted, is a node, so
// that every function here is safe on it: with entries, as many as it says, in the
// order of their ids. O(n).
func ValidNode(base ID, lp []byte) bool {
	_, ok := CheckNode(base, lp)
	return ok
}

// CheckNode is ValidNode, and returns the id of the node's last entry.
func CheckNode(base ID, lp []byte) (last ID, ok bool) {
	r := nodeReader{lp: lp, p: listpack.HeaderSize}
	live, dead, fields := r.number(), r.number(), r.number()
	for i := 0; i < fields && !r.bad; i++ {
		r.skip()
	}
	if live < 0 || dead < 0 || live+dead == 0 || fields < 0 || r.number() != 0 {
		return last, false
	}
	for begun := false; !r.bad && r.p < listpack.End(lp); begun = true {
		id, deleted := r.entry(base, fields)
		if id.Less(base) || begun && !last.Less(id) {
			return last, false
		}
		last = id
		if deleted {
			dead--
		} else {
			live--
		}
	}
	return last, !r.bad && live == 0 && dead == 0
}

// nodeReader reads elements that may not be what they should.
type nodeReader struct {
	lp  []byte
	p   int
	bad bool
}

func (r *nodeReader) skip() {
	if r.bad = r.bad || r.p >= listpack.End(r.lp); !r.bad {
		r.p = listpack.Next(r.lp, r.p)
	}
}

func (r *nodeReader) number() int {
	at := r.p
	if r.skip(); r.bad {
		return -1
	}
	v, _ := listpack.At(r.lp, at)
	if v.Str != nil {
		r.bad = true
		return -1
	}
	return int(v.Int)
}

// entry reads an entry of a node whose first one has as many fields.
func (r *nodeReader) entry(base ID, fields int) (id ID, deleted bool) {
	at := r.p
	flags := r.number()
	if r.bad || int(r.lp[at]) != flags { // where markDeleted writes
		r.bad = true
		return id, false
	}
	id = ID{base.Ms + uint64(r.number()), base.Seq + uint64(r.number())}
	rest := 3 + fields
	if flags&flagSame == 0 {
		fields = r.number()
		if fields < 0 || fields > math.MaxInt/4 {
			r.bad = true
			return id, false
		}
		rest = 4 + 2*fields
	}
	elements := rest - 3
	if flags&flagSame == 0 {
		elements--
	}
	for i := 0; i < elements && !r.bad; i++ {
		r.skip()
	}
	if flags < 0 || flags > flagDeleted|flagSame || r.number() != rest {
		r.bad = true
	}
	return id, flags&flagDeleted != 0
}
