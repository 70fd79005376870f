package hashcmd

import (
	"kvorum/command"
	"kvorum/object/hash"
)

var hsetnxSpec = &command.Spec{
	Name: "hsetnx", Since: "2.0.0", Group: "hash",
	Complexity: "O(1)",
	Summary:    "Gives a field of a hash its value if the field does not exist.",
	Arity:      4, Flags: command.Write | command.DenyOOM | command.Fast, Categories: command.CatHash,
	Keys:    []command.KeySpec{{Flags: command.RW | command.Insert, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey, {Name: "field", Type: "string"}, {Name: "value", Type: "string"}},
	Handler: hsetnx,
}

func hsetnx(c *command.Ctx) {
	e := c.Write(0)
	var h hash.Hash
	if !openHash(c, &e, &h) {
		return
	}
	orNew(c, e, &h)
	if h.Has(c.Args[2]) {
		c.W.Int(0)
		return
	}
	h.Prepare(c.Args[2:], c.Packing.Hash)
	h.Set(c.Args[2], c.Args[3], c.Packing.Hash, &c.Buf)
	changed(c, "hset", 1)
	c.W.Int(1)
}
