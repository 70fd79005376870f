package hashcmd

import (
	"kvorum/command"
	"kvorum/num"
	"kvorum/object/hash"
)

var hincrbyfloatSpec = &command.Spec{
	Name: "hincrbyfloat", Since: "2.6.0", Group: "hash",
	Complexity: "O(1)",
	Summary:    "Adds a fraction to the number in a field; an absent field counts as 0.",
	Arity:      4, Flags: command.Write | command.DenyOOM | command.Fast, Categories: command.CatHash,
	Keys:    []command.KeySpec{{Flags: command.RW | command.Access | command.Update, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey, {Name: "field", Type: "string"}, {Name: "increment", Type: "double"}},
	Handler: hincrbyfloat,
}

var (
	hsetName = []byte("HSET")
	one      = []byte("1")
)

func hincrbyfloat(c *command.Ctx) {
	by, ok := num.ParseLongDouble(c.Args[3])
	if !ok {
		c.Err(command.ErrNotFloat)
		return
	}
	if !by.IsFinite() {
		c.Err("-ERR value is NaN or Infinity")
		return
	}
	e := c.Write(0)
	var h hash.Hash
	if !openHash(c, &e, &h) {
		return
	}
	orNew(c, e, &h)
	sum := by.Add(num.LongDouble{})
	if v, found := h.Get(c.Args[2], c.Scratch[:]); found {
		old, ok := num.ParseLongDouble(v)
		if !ok {
			c.Err("-ERR hash value is not a float")
			return
		}
		sum = old.Add(by)
	}
	if !sum.IsFinite() {
		c.Err(command.ErrNaN)
		return
	}
	c.Buf2 = sum.AppendHuman(c.Buf2[:0])
	h.Update(c.Args[2], c.Buf2, c.Packing.Hash, &c.Buf)
	changed(c, "hincrbyfloat", 1)
	// The sum is fed, not the increment: rounding happens once.
	c.Effect(hsetName, c.Args[1], c.Args[2], c.Buf2)
	if due, _ := h.Due(c.Args[2]); due != 0 {
		// COMPAT: hincrbyfloat-ttl: Redis's replicas and logs take the TTL of the field.
		c.Effect(hpexpireatName, c.Args[1], num.AppendInt(c.Scratch[:0], due), fieldsName, one, c.Args[2])
	}
	c.W.Bulk(c.Buf2)
}
