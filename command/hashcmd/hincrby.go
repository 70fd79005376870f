package hashcmd

import (
	"math"

	"kvorum/command"
	"kvorum/num"
	"kvorum/object/hash"
)

var hincrbySpec = &command.Spec{
	Name: "hincrby", Since: "2.0.0", Group: "hash",
	Complexity: "O(1)",
	Summary:    "Adds a number to the integer in a field; an absent field counts as 0.",
	Arity:      4, Flags: command.Write | command.DenyOOM | command.Fast, Categories: command.CatHash,
	Keys:    []command.KeySpec{{Flags: command.RW | command.Access | command.Update, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey, {Name: "field", Type: "string"}, {Name: "increment", Type: "integer"}},
	Handler: hincrby,
}

func hincrby(c *command.Ctx) {
	by, ok := c.Int(3)
	if !ok {
		return
	}
	e := c.Write(0)
	var h hash.Hash
	if !openHash(c, &e, &h) {
		return
	}
	orNew(c, e, &h)
	n := int64(0)
	if v, found := h.Get(c.Args[2], c.Scratch[:]); found {
		if n, ok = num.ParseInt64(v); !ok {
			c.Err("-ERR hash value is not an integer")
			return
		}
	}
	if by < 0 && n < math.MinInt64-by || by > 0 && n > math.MaxInt64-by {
		c.Err(command.ErrOverflow)
		return
	}
	n += by
	h.Update(c.Args[2], num.AppendInt(c.Scratch[:0], n), c.Packing.Hash, &c.Buf)
	changed(c, "hincrby", 1)
	c.W.Int(n)
}
