package listcmd

import (
	"kvorum/command"
	"kvorum/object/list"
)

var lindexSpec = &command.Spec{
	Name: "lindex", Since: "1.0.0", Group: "list", Complexity: "O(N) where N is the number of elements to traverse to get to the element at index. This makes asking for the first or the last element of the list O(1).",
	Summary: "Reads the element at an index of a list.",
	Arity:   3, Flags: command.ReadOnly, Categories: command.CatList,
	Keys: []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
	Args: []command.Arg{
		{Name: "key", Type: "key", Key: 1},
		{Name: "index", Type: "integer"},
	},
	Handler: lindex,
}

func lindex(c *command.Ctx) {
	e := c.Read(0)
	if !e.OK() {
		c.W.Null()
		return
	}
	if !isList(c, e) {
		return
	}
	index, ok := c.Int(2)
	if !ok {
		return
	}
	l := open(c, e)
	first, count := span(index, index, l.Len())
	if count == 0 {
		c.W.Null()
		return
	}
	var at list.Cursor
	l.At(first, &at)
	bulk(c, at.Value())
}
