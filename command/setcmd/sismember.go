package setcmd

import (
	"kvorum/command"
	"kvorum/object/set"
)

var sismemberSpec = &command.Spec{
	Name: "sismember", Since: "1.0.0", Group: "set",
	Complexity: "O(1)",
	Summary:    "Tells whether a set has a member.",
	Arity:      3, Flags: command.ReadOnly | command.Fast, Categories: command.CatSet,
	Keys:    []command.KeySpec{{Flags: command.RO, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey, {Name: "member", Type: "string"}},
	Handler: sismember,
}

var smismemberSpec = &command.Spec{
	Name: "smismember", Since: "6.2.0", Group: "set",
	Complexity: "O(N) where N is the number of elements being checked for membership",
	Summary:    "Tells for each of several members whether a set has it.",
	Arity:      -3, Flags: command.ReadOnly | command.Fast, Categories: command.CatSet,
	Keys:    []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey, {Name: "member", Type: "string", Multiple: true}},
	Handler: smismember,
}

func sismember(c *command.Ctx) {
	e := c.Read(0)
	if !isSet(c, e) {
		return
	}
	var s set.Set
	if e.OK() {
		s.Open(e.Rec)
	}
	c.W.Int(present(e.OK() && s.Has(c.Args[2])))
}

func smismember(c *command.Ctx) {
	e := c.Read(0)
	if !isSet(c, e) {
		return
	}
	var s set.Set
	if e.OK() {
		s.Open(e.Rec)
	}
	c.W.Array(len(c.Args) - 2)
	for _, m := range c.Args[2:] {
		c.W.Int(present(e.OK() && s.Has(m)))
	}
}

// present is the reply that tells whether something is there.
func present(is bool) int64 {
	if is {
		return 1
	}
	return 0
}
