package zsetcmd

import "kvorum/command"

var zcountSpec = &command.Spec{
	Name: "zcount", Since: "2.0.0", Group: "sorted-set", Complexity: "O(log(N)) with N being the number of elements in the sorted set.",
	Summary: "Counts the members of a sorted set with scores in a range.",
	Arity:   4, Flags: command.ReadOnly | command.Fast, Categories: command.CatSortedSet,
	Keys: []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
	Args: []command.Arg{
		{Name: "key", Type: "key", Key: 1},
		{Name: "min", Type: "double"},
		{Name: "max", Type: "double"},
	},
	Handler: zcount,
}

var zlexcountSpec = &command.Spec{
	Name: "zlexcount", Since: "2.8.9", Group: "sorted-set", Complexity: "O(log(N)) with N being the number of elements in the sorted set.",
	Summary: "Counts the members of a sorted set of equal scores in a range of names.",
	Arity:   4, Flags: command.ReadOnly | command.Fast, Categories: command.CatSortedSet,
	Keys: []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
	Args: []command.Arg{
		{Name: "key", Type: "key", Key: 1},
		{Name: "min", Type: "string"},
		{Name: "max", Type: "string"},
	},
	Handler: zlexcount,
}

func zcount(c *command.Ctx) {
	q := query{order: byScore}
	if q.score.parse(c, 2, 3) {
		countRange(c, &q)
	}
}

func zlexcount(c *command.Ctx) {
	q := query{order: byLex}
	if q.lex.parse(c, 2, 3) {
		countRange(c, &q)
	}
}

// countRange replies the number of members in a range.
func countRange(c *command.Ctx, q *query) {
	e := c.Read(0)
	if !isZSet(c, e) {
		return
	}
	if !e.OK() {
		c.W.Int(0)
		return
	}
	from, to := q.ranks(open(c, e))
	c.W.Int(int64(to - from))
}
