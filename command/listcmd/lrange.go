package listcmd

import (
	"kvorum/command"
)

var lrangeSpec = &command.Spec{
	Name: "lrange", Since: "1.0.0", Group: "list", Complexity: "O(S+N) where S is the distance of start offset from HEAD for small lists, from nearest end (HEAD or TAIL) for large lists; and N is the number of elements in the specified range.",
	Summary: "Reads the elements of a list from one index to another.",
	Arity:   4, Flags: command.ReadOnly, Categories: command.CatList,
	Keys: []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
	Args: []command.Arg{
		{Name: "key", Type: "key", Key: 1},
		{Name: "start", Type: "integer"},
		{Name: "stop", Type: "integer"},
	},
	Handler: lrange,
}

func lrange(c *command.Ctx) {
	start, ok := c.Int(2)
	if !ok {
		return
	}
	stop, ok := c.Int(3)
	if !ok {
		return
	}
	e := c.Read(0)
	if !e.OK() {
		c.W.Array(0)
		return
	}
	if !isList(c, e) {
		return
	}
	l := open(c, e)
	first, count := span(start, stop, l.Len())
	if c.Long(count) {
		return
	}
	replyRange(c, l, first, count)
}
