package zsetcmd

import (
	"kvorum/command"
	"kvorum/object/zset"
)

var zrankSpec = &command.Spec{
	Name: "zrank", Since: "2.0.0", Group: "sorted-set", Complexity: "O(log(N))",
	Summary: "Tells the place of a member in the order of its sorted set, from the lowest score on.",
	Arity:   -3, Flags: command.ReadOnly | command.Fast, Categories: command.CatSortedSet,
	History: []command.Change{
		{Since: "7.2.0", Text: "Added the optional `WITHSCORE` argument."},
	},
	Keys: []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
	Args: []command.Arg{
		{Name: "key", Type: "key", Key: 1},
		{Name: "member", Type: "string"},
		{Name: "withscore", Type: "pure-token", Token: "WITHSCORE", Optional: true},
	},
	Handler: zrank,
}

var zrevrankSpec = &command.Spec{
	Name: "zrevrank", Since: "2.0.0", Group: "sorted-set", Complexity: "O(log(N))",
	Summary: "Tells the place of a member in the order of its sorted set, from the highest score on.",
	Arity:   -3, Flags: command.ReadOnly | command.Fast, Categories: command.CatSortedSet,
	History: []command.Change{
		{Since: "7.2.0", Text: "Added the optional `WITHSCORE` argument."},
	},
	Keys: []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
	Args: []command.Arg{
		{Name: "key", Type: "key", Key: 1},
		{Name: "member", Type: "string"},
		{Name: "withscore", Type: "pure-token", Token: "WITHSCORE", Optional: true},
	},
	Handler: zrevrank,
}

func zrank(c *command.Ctx) { rankOf(c, false) }

func zrevrank(c *command.Ctx) { rankOf(c, true) }

func rankOf(c *command.Ctx, reverse bool) {
	if len(c.Args) > 4 {
		c.Err("-ERR wrong number of arguments for '" + c.Spec.FullName() + "' command")
		return
	}
	withScore := len(c.Args) == 4
	if withScore && !c.Is(3, "withscore") {
		c.Err(command.ErrSyntax)
		return
	}
	e := c.Read(0)
	if !isZSet(c, e) {
		return
	}
	if e.OK() {
		s := open(c, e)
		var at zset.Cursor
		if rank, score, ok := s.Rank(c.Args[2], &at); ok {
			if reverse {
				rank = s.Len() - 1 - rank
			}
			if withScore {
				c.W.Array(2)
			}
			c.W.Int(int64(rank))
			if withScore {
				c.W.Double(score)
			}
			return
		}
	}
	if withScore {
		c.W.NullArray()
	} else {
		c.W.Null()
	}
}
