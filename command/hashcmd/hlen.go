package hashcmd

import (
	"kvorum/command"
	"kvorum/object/hash"
)

var hlenSpec = &command.Spec{
	Name: "hlen", Since: "2.0.0", Group: "hash",
	Complexity: "O(1)",
	Summary:    "Counts the fields of a hash.",
	Arity:      2, Flags: command.ReadOnly | command.Fast, Categories: command.CatHash,
	Keys:    []command.KeySpec{{Flags: command.RO, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey},
	Handler: hlen,
}

var hstrlenSpec = &command.Spec{
	Name: "hstrlen", Since: "3.2.0", Group: "hash",
	Complexity: "O(1)",
	Summary:    "Tells the length of the value of a field.",
	Arity:      3, Flags: command.ReadOnly | command.Fast, Categories: command.CatHash,
	Keys:    []command.KeySpec{{Flags: command.RO, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey, {Name: "field", Type: "string"}},
	Handler: hstrlen,
}

var hexistsSpec = &command.Spec{
	Name: "hexists", Since: "2.0.0", Group: "hash",
	Complexity: "O(1)",
	Summary:    "Tells whether a hash has a field.",
	Arity:      3, Flags: command.ReadOnly | command.Fast, Categories: command.CatHash,
	Keys:    []command.KeySpec{{Flags: command.RO, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey, {Name: "field", Type: "string"}},
	Handler: hexists,
}

func hlen(c *command.Ctx) {
	e := c.Read(0)
	var h hash.Hash
	if !openHash(c, &e, &h) {
		return
	}
	n := 0
	if e.OK() {
		n = h.Len()
	}
	c.W.Int(int64(n))
}

func hstrlen(c *command.Ctx) {
	e := c.Read(0)
	var h hash.Hash
	if !openHash(c, &e, &h) {
		return
	}
	n := 0
	if e.OK() {
		v, _ := h.Get(c.Args[2], c.Scratch[:])
		n = len(v)
	}
	c.W.Int(int64(n))
}

func hexists(c *command.Ctx) {
	e := c.Read(0)
	var h hash.Hash
	if !openHash(c, &e, &h) {
		return
	}
	n := int64(0)
	if e.OK() {
		if h.Has(c.Args[2]) {
			n = 1
		}
	}
	c.W.Int(n)
}
