package listcmd

import (
	"kvorum/command"
	"kvorum/object/list"
)

const pushComplexity = "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments."

// Parts of the rows.
var (
	pushKeys = []command.KeySpec{{Flags: command.RW | command.Insert, Index: 1, Step: 1}}
	pushArgs = []command.Arg{
		{Name: "key", Type: "key", Key: 1},
		{Name: "element", Type: "string", Multiple: true},
	}
)

var lpushSpec = &command.Spec{
	Name: "lpush", Since: "1.0.0", Group: "list", Complexity: pushComplexity,
	Summary: "Puts elements in before the first of a list, one after the other.",
	Arity:   -3, Flags: command.Write | command.DenyOOM | command.Fast, Categories: command.CatList,
	History: []command.Change{
		{Since: "2.4.0", Text: "Accepts multiple `element` arguments."},
	},
	Keys:    pushKeys,
	Args:    pushArgs,
	Handler: lpush,
}

var rpushSpec = &command.Spec{
	Name: "rpush", Since: "1.0.0", Group: "list", Complexity: pushComplexity,
	Summary: "Puts elements in behind the last of a list.",
	Arity:   -3, Flags: command.Write | command.DenyOOM | command.Fast, Categories: command.CatList,
	History: []command.Change{
		{Since: "2.4.0", Text: "Accepts multiple `element` arguments."},
	},
	Keys:    pushKeys,
	Args:    pushArgs,
	Handler: rpush,
}

var lpushxSpec = &command.Spec{
	Name: "lpushx", Since: "2.2.0", Group: "list", Complexity: pushComplexity,
	Summary: "Does as LPUSH if there is a list already.",
	Arity:   -3, Flags: command.Write | command.DenyOOM | command.Fast, Categories: command.CatList,
	History: []command.Change{
		{Since: "4.0.0", Text: "Accepts multiple `element` arguments."},
	},
	Keys:    pushKeys,
	Args:    pushArgs,
	Handler: lpushx,
}

var rpushxSpec = &command.Spec{
	Name: "rpushx", Since: "2.2.0", Group: "list", Complexity: pushComplexity,
	Summary: "Does as RPUSH if there is a list already.",
	Arity:   -3, Flags: command.Write | command.DenyOOM | command.Fast, Categories: command.CatList,
	History: []command.Change{
		{Since: "4.0.0", Text: "Accepts multiple `element` arguments."},
	},
	Keys:    pushKeys,
	Args:    pushArgs,
	Handler: rpushx,
}

func lpush(c *command.Ctx) { pushAll(c, Left, false) }

func rpush(c *command.Ctx) { pushAll(c, Right, false) }

func lpushx(c *command.Ctx) { pushAll(c, Left, true) }

func rpushx(c *command.Ctx) { pushAll(c, Right, true) }

// pushAll puts the arguments behind the key in at an end, with existing only if
// there is a list.
func pushAll(c *command.Ctx, end End, existing bool) {
	k, e := c.Keys[0], c.Write(0)
	if !isList(c, e) {
		return
	}
	var l *list.List
	switch {
	case e.OK():
		l = open(c, e)
	case existing:
		c.W.Int(0)
		return
	default:
		l = openNew(c, k)
	}
	values := c.Args[2:]
	size := 0
	for _, v := range values {
		size += len(v)
	}
	l.Grow(len(values), size)
	for _, v := range values {
		l.Push(v, end == Left)
	}
	c.Dirty += len(values)
	c.W.Int(int64(l.Len()))
	c.DB.Modified(k)
	c.Notify(command.NotifyList, pushEvent[end], k.Bytes)
}
