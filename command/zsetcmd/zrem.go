package zsetcmd

import "kvorum/command"

var zremSpec = &command.Spec{
	Name: "zrem", Since: "1.2.0", Group: "sorted-set", Complexity: "O(M*log(N)) with N being the number of elements in the sorted set and M the number of elements to be removed.",
	Summary: "Removes members of a sorted set, and the sorted set with its last member.",
	Arity:   -3, Flags: command.Write | command.Fast, Categories: command.CatSortedSet,
	History: []command.Change{
		{Since: "2.4.0", Text: "Accepts multiple elements."},
	},
	Keys: []command.KeySpec{{Flags: command.RW | command.Delete, Index: 1, Step: 1}},
	Args: []command.Arg{
		{Name: "key", Type: "key", Key: 1},
		{Name: "member", Type: "string", Multiple: true},
	},
	Handler: zrem,
}

func zrem(c *command.Ctx) {
	k, e := c.Keys[0], c.Write(0)
	if !isZSet(c, e) {
		return
	}
	if !e.OK() {
		c.W.Int(0)
		return
	}
	s := open(c, e)
	n := 0
	for _, m := range c.Args[2:] {
		if s.Len() > 0 && s.Delete(m) {
			n++
		}
	}
	if n > 0 {
		removed(c, k, e, s, "zrem", n)
	}
	c.W.Int(int64(n))
}
