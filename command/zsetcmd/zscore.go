package zsetcmd

import "kvorum/command"

var zscoreSpec = &command.Spec{
	Name: "zscore", Since: "1.2.0", Group: "sorted-set", Complexity: "O(1)",
	Summary: "Reads the score of a member of a sorted set.",
	Arity:   3, Flags: command.ReadOnly | command.Fast, Categories: command.CatSortedSet,
	Keys: []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
	Args: []command.Arg{
		{Name: "key", Type: "key", Key: 1},
		{Name: "member", Type: "string"},
	},
	Handler: zscore,
}

var zmscoreSpec = &command.Spec{
	Name: "zmscore", Since: "6.2.0", Group: "sorted-set", Complexity: "O(N) where N is the number of members being requested.",
	Summary: "Reads the scores of members of a sorted set.",
	Arity:   -3, Flags: command.ReadOnly | command.Fast, Categories: command.CatSortedSet,
	Keys: []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
	Args: []command.Arg{
		{Name: "key", Type: "key", Key: 1},
		{Name: "member", Type: "string", Multiple: true},
	},
	Handler: zmscore,
}

func zscore(c *command.Ctx) {
	e := c.Read(0)
	if !isZSet(c, e) {
		return
	}
	if e.OK() {
		if score, ok := open(c, e).Score(c.Args[2]); ok {
			c.W.Double(score)
			return
		}
	}
	c.W.Null()
}

func zmscore(c *command.Ctx) {
	e := c.Read(0)
	if !isZSet(c, e) {
		return
	}
	c.W.Array(len(c.Args) - 2)
	for _, m := range c.Args[2:] {
		if e.OK() {
			if score, ok := open(c, e).Score(m); ok {
				c.W.Double(score)
				continue
			}
		}
		c.W.Null()
	}
}
