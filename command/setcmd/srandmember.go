package setcmd

import (
	"kvorum/command"
	"kvorum/object/set"
)

var srandmemberSpec = &command.Spec{
	Name: "srandmember", Since: "1.0.0", Group: "set",
	Complexity: "Without the count argument O(1), otherwise O(N) where N is the absolute value of the passed count.",
	Summary:    "Draws members of a set at random.",
	Arity:      -2, Flags: command.ReadOnly, Categories: command.CatSet,
	History: []command.Change{{Since: "2.6.0", Text: "Added the optional `count` argument."}},
	Tips:    []string{"nondeterministic_output"},
	Keys:    []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey, {Name: "count", Type: "integer", Since: "2.6.0", Optional: true}},
	Handler: srandmember,
}

func srandmember(c *command.Ctx) {
	switch {
	case len(c.Args) == 3:
		srandmembers(c)
		return
	case len(c.Args) > 3:
		c.Err(command.ErrSyntax)
		return
	}
	e := c.Read(0)
	if !isSet(c, e) {
		return
	}
	if !e.OK() {
		c.W.Null()
		return
	}
	var s set.Set
	s.Open(e.Rec)
	c.W.Bulk(s.Random(c.Rng, c.Scratch[:]))
}

// srandmembers is SRANDMEMBER with a count.
func srandmembers(c *command.Ctx) {
	count, ok := c.Count(2)
	if !ok {
		return
	}
	e := c.Read(0)
	if !isSet(c, e) {
		return
	}
	if !e.OK() || count == 0 {
		c.W.Array(0)
		return
	}
	var s set.Set
	s.Open(e.Rec)
	if count < 0 || count == 1 {
		n := max(count, -count)
		if c.Long(int(n)) {
			return
		}
		c.W.Array(int(n))
		var p set.Picker
		for p.Start(&s); n > 0; n-- {
			c.W.Bulk(p.Pick(c.Rng))
			if n%command.FloodStep == 0 && c.Flooded() {
				return
			}
		}
		return
	}
	n := int(min(count, int64(s.Len())))
	if c.Long(n) {
		return
	}
	c.W.Array(n)
	s.Choose(c.Rng, n, func(member []byte) {
		c.W.Bulk(member)
		c.Step()
	})
}
