package setcmd

import (
	"kvorum/command"
	"kvorum/object/set"
)

var smembersSpec = &command.Spec{
	Name: "smembers", Since: "1.0.0", Group: "set",
	Complexity: "O(N) where N is the set cardinality.",
	Summary:    "Reads all members of a set.",
	Arity:      2, Flags: command.ReadOnly, Categories: command.CatSet,
	Tips:    []string{"nondeterministic_output_order"},
	Keys:    []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey},
	Handler: smembers,
}

func smembers(c *command.Ctx) {
	e := c.Read(0)
	if !isSet(c, e) {
		return
	}
	if !e.OK() {
		c.W.Set(0)
		return
	}
	var s set.Set
	s.Open(e.Rec)
	if c.Long(s.Len()) {
		return
	}
	replySet(c, &s)
}

// replySet replies all members.
func replySet(c *command.Ctx, s *set.Set) {
	c.W.Set(s.Len())
	var it set.Iter
	for it.Start(s); it.Next() && c.Step(); {
		c.W.Bulk(it.Member())
	}
}
