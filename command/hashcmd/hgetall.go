package hashcmd

import (
	"kvorum/command"
	"kvorum/object/hash"
)

var hgetallSpec = &command.Spec{
	Name: "hgetall", Since: "2.0.0", Group: "hash",
	Complexity: "O(N) where N is the size of the hash.",
	Summary:    "Reads all fields of a hash with their values.",
	Arity:      2, Flags: command.ReadOnly, Categories: command.CatHash,
	Tips:    []string{"nondeterministic_output_order"},
	Keys:    []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey},
	Handler: hgetall,
}

var hkeysSpec = &command.Spec{
	Name: "hkeys", Since: "2.0.0", Group: "hash",
	Complexity: "O(N) where N is the size of the hash.",
	Summary:    "Reads the names of all fields of a hash.",
	Arity:      2, Flags: command.ReadOnly, Categories: command.CatHash,
	Tips:    []string{"nondeterministic_output_order"},
	Keys:    []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey},
	Handler: hkeys,
}

var hvalsSpec = &command.Spec{
	Name: "hvals", Since: "2.0.0", Group: "hash",
	Complexity: "O(N) where N is the size of the hash.",
	Summary:    "Reads the values of all fields of a hash.",
	Arity:      2, Flags: command.ReadOnly, Categories: command.CatHash,
	Tips:    []string{"nondeterministic_output_order"},
	Keys:    []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey},
	Handler: hvals,
}

func hgetall(c *command.Ctx) {
	e := c.Read(0)
	var h hash.Hash
	if !openHash(c, &e, &h) {
		return
	}
	if !e.OK() {
		c.W.Map(0)
		return
	}
	if c.Long(h.Len()) {
		return
	}
	c.W.Map(h.Len())
	var it hash.Iter
	for it.Start(&h); it.Next() && c.Step(); {
		field, value := it.Pair()
		c.W.Bulk(field)
		c.W.Bulk(value)
	}
}

func hkeys(c *command.Ctx) { halves(c, false) }

func hvals(c *command.Ctx) { halves(c, true) }

// halves replies all fields, or all values.
func halves(c *command.Ctx, values bool) {
	e := c.Read(0)
	var h hash.Hash
	if !openHash(c, &e, &h) {
		return
	}
	if !e.OK() {
		c.W.Array(0)
		return
	}
	if c.Long(h.Len()) {
		return
	}
	c.W.Array(h.Len())
	var it hash.Iter
	for it.Start(&h); it.Next() && c.Step(); {
		if values {
			c.W.Bulk(it.Value())
		} else {
			c.W.Bulk(it.Field())
		}
	}
}
