package zsetcmd

import "kvorum/command"

var zcardSpec = &command.Spec{
	Name: "zcard", Since: "1.2.0", Group: "sorted-set", Complexity: "O(1)",
	Summary: "Counts the members of a sorted set.",
	Arity:   2, Flags: command.ReadOnly | command.Fast, Categories: command.CatSortedSet,
	Keys: []command.KeySpec{{Flags: command.RO, Index: 1, Step: 1}},
	Args: []command.Arg{
		{Name: "key", Type: "key", Key: 1},
	},
	Handler: zcard,
}

func zcard(c *command.Ctx) {
	e := c.Read(0)
	if !isZSet(c, e) {
		return
	}
	n := 0
	if e.OK() {
		n = open(c, e).Len()
	}
	c.W.Int(int64(n))
}
