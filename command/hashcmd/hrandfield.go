package hashcmd

import (
	"math"

	"kvorum/command"
	"kvorum/object/hash"
)

var hrandfieldSpec = &command.Spec{
	Name: "hrandfield", Since: "6.2.0", Group: "hash",
	Complexity: "O(N) where N is the number of fields returned",
	Summary:    "Draws fields of a hash at random.",
	Arity:      -2, Flags: command.ReadOnly, Categories: command.CatHash,
	Tips: []string{"nondeterministic_output"},
	Keys: []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
	Args: []command.Arg{
		argKey,
		{Name: "options", Type: "block", Optional: true, Args: []command.Arg{{Name: "count", Type: "integer"}, {Name: "withvalues", Type: "pure-token", Token: "WITHVALUES", Optional: true}}},
	},
	Handler: hrandfield,
}

func hrandfield(c *command.Ctx) {
	if len(c.Args) > 2 {
		hrandfields(c)
		return
	}
	e := c.Read(0)
	var h hash.Hash
	if !openHash(c, &e, &h) {
		return
	}
	if !e.OK() {
		c.W.Null()
		return
	}
	if h.Len() == 0 { // all fields are due
		c.W.Null()
		return
	}
	c.W.Bulk(h.Random(c.Rng, c.Scratch[:]))
}

// hrandfields is HRANDFIELD with a count.
func hrandfields(c *command.Ctx) {
	count, ok := c.Count(2)
	if !ok {
		return
	}
	withValues := len(c.Args) == 4 && c.Is(3, "withvalues")
	if len(c.Args) > 3 && !withValues {
		c.Err(command.ErrSyntax)
		return
	}
	if withValues && (count < -math.MaxInt64/2 || count > math.MaxInt64/2) {
		c.Err("-ERR value is out of range")
		return
	}
	e := c.Read(0)
	var h hash.Hash
	if !openHash(c, &e, &h) {
		return
	}
	if !e.OK() || count == 0 {
		c.W.Array(0)
		return
	}
	if h.Len() == 0 {
		c.W.Array(0)
		return
	}
	wanted := int(-count)
	if count >= 0 {
		wanted = min(int(count), h.Len())
	}
	if c.Long(wanted) {
		return
	}
	r := fieldReply{c: c, values: withValues}
	if count < 0 || count == 1 {
		r.head(max(count, -count))
		var p hash.Picker
		p.Start(&h)
		for n := max(count, -count); n > 0; n-- {
			p.Pick(c.Rng)
			r.add(p.Field, p.Value)
			if n%command.FloodStep == 0 && c.Flooded() {
				return
			}
		}
		return
	}
	r.head(int64(wanted))
	h.Choose(c.Rng, wanted, func(field, value []byte) {
		r.add(field, value)
		c.Step()
	})
}

// fieldReply replies fields, alone or with their values: in turn, in RESP3 as
// pairs.
type fieldReply struct {
	c      *command.Ctx
	values bool
}

func (r *fieldReply) head(count int64) {
	if r.values && r.c.W.Proto != 3 {
		count *= 2
	}
	r.c.W.Array(int(count))
}

func (r *fieldReply) add(field, value []byte) {
	if r.values && r.c.W.Proto == 3 {
		r.c.W.Array(2)
	}
	r.c.W.Bulk(field)
	if r.values {
		r.c.W.Bulk(value)
	}
}
