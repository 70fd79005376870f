package hashcmd

import (
	"kvorum/command"
	"kvorum/object/hash"
)

var hgetSpec = &command.Spec{
	Name: "hget", Since: "2.0.0", Group: "hash",
	Complexity: "O(1)",
	Summary:    "Reads a field of a hash.",
	Arity:      3, Flags: command.ReadOnly | command.Fast, Categories: command.CatHash,
	Keys:    []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey, {Name: "field", Type: "string"}},
	Handler: hget,
}

var hmgetSpec = &command.Spec{
	Name: "hmget", Since: "2.0.0", Group: "hash",
	Complexity: "O(N) where N is the number of fields being requested.",
	Summary:    "Reads several fields of a hash.",
	Arity:      -3, Flags: command.ReadOnly | command.Fast, Categories: command.CatHash,
	Keys:    []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey, {Name: "field", Type: "string", Multiple: true}},
	Handler: hmget,
}

func hget(c *command.Ctx) {
	e := c.Read(0)
	var h hash.Hash
	if !openHash(c, &e, &h) {
		return
	}
	if !e.OK() {
		c.W.Null()
		return
	}
	replyField(c, &h, c.Args[2])
}

func hmget(c *command.Ctx) {
	e := c.Read(0)
	var h hash.Hash
	if !openHash(c, &e, &h) {
		return
	}
	fields := c.Args[2:]
	c.W.Array(len(fields))
	if !e.OK() {
		for range fields {
			c.W.Null()
		}
		return
	}
	for _, f := range fields {
		replyField(c, &h, f)
	}
}

func replyField(c *command.Ctx, h *hash.Hash, field []byte) {
	if v, ok := h.Get(field, c.Scratch[:]); ok {
		c.W.Bulk(v)
		return
	}
	c.W.Null()
}
