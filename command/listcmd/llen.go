package listcmd

import (
	"kvorum/command"
)

var llenSpec = &command.Spec{
	Name: "llen", Since: "1.0.0", Group: "list", Complexity: "O(1)",
	Summary: "Counts the elements of a list.",
	Arity:   2, Flags: command.ReadOnly | command.Fast, Categories: command.CatList,
	Keys: []command.KeySpec{{Flags: command.RO, Index: 1, Step: 1}},
	Args: []command.Arg{
		{Name: "key", Type: "key", Key: 1},
	},
	Handler: llen,
}

func llen(c *command.Ctx) {
	e := c.Read(0)
	if !isList(c, e) {
		return
	}
	n := 0
	if e.OK() {
		l := open(c, e)
		n = l.Len()
	}
	c.W.Int(int64(n))
}
