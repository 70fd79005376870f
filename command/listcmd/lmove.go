package listcmd

import (
	"kvorum/command"
	"kvorum/keyspace"
	"kvorum/object/list"
)

var lmoveSpec = &command.Spec{
	Name: "lmove", Since: "6.2.0", Group: "list", Complexity: "O(1)",
	Summary: "Takes an element out at one end of a list and puts it in at an end of another, or of the same.",
	Arity:   5, Flags: command.Write | command.DenyOOM, Categories: command.CatList,
	Keys: []command.KeySpec{
		{Flags: command.RW | command.Access | command.Delete, Index: 1, Step: 1},
		{Flags: command.RW | command.Insert, Index: 2, Step: 1},
	},
	Args: []command.Arg{
		{Name: "source", Type: "key", Key: 1},
		{Name: "destination", Type: "key", Key: 2},
		{Name: "wherefrom", Type: "oneof", Args: []command.Arg{
			{Name: "left", Type: "pure-token", Token: "LEFT"},
			{Name: "right", Type: "pure-token", Token: "RIGHT"},
		}},
		{Name: "whereto", Type: "oneof", Args: []command.Arg{
			{Name: "left", Type: "pure-token", Token: "LEFT"},
			{Name: "right", Type: "pure-token", Token: "RIGHT"},
		}},
	},
	Handler: lmove,
}

var rpoplpushSpec = &command.Spec{
	Name: "rpoplpush", Since: "1.2.0", Group: "list", Complexity: "O(1)",
	Summary: "Takes the last element out of a list and puts it in before the first of another, or of the same.",
	Arity:   3, Flags: command.Write | command.DenyOOM, Categories: command.CatList,
	Deprecated: "6.2.0", ReplacedBy: "`LMOVE` with the `RIGHT` and `LEFT` arguments",
	Keys: []command.KeySpec{
		{Flags: command.RW | command.Access | command.Delete, Index: 1, Step: 1},
		{Flags: command.RW | command.Insert, Index: 2, Step: 1},
	},
	Args: []command.Arg{
		{Name: "source", Type: "key", Key: 1},
		{Name: "destination", Type: "key", Key: 2},
	},
	Handler: rpoplpush,
}

func lmove(c *command.Ctx) {
	from, ok := parseEnd(c, 3)
	if !ok {
		return
	}
	if to, ok := parseEnd(c, 4); ok {
		move(c, from, to)
	}
}

func rpoplpush(c *command.Ctx) { move(c, Right, Left) }

func move(c *command.Ctx, from, to End) {
	e := c.Write(0)
	if !e.OK() {
		c.W.Null()
		return
	}
	if !isList(c, e) {
		return
	}
	dst := c.Write(1)
	if !isList(c, dst) {
		return
	}
	Move(c, c.Keys[0], c.Keys[1], e, dst, from, to)
}

// Move takes the element at an end of the list under src out, puts it in at an end
// of the list under dst, which may be absent or the same, and replies it.
func Move(c *command.Ctx, src, dst keyspace.Key, e, to keyspace.Entry, fromEnd, toEnd End) {
	l := open(c, e)
	var at list.Cursor
	seekEnd(l, fromEnd, &at)
	c.Buf2 = append(c.Buf2[:0], at.Value().Bytes(c.Scratch[:])...)
	at.Delete()
	value := c.Buf2

	var d *list.List // takes the place of l
	if to.OK() {
		d = open(c, to)
	} else {
		d = openNew(c, dst)
	}
	d.Grow(1, len(value))
	d.Push(value, toEnd == Left)
	c.DB.Modified(dst)
	c.Notify(command.NotifyList, pushEvent[toEnd], dst.Bytes)
	c.W.Bulk(value)
	// The new key may have moved the entry of the old one, and the list may be the
	// one that got the element.
	e = c.DB.Find(src)
	l = open(c, e)
	removed(c, src, e, l, fromEnd, 1)
}
