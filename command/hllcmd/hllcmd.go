// Package hllcmd is the family of HyperLogLog commands: one file per command
// with its row and its handler. The structure itself is in ds/hll; its strings
// are ordinary string values, which every string command reads and writes.
//
// Handlers run under the locks of their keys' shards; see package command for
// what they may do. A value may be any string: what does not begin as a
// HyperLogLog does is refused at once, what turns out to be corrupted later is
// refused where Redis finds out.
//
// I1: an Entry and a view of its bytes are used only until the next write to the
// database; target holds both and renews them together. I2: c.Buf holds a string
// on its way from sparse to dense, c.Buf2 the registers of a union: neither is
// kept across commands.
package hllcmd

import (
	"kvorum/command"
	"kvorum/ds/hll"
	"kvorum/keyspace"
	"kvorum/object"
)

// Specs returns the rows of the family.
func Specs() []*command.Spec {
	return []*command.Spec{pfaddSpec, pfcountSpec, pfdebugSpec, pfmergeSpec, pfselftestSpec}
}

// The errors of the family.
const (
	errNotHLL    = "-WRONGTYPE Key is not a valid HyperLogLog string value."
	errCorrupted = "-INVALIDOBJ Corrupted HLL object detected"
)

var argKey = command.Arg{Name: "key", Type: "key", Key: 1}

// view returns the bytes of an entry that holds a HyperLogLog; ok is false after
// the error reply if it holds something else.
func view(c *command.Ctx, e keyspace.Entry) (b []byte, ok bool) {
	if e.Type() != object.String {
		c.WrongType()
		return nil, false
	}
	if object.Load(e.Rec).Encoding() != object.EncInt {
		if b = object.WritableString(e.Rec); hll.Check(b) {
			return b, true
		}
	}
	c.Err(errNotHLL)
	return nil, false
}

// target is a HyperLogLog that is being changed where it is stored.
type target struct {
	c *command.Ctx
	k keyspace.Key
	e keyspace.Entry
	b []byte // its bytes
}

// create stores a HyperLogLog of no elements under key 0, which is absent.
func create(c *command.Ctx) target {
	t := target{c: c, k: c.Keys[0]}
	t.e = c.DB.Create(t.k, hll.EmptySize, c.Access)
	t.b = object.WritableString(t.e.Rec)
	hll.AppendEmpty(t.b[:0])
	c.Notify(command.NotifyNew, "new", t.k.Bytes)
	return t
}

// raise raises a register to rank and reports whether it was lower; ok is false
// if the string is corrupted and was not changed. p is the place of the last
// change while registers come in ascending order, the zero Place otherwise.
func (t *target) raise(p *hll.Place, index int, rank uint8) (raised, ok bool) {
	if hll.IsDense(t.b) {
		return hll.SetDense(t.b, index, rank), true
	}
	switch p.Find(t.b, index, rank, t.c.HLLSparseMax) {
	case hll.Unchanged:
		return false, true
	case hll.Corrupted:
		return false, false
	case hll.Raises:
		size := len(t.b)
		if growth := p.Growth(); growth > 0 {
			t.resize(size + growth)
		}
		if now := p.Apply(t.b, size); now != len(t.b) {
			t.resize(now)
		}
		return true, true
	}
	if !t.makeDense() {
		return false, false
	}
	return hll.SetDense(t.b, index, rank), true
}

// resize changes the length of the string.
func (t *target) resize(size int) {
	t.e = t.c.DB.Resize(t.k, t.e, size)
	t.b = object.WritableString(t.e.Rec)
}

// makeDense converts a sparse string; false if it is corrupted.
func (t *target) makeDense() bool {
	var ok bool
	if t.c.Buf, ok = hll.AppendDense(t.c.Buf[:0], t.b); !ok {
		return false
	}
	t.resize(hll.DenseSize)
	copy(t.b, t.c.Buf)
	return true
}

// union returns registers of zeros in the scratch of the context.
func union(c *command.Ctx) *hll.Registers {
	if cap(c.Buf2) < hll.RegisterCount {
		c.Buf2 = make([]byte, hll.RegisterCount)
	}
	c.Buf2 = c.Buf2[:hll.RegisterCount]
	clear(c.Buf2)
	return (*hll.Registers)(c.Buf2)
}
