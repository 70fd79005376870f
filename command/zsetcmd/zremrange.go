package zsetcmd

import (
	"kvorum/command"
)

var zremrangebyrankSpec = &command.Spec{
	Name: "zremrangebyrank", Since: "2.0.0", Group: "sorted-set", Complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements removed by the operation.",
	Summary: "Removes members of a sorted set by rank.",
	Arity:   4, Flags: command.Write, Categories: command.CatSortedSet,
	Keys: []command.KeySpec{{Flags: command.RW | command.Delete, Index: 1, Step: 1}},
	Args: []command.Arg{
		{Name: "key", Type: "key", Key: 1},
		{Name: "start", Type: "integer"},
		{Name: "stop", Type: "integer"},
	},
	Handler: zremrangebyrank,
}

var zremrangebyscoreSpec = &command.Spec{
	Name: "zremrangebyscore", Since: "1.2.0", Group: "sorted-set", Complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements removed by the operation.",
	Summary: "Removes members of a sorted set with scores in a range.",
	Arity:   4, Flags: command.Write, Categories: command.CatSortedSet,
	Keys: []command.KeySpec{{Flags: command.RW | command.Delete, Index: 1, Step: 1}},
	Args: []command.Arg{
		{Name: "key", Type: "key", Key: 1},
		{Name: "min", Type: "double"},
		{Name: "max", Type: "double"},
	},
	Handler: zremrangebyscore,
}

var zremrangebylexSpec = &command.Spec{
	Name: "zremrangebylex", Since: "2.8.9", Group: "sorted-set", Complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements removed by the operation.",
	Summary: "Removes members of a sorted set of equal scores in a range of names.",
	Arity:   4, Flags: command.Write, Categories: command.CatSortedSet,
	Keys: []command.KeySpec{{Flags: command.RW | command.Delete, Index: 1, Step: 1}},
	Args: []command.Arg{
		{Name: "key", Type: "key", Key: 1},
		{Name: "min", Type: "string"},
		{Name: "max", Type: "string"},
	},
	Handler: zremrangebylex,
}

func zremrangebyrank(c *command.Ctx) {
	q := query{order: byRank}
	if q.rank.parse(c, 2, 3) {
		removeRange(c, &q, "zremrangebyrank")
	}
}

func zremrangebyscore(c *command.Ctx) {
	q := query{order: byScore}
	if q.score.parse(c, 2, 3) {
		removeRange(c, &q, "zremrangebyscore")
	}
}

func zremrangebylex(c *command.Ctx) {
	q := query{order: byLex}
	if q.lex.parse(c, 2, 3) {
		removeRange(c, &q, "zremrangebylex")
	}
}

// removeRange removes the members in a range.
func removeRange(c *command.Ctx, q *query, event string) {
	k, e := c.Keys[0], c.Write(0)
	if !isZSet(c, e) {
		return
	}
	if !e.OK() {
		c.W.Int(0)
		return
	}
	s := open(c, e)
	from, to := q.ranks(s)
	if n := to - from; n > 0 {
		c.Free(s.DeleteRange(from, n))
		removed(c, k, e, s, event, n)
	}
	c.W.Int(int64(to - from))
}
