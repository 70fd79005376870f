package listcmd

import (
	"kvorum/command"
	"kvorum/ds/listpack"
	"kvorum/object/list"
)

var linsertSpec = &command.Spec{
	Name: "linsert", Since: "2.2.0", Group: "list", Complexity: "O(N) where N is the number of elements to traverse before seeing the value pivot. This means that inserting somewhere on the left end on the list (head) can be considered O(1) and inserting somewhere on the right end (tail) is O(N).",
	Summary: "Puts an element in before or behind the first one of a list that equals a pivot.",
	Arity:   5, Flags: command.Write | command.DenyOOM, Categories: command.CatList,
	Keys: []command.KeySpec{{Flags: command.RW | command.Insert, Index: 1, Step: 1}},
	Args: []command.Arg{
		{Name: "key", Type: "key", Key: 1},
		{Name: "where", Type: "oneof", Args: []command.Arg{
			{Name: "before", Type: "pure-token", Token: "BEFORE"},
			{Name: "after", Type: "pure-token", Token: "AFTER"},
		}},
		{Name: "pivot", Type: "string"},
		{Name: "element", Type: "string"},
	},
	Handler: linsert,
}

func linsert(c *command.Ctx) {
	after := c.Is(2, "after")
	if !after && !c.Is(2, "before") {
		c.Err(command.ErrSyntax)
		return
	}
	k, e := c.Keys[0], c.Write(0)
	if !e.OK() {
		c.W.Int(0)
		return
	}
	if !isList(c, e) {
		return
	}
	value := c.Args[4]
	l := open(c, e)
	l.Grow(1, len(value))
	var at list.Cursor
	l.At(0, &at)
	if !at.Find(listpack.Of(c.Args[3])) {
		c.W.Int(-1)
		return
	}
	if after {
		at.Next()
	}
	at.Insert(value)
	c.DB.Modified(k)
	c.Notify(command.NotifyList, "linsert", k.Bytes)
	c.Dirty++
	c.W.Int(int64(l.Len()))
}
