package listcmd

import (
	"kvorum/command"
)

var ltrimSpec = &command.Spec{
	Name: "ltrim", Since: "1.0.0", Group: "list", Complexity: "O(N) where N is the number of elements to be removed by the operation.",
	Summary: "Keeps the elements of a list from one index to another and removes the others.",
	Arity:   4, Flags: command.Write, Categories: command.CatList,
	Keys: []command.KeySpec{{Flags: command.RW | command.Delete, Index: 1, Step: 1}},
	Args: []command.Arg{
		{Name: "key", Type: "key", Key: 1},
		{Name: "start", Type: "integer"},
		{Name: "stop", Type: "integer"},
	},
	Handler: ltrim,
}

func ltrim(c *command.Ctx) {
	start, ok := c.Int(2)
	if !ok {
		return
	}
	stop, ok := c.Int(3)
	if !ok {
		return
	}
	k, e := c.Keys[0], c.Write(0)
	if !e.OK() {
		c.W.OK()
		return
	}
	if !isList(c, e) {
		return
	}
	l := open(c, e)
	n := l.Len()
	first, count := span(start, stop, n)
	c.Free(l.DeleteRange(first+count, n-first-count))
	c.Free(l.DeleteRange(0, first))
	c.Notify(command.NotifyList, "ltrim", k.Bytes)
	shrunk(c, k, e, l)
	c.Dirty += n - count
	c.W.OK()
}
