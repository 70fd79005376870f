package listcmd

import (
	"kvorum/command"
	"kvorum/object/list"
)

var lsetSpec = &command.Spec{
	Name: "lset", Since: "1.0.0", Group: "list", Complexity: "O(N) where N is the length of the list. Setting either the first or the last element of the list is O(1).",
	Summary: "Replaces the element at an index of a list.",
	Arity:   4, Flags: command.Write | command.DenyOOM, Categories: command.CatList,
	Keys: []command.KeySpec{{Flags: command.RW | command.Update, Index: 1, Step: 1}},
	Args: []command.Arg{
		{Name: "key", Type: "key", Key: 1},
		{Name: "index", Type: "integer"},
		{Name: "element", Type: "string"},
	},
	Handler: lset,
}

// COMPAT: lset-index: Redis cuts the index to 32 bits.
func lset(c *command.Ctx) {
	k, e := c.Keys[0], c.Write(0)
	if !e.OK() {
		c.Err(command.ErrNoSuchKey)
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
	l.Grow(1, len(c.Args[3]))
	if index < 0 {
		index += int64(l.Len())
	}
	if index < 0 || index >= int64(l.Len()) {
		c.Err("-ERR index out of range")
		return
	}
	var at list.Cursor
	l.At(int(index), &at)
	at.Replace(c.Args[3])
	c.W.OK()
	c.DB.Modified(k)
	c.Notify(command.NotifyList, "lset", k.Bytes)
	c.Dirty++
	l.Shrink()
}
