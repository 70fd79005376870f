package bitcmd

import (
	"kvorum/command"
	"kvorum/ds/bitmap"
	"kvorum/object"
)

var bitopSpec = &command.Spec{
	Name: "bitop", Since: "2.6.0", Group: "bitmap", Complexity: "O(N)",
	Summary: "Combines the bits of strings by AND, OR, XOR or NOT and stores the result under another key.",
	Arity:   -4, Flags: command.Write | command.DenyOOM, Categories: command.CatBitmap,
	Keys: []command.KeySpec{
		{Flags: command.OW | command.Update, Index: 2, Step: 1},
		{Flags: command.RO | command.Access, Index: 3, LastKey: -1, Step: 1},
	},
	Args: []command.Arg{
		{Name: "operation", Type: "oneof", Args: []command.Arg{
			{Name: "and", Type: "pure-token", Token: "AND"},
			{Name: "or", Type: "pure-token", Token: "OR"},
			{Name: "xor", Type: "pure-token", Token: "XOR"},
			{Name: "not", Type: "pure-token", Token: "NOT"},
		}},
		{Name: "destkey", Type: "key", Key: 1},
		{Name: "key", Type: "key", Key: 2, Multiple: true},
	},
	Handler: bitop,
}

// operation is what BITOP does with the bits.
type operation uint8

const (
	opAnd operation = iota
	opOr
	opXor
	opNot
)

// firstSource is the number of the first source among the keys.
const firstSource = 1

func bitop(c *command.Ctx) {
	var op operation
	switch {
	case c.Is(1, "and"):
		op = opAnd
	case c.Is(1, "or"):
		op = opOr
	case c.Is(1, "xor"):
		op = opXor
	case c.Is(1, "not"):
		op = opNot
	default:
		c.Err(command.ErrSyntax)
		return
	}
	if op == opNot && len(c.Keys) != firstSource+1 {
		c.Err("-ERR BITOP NOT must be called with a single source key.")
		return
	}
	size := 0
	for i := firstSource; i < len(c.Keys); i++ {
		e := c.Read(i)
		if !isString(c, e) {
			return
		}
		if e.OK() {
			size = max(size, object.StringLen(e.Rec))
		}
	}
	if size > 0 {
		combine(c, op, size)
	} else {
		c.RemoveStored(c.Keys[0])
	}
	c.W.Int(int64(size))
}

// combine stores the result, of size bytes, under key 0. The sources have been
// looked up once, so none of them is due; key 0 may be among them.
func combine(c *command.Ctx, op operation, size int) {
	k, e := c.Keys[0], c.Write(0)
	draft := c.DB.Draft(k, e, bitsOf(c, c.Peek(firstSource)), size, c.Access)
	dst := object.WritableString(draft)
	if op == opNot {
		bitmap.Not(dst)
	}
	for i := firstSource + 1; i < len(c.Keys); i++ {
		src := bitsOf(c, c.Peek(i))
		switch op {
		case opAnd:
			bitmap.And(dst, src)
		case opOr:
			bitmap.Or(dst, src)
		case opXor:
			bitmap.Xor(dst, src)
		}
	}
	c.DB.Publish(k, e, draft)
	c.Dirty++
	if !e.OK() {
		c.Notify(command.NotifyNew, "new", k.Bytes)
	}
	c.Notify(command.NotifyString, "set", k.Bytes)
}
