package hashcmd

import (
	"kvorum/command"
	"kvorum/object/hash"
)

var hgetSpec = &command.Spec{
	Name: "hget", Since: "2.0.0", Group: "hash", Complexity: "O(1)",
	Summary: "Reads a field of a hash.",
	Arity:   3, Flags: command.ReadOnly | command.Fast, Categories: command.CatHash,
	Keys:    []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey},
	Handler: hget,
}

func hget(c *command.Ctx) {
	e := c.Read(0)
	if !isHash(c, e) {
		return
	}
	if !e.OK() {
		c.W.Null()
		return
	}
	h := hash.Open(e.Rec)
	if v, ok := h.Get(c.Args[2], c.Scratch[:]); ok {
		c.W.Bulk(v)
		return
	}
	c.W.Null()
}
