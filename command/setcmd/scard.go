package setcmd

import (
	"kvorum/command"
	"kvorum/object/set"
)

var scardSpec = &command.Spec{
	Name: "scard", Since: "1.0.0", Group: "set",
	Complexity: "O(1)",
	Summary:    "Counts the members of a set.",
	Arity:      2, Flags: command.ReadOnly | command.Fast, Categories: command.CatSet,
	Keys:    []command.KeySpec{{Flags: command.RO, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey},
	Handler: scard,
}

func scard(c *command.Ctx) {
	e := c.Read(0)
	if !isSet(c, e) {
		return
	}
	n := 0
	if e.OK() {
		var s set.Set
		s.Open(e.Rec)
		n = s.Len()
	}
	c.W.Int(int64(n))
}
