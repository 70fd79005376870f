package strcmd

import (
	"kvorum/command"
	"kvorum/object"
)

var strlenSpec = &command.Spec{
	Name: "strlen", Since: "2.2.0", Group: "string", Complexity: "O(1)",
	Summary: "Counts the bytes of the string stored under a key.",
	Arity:   2, Flags: command.ReadOnly | command.Fast, Categories: command.CatString,
	Keys:    []command.KeySpec{{Flags: command.RO, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey},
	Handler: strlen,
}

func strlen(c *command.Ctx) {
	e := c.Read(0)
	if !isString(c, e) {
		return
	}
	n := 0
	if e.OK() {
		n = object.StringLen(e.Rec)
	}
	c.W.Int(int64(n))
}
