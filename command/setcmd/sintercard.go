package setcmd

import (
	"kvorum/command"
	"kvorum/num"
	"kvorum/object/set"
)

var sintercardSpec = &command.Spec{
	Name: "sintercard", Since: "7.0.0", Group: "set",
	Complexity: "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets.",
	Summary:    "Counts the members that all sets have.",
	Arity:      -3, Flags: command.ReadOnly, Categories: command.CatSet,
	Keys: []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, KeyNum: true, FirstKey: 1, NumStep: 1}},
	Args: []command.Arg{
		{Name: "numkeys", Type: "integer"},
		{Name: "key", Type: "key", Key: 1, Multiple: true},
		{Name: "limit", Type: "integer", Token: "LIMIT", Optional: true},
	},
	Handler: sintercard,
}

func sintercard(c *command.Ctx) {
	count, ok := num.ParseInt64(c.Args[1])
	if !ok || count < 1 {
		c.Err("-ERR numkeys should be greater than 0")
		return
	}
	if count > int64(len(c.Args)-2) {
		c.Err("-ERR Number of keys can't be greater than number of args")
		return
	}
	limit := int64(0)
	for i := 2 + int(count); i < len(c.Args); i += 2 {
		if !c.Is(i, "limit") || i+1 >= len(c.Args) {
			c.Err(command.ErrSyntax)
			return
		}
		if limit, ok = num.ParseInt64(c.Args[i+1]); !ok || limit < 0 {
			c.Err("-ERR LIMIT can't be negative")
			return
		}
	}
	list, ok := inputs(c, 0)
	if !ok {
		return
	}
	n := int64(0)
	if allThere(list) {
		sortBySize(list)
		if c.Long(list[0].Len() * len(list)) {
			return
		}
		var it set.Iter
		for it.Start(&list[0].Set); it.Next() && c.Step(); {
			if inAll(list, &it) {
				if n++; n == limit {
					break
				}
			}
		}
	}
	c.W.Int(n)
}
