package listcmd

import (
	"kvorum/command"
	"kvorum/keyspace"
	"kvorum/object/list"
)

var lpopSpec = &command.Spec{
	Name: "lpop", Since: "1.0.0", Group: "list", Complexity: "O(N) where N is the number of elements returned",
	Summary: "Takes the first elements out of a list, and deletes a list that is empty then.",
	Arity:   -2, Flags: command.Write | command.Fast, Categories: command.CatList,
	History: []command.Change{
		{Since: "6.2.0", Text: "Added the `count` argument."},
	},
	Keys: []command.KeySpec{{Flags: command.RW | command.Access | command.Delete, Index: 1, Step: 1}},
	Args: []command.Arg{
		{Name: "key", Type: "key", Key: 1},
		{Name: "count", Type: "integer", Since: "6.2.0", Optional: true},
	},
	Handler: lpop,
}

var rpopSpec = &command.Spec{
	Name: "rpop", Since: "1.0.0", Group: "list", Complexity: "O(N) where N is the number of elements returned",
	Summary: "Takes the last elements out of a list, and deletes a list that is empty then.",
	Arity:   -2, Flags: command.Write | command.Fast, Categories: command.CatList,
	History: []command.Change{
		{Since: "6.2.0", Text: "Added the `count` argument."},
	},
	Keys: []command.KeySpec{{Flags: command.RW | command.Access | command.Delete, Index: 1, Step: 1}},
	Args: []command.Arg{
		{Name: "key", Type: "key", Key: 1},
		{Name: "count", Type: "integer", Since: "6.2.0", Optional: true},
	},
	Handler: rpop,
}

func lpop(c *command.Ctx) { popSome(c, Left) }

func rpop(c *command.Ctx) { popSome(c, Right) }

// popSome takes one element out, or as many as the optional count says.
func popSome(c *command.Ctx, end End) {
	count, counted := int64(1), len(c.Args) == 3
	if len(c.Args) > 3 {
		c.Err("-ERR wrong number of arguments for '" + c.Spec.FullName() + "' command")
		return
	}
	if counted {
		var ok bool
		if count, ok = c.IntFrom(2, 0, command.ErrNotPositive); !ok {
			return
		}
	}
	e := c.Write(0)
	if !e.OK() {
		if counted {
			c.W.NullArray()
		} else {
			c.W.Null()
		}
		return
	}
	if !isList(c, e) {
		return
	}
	if count == 0 {
		c.W.Array(0)
		return
	}
	l := open(c, e)
	if counted {
		n := int(min(count, int64(l.Len())))
		replyEnd(c, l, end, n)
		popRange(c, c.Keys[0], e, l, end, n)
		return
	}
	popOne(c, c.Keys[0], e, l, end)
}

// popOne replies the element at an end and removes it.
func popOne(c *command.Ctx, k keyspace.Key, e keyspace.Entry, l *list.List, end End) {
	var at list.Cursor
	seekEnd(l, end, &at)
	bulk(c, at.Value())
	at.Delete()
	removed(c, k, e, l, end, 1)
}

// seekEnd makes at the cursor on the element at an end.
func seekEnd(l *list.List, end End, at *list.Cursor) {
	if end == Left {
		l.At(0, at)
		return
	}
	l.At(l.Len()-1, at)
}

// popRange removes count elements from an end on, of a list that has as many.
func popRange(c *command.Ctx, k keyspace.Key, e keyspace.Entry, l *list.List, end End, count int) {
	first := 0
	if end == Right {
		first = l.Len() - count
	}
	c.Free(l.DeleteRange(first, count))
	removed(c, k, e, l, end, count)
}

// removed tells that count elements are gone from an end of the list under k, whose
// entry is e, and deletes the key if that were all.
func removed(c *command.Ctx, k keyspace.Key, e keyspace.Entry, l *list.List, end End, count int) {
	c.Notify(command.NotifyList, popEvent[end], k.Bytes)
	shrunk(c, k, e, l)
	c.Dirty += count
}

// shrunk deletes the key of a list that has become empty, else it brings the
// encoding up to date and tells watchers.
func shrunk(c *command.Ctx, k keyspace.Key, e keyspace.Entry, l *list.List) {
	if l.Len() == 0 {
		c.Remove(k, e)
		return
	}
	l.Shrink()
	c.DB.Modified(k)
}
