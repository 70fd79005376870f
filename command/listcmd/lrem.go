package listcmd

import (
	"kvorum/command"
	"kvorum/ds/listpack"
	"kvorum/object/list"
)

var lremSpec = &command.Spec{
	Name: "lrem", Since: "1.0.0", Group: "list", Complexity: "O(N+M) where N is the length of the list and M is the number of elements removed.",
	Summary: "Removes elements of a list that equal a value, from its start or from its end on.",
	Arity:   4, Flags: command.Write, Categories: command.CatList,
	Keys: []command.KeySpec{{Flags: command.RW | command.Delete, Index: 1, Step: 1}},
	Args: []command.Arg{
		{Name: "key", Type: "key", Key: 1},
		{Name: "count", Type: "integer"},
		{Name: "element", Type: "string"},
	},
	Handler: lrem,
}

func lrem(c *command.Ctx) {
	limit, ok := c.Int(2)
	if !ok {
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
	l := open(c, e)
	v := listpack.Of(c.Args[3])
	n := 0
	if limit >= 0 {
		n = removeForward(l, v, limit)
	} else {
		n = removeBackward(l, v, -limit)
	}
	if n > 0 {
		c.Dirty += n
		c.Notify(command.NotifyList, "lrem", k.Bytes)
		shrunk(c, k, e, l)
	}
	c.W.Int(int64(n))
}

// removeForward removes the first elements with a value, up to limit if that is not
// 0, and returns their number.
func removeForward(l *list.List, v listpack.Value, limit int64) (n int) {
	var at list.Cursor
	at.Hold()
	for l.At(0, &at); at.Find(v); {
		at.Delete()
		if n++; int64(n) == limit {
			break
		}
	}
	at.Release()
	return n
}

// removeBackward removes the last elements with a value, up to limit: the smallest
// integer, whose opposite it is itself, means all.
func removeBackward(l *list.List, v listpack.Value, limit int64) (n int) {
	var at list.Cursor
	at.Hold()
	for l.At(l.Len(), &at); at.Prev(); {
		if !at.Is(v) {
			continue
		}
		at.Delete()
		if n++; int64(n) == limit {
			break
		}
	}
	at.Release()
	return n
}
