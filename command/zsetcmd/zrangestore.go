package zsetcmd

import (
	"kvorum/command"
	"kvorum/object/zset"
)

var zrangestoreSpec = &command.Spec{
	Name: "zrangestore", Since: "6.2.0", Group: "sorted-set", Complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements stored into the destination key.",
	Summary: "Stores members of a sorted set by rank, score or name under another key.",
	Arity:   -5, Flags: command.Write | command.DenyOOM, Categories: command.CatSortedSet,
	Keys: []command.KeySpec{
		{Flags: command.OW | command.Update, Index: 1, Step: 1},
		{Flags: command.RO | command.Access, Index: 2, Step: 1},
	},
	Args: []command.Arg{
		{Name: "dst", Type: "key", Key: 1},
		{Name: "src", Type: "key", Key: 2},
		{Name: "min", Type: "string"},
		{Name: "max", Type: "string"},
		{Name: "sortby", Type: "oneof", Optional: true, Args: []command.Arg{
			{Name: "byscore", Type: "pure-token", Token: "BYSCORE"},
			{Name: "bylex", Type: "pure-token", Token: "BYLEX"},
		}},
		{Name: "rev", Type: "pure-token", Token: "REV", Optional: true},
		{Name: "limit", Type: "block", Token: "LIMIT", Optional: true, Args: []command.Arg{
			{Name: "offset", Type: "integer"},
			{Name: "count", Type: "integer"},
		}},
	},
	Handler: zrangestore,
}

func zrangestore(c *command.Ctx) {
	q := &query{anyWay: true}
	if !q.parse(c, 2, true) {
		return
	}
	dst := c.Keys[0]
	e := c.Read(1)
	if !isZSet(c, e) {
		return
	}
	first, count := 0, 0
	if e.OK() {
		if first, count = q.find(open(c, e)); c.Long(count) {
			return
		}
	}
	d := zset.Begin(c.DB.ArenaOf(dst), dst.Bytes, c.Access, &c.ZSets[1])
	if e.OK() {
		s := open(c, e)
		if q.order == byRank && count > c.Packing.ZSet.Entries {
			d.Set.Unpack()
		}
		var at zset.Cursor
		for s.At(first, &at); count > 0 && c.Step(); count-- {
			d.Set.Put(at.Member(), at.Score(), c.Packing.ZSet, &c.Buf)
			at.Step(q.reverse)
		}
	}
	Store(c, dst, &d, "zrangestore")
}
