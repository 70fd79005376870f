package bitcmd

import (
	"bytes"

	"kvorum/command"
	"kvorum/ds/bitmap"
)

var bitfieldSpec = &command.Spec{
	Name: "bitfield", Since: "3.2.0", Group: "bitmap", Complexity: "O(1) for each subcommand specified",
	Summary: "Reads, writes and increments integers of any width in the string stored under a key.",
	Arity:   -2, Flags: command.Write | command.DenyOOM, Categories: command.CatBitmap,
	Keys: []command.KeySpec{{
		Flags: command.RW | command.Access | command.Update | command.VariableFlags, Index: 1, Step: 1,
		Notes: "This command allows both access and modification of the key",
	}},
	Args: []command.Arg{argKey, {Name: "operation", Type: "oneof", Multiple: true, Optional: true, Args: []command.Arg{
		{Name: "get-block", Type: "block", Token: "GET", Args: []command.Arg{argEncoding, argOffset}},
		{Name: "write", Type: "block", Args: []command.Arg{
			{Name: "overflow-block", Type: "oneof", Token: "OVERFLOW", Optional: true, Args: []command.Arg{
				{Name: "wrap", Type: "pure-token", Token: "WRAP"},
				{Name: "sat", Type: "pure-token", Token: "SAT"},
				{Name: "fail", Type: "pure-token", Token: "FAIL"},
			}},
			{Name: "write-operation", Type: "oneof", Args: []command.Arg{
				{Name: "set-block", Type: "block", Token: "SET", Args: []command.Arg{
					argEncoding, argOffset, {Name: "value", Type: "integer"},
				}},
				{Name: "incrby-block", Type: "block", Token: "INCRBY", Args: []command.Arg{
					argEncoding, argOffset, {Name: "increment", Type: "integer"},
				}},
			}},
		}},
	}}},
	VaryFlags: bitfieldKeyFlags,
	Handler:   bitfield,
}

var bitfieldRoSpec = &command.Spec{
	Name: "bitfield_ro", Since: "6.0.0", Group: "bitmap", Complexity: "O(1) for each subcommand specified",
	Summary: "Reads integers of any width from the string stored under a key.",
	Arity:   -2, Flags: command.ReadOnly | command.Fast, Categories: command.CatBitmap,
	Keys: keyRead,
	Args: []command.Arg{argKey, {
		Name: "get-block", Type: "block", Token: "GET", Optional: true, Multiple: true, MultiTok: true,
		Args: []command.Arg{argEncoding, argOffset},
	}},
	Handler: bitfieldRo,
}

// bitfieldKeyFlags tells what a BITFIELD does with its key: it only reads it if
// all of it is GET. What cannot be read counts as a write.
func bitfieldKeyFlags(args [][]byte, refs []command.KeyRef) {
	flags := command.RO | command.Access
scan:
	for i := 2; i < len(args); {
		more := len(args) - i - 1
		switch {
		case more >= 2 && bytes.EqualFold(args[i], getWord):
			i += 3
		case more >= 1 && bytes.EqualFold(args[i], overflowWord):
			i += 2
		default:
			flags = command.RW | command.Access | command.Update
			break scan
		}
	}
	for i := range refs {
		refs[i].Flags = flags
	}
}

var getWord, overflowWord = []byte("get"), []byte("overflow")

// verb is what an operation of BITFIELD does.
type verb uint8

const (
	verbGet verb = iota
	verbSet
	verbIncrby
)

// fieldOp is one operation of BITFIELD.
type fieldOp struct {
	field
	at    int64 // position in bits
	value int64 // the value of SET, the increment of INCRBY
	verb  verb
	mode  overflow
}

// opsKept is how many operations take no memory of their own.
const opsKept = 16

func bitfield(c *command.Ctx) { runBitfield(c, false) }

func bitfieldRo(c *command.Ctx) { runBitfield(c, true) }

func runBitfield(c *command.Ctx, getOnly bool) {
	ops, last, ok := parseOps(c, make([]fieldOp, 0, opsKept))
	if !ok {
		return
	}
	if last < 0 {
		getFields(c, ops)
		return
	}
	if getOnly {
		c.Err("-ERR BITFIELD_RO only supports the GET subcommand")
		return
	}
	t, ok := open(c, last)
	if !ok {
		return
	}
	c.W.Array(len(ops))
	changes := 0
	for i := range ops {
		wrote, differs := ops[i].run(c, t.bits)
		if wrote && (differs || t.longer) {
			changes++
		}
	}
	switch {
	case changes > 0:
		changed(c, changes)
	case t.longer:
		// COMPAT: bitfield-fail: Redis does not count, log or replicate that a
		// string became longer when all its writes failed; the copies would differ.
		c.Dirty++
		c.DB.Modified(c.Keys[0])
	}
}

// parseOps appends the operations of the request, and returns the last position
// that is written to, -1 if nothing is; ok is false after the error reply.
func parseOps(c *command.Ctx, ops []fieldOp) (list []fieldOp, last int64, ok bool) {
	mode := wrap
	last = -1
	for i := 2; i < len(c.Args); {
		o := fieldOp{mode: mode}
		words := 3
		switch more := len(c.Args) - i - 1; {
		case more >= 2 && c.Is(i, "get"):
		case more >= 3 && c.Is(i, "set"):
			o.verb, words = verbSet, 4
		case more >= 3 && c.Is(i, "incrby"):
			o.verb, words = verbIncrby, 4
		case more >= 1 && c.Is(i, "overflow"):
			if mode, ok = overflowOf(c, i+1); !ok {
				return nil, 0, false
			}
			i += 2
			continue
		default:
			c.Err(command.ErrSyntax)
			return nil, 0, false
		}
		if o.field, ok = fieldOf(c, i+1); !ok {
			return nil, 0, false
		}
		if o.at, ok = offset(c, i+2, int64(o.width)); !ok {
			return nil, 0, false
		}
		if o.verb != verbGet {
			if o.value, ok = c.Int(i + 3); !ok {
				return nil, 0, false
			}
			last = max(last, o.at+int64(o.width)-1)
		}
		ops = append(ops, o)
		i += words
	}
	return ops, last, true
}

// getFields is a BITFIELD that only reads.
func getFields(c *command.Ctx, ops []fieldOp) {
	e := c.Read(0)
	if !isString(c, e) {
		return
	}
	b := bitsOf(c, e)
	c.W.Array(len(ops))
	for i := range ops {
		o := &ops[i]
		c.W.Int(o.extend(bitmap.Field(b, o.at, o.width)))
	}
}

// run does one operation on a string that is long enough for its write, and
// replies. It says whether it wrote, and whether that changed the field.
func (o *fieldOp) run(c *command.Ctx, b []byte) (wrote, differs bool) {
	old := o.extend(bitmap.Field(b, o.at, o.width))
	reply, next, within := old, old, true
	switch o.verb {
	case verbGet:
		c.W.Int(old)
		return false, false
	case verbSet:
		next, within = o.set(o.value, o.mode)
	case verbIncrby:
		next, within = o.add(old, o.value, o.mode)
		reply = next
	}
	if !within {
		c.W.Null()
		return false, false
	}
	bitmap.SetField(b, o.at, o.width, uint64(next))
	c.W.Int(reply)
	return true, old != next
}
