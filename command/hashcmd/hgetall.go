package hashcmd

import (
	"kvorum/command"
	"kvorum/object/hash"
)

var hgetallSpec = &command.Spec{
	Name: "hgetall", Since: "2.0.0", Group: "hash", Complexity: "O(N) where N is the size of the hash.",
	Summary: "Reads all fields of a hash with their values.",
	Arity:   2, Flags: command.ReadOnly, Categories: command.CatHash, Tips: []string{"nondeterministic_output_order"},
	Keys:    []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey},
	Handler: hgetall,
}

var hlenSpec = &command.Spec{
	Name: "hlen", Since: "2.0.0", Group: "hash", Complexity: "O(1)",
	Summary: "Counts the fields of a hash.",
	Arity:   2, Flags: command.ReadOnly | command.Fast, Categories: command.CatHash,
	Keys:    []command.KeySpec{{Flags: command.RO, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey},
	Handler: hlen,
}

func hgetall(c *command.Ctx) {
	e := c.Read(0)
	if !isHash(c, e) {
		return
	}
	if !e.OK() {
		c.W.Map(0)
		return
	}
	h := hash.Open(e.Rec)
	c.W.Map(h.Len())
	var it hash.Iter
	for it.Start(&h); it.Next(); {
		c.W.Bulk(it.Field)
		c.W.Bulk(it.Value)
	}
}

func hlen(c *command.Ctx) {
	e := c.Read(0)
	if !isHash(c, e) {
		return
	}
	n := 0
	if e.OK() {
		h := hash.Open(e.Rec)
		n = h.Len()
	}
	c.W.Int(int64(n))
}
