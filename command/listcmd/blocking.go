package listcmd

import (
	"kvorum/command"
	"kvorum/object"
)

// The commands that wait for an element when there is none. Each is its other form
// with a timeout; what replicas are told is the other form.

var timeoutHistory = []command.Change{
	{Since: "6.0.0", Text: "`timeout` is interpreted as a double instead of an integer."},
}

var blpopSpec = &command.Spec{
	Name: "blpop", Since: "2.0.0", Group: "list", Complexity: "O(N) where N is the number of provided keys.",
	Summary: "Takes the first element out of the first list among several keys that exists, and waits for one if none does.",
	Arity:   -3, Flags: command.Write | command.Blocking, Categories: command.CatList,
	History: timeoutHistory,
	Keys:    []command.KeySpec{{Flags: command.RW | command.Access | command.Delete, Index: 1, LastKey: -2, Step: 1}},
	Args:    []command.Arg{{Name: "key", Type: "key", Key: 1, Multiple: true}, command.ArgTimeout},
	Handler: func(c *command.Ctx) { blockingPop(c, Left) },
}

var brpopSpec = &command.Spec{
	Name: "brpop", Since: "2.0.0", Group: "list", Complexity: "O(N) where N is the number of provided keys.",
	Summary: "Takes the last element out of the first list among several keys that exists, and waits for one if none does.",
	Arity:   -3, Flags: command.Write | command.Blocking, Categories: command.CatList,
	History: timeoutHistory,
	Keys:    []command.KeySpec{{Flags: command.RW | command.Access | command.Delete, Index: 1, LastKey: -2, Step: 1}},
	Args:    []command.Arg{{Name: "key", Type: "key", Key: 1, Multiple: true}, command.ArgTimeout},
	Handler: func(c *command.Ctx) { blockingPop(c, Right) },
}

var blmpopSpec = &command.Spec{
	Name: "blmpop", Since: "7.0.0", Group: "list", Complexity: "O(N+M) where N is the number of provided keys and M is the number of elements returned.",
	Summary: "Takes elements out of the first list among several keys that exists, and waits for one if none does.",
	Arity:   -5, Flags: command.Write | command.Blocking, Categories: command.CatList,
	Keys:    []command.KeySpec{{Flags: command.RW | command.Access | command.Delete, Index: 2, KeyNum: true, NumIndex: 0, FirstKey: 1, NumStep: 1}},
	Args:    append([]command.Arg{command.ArgTimeout}, lmpopSpec.Args...),
	Handler: blmpop,
}

var blmoveSpec = &command.Spec{
	Name: "blmove", Since: "6.2.0", Group: "list", Complexity: "O(1)",
	Summary: "Moves an element from an end of a list to an end of another, and waits for one if there is none.",
	Arity:   6, Flags: command.Write | command.DenyOOM | command.Blocking, Categories: command.CatList,
	Keys:    lmoveSpec.Keys,
	Args:    append(append([]command.Arg(nil), lmoveSpec.Args...), command.ArgTimeout),
	Handler: blmove,
}

var brpoplpushSpec = &command.Spec{
	Name: "brpoplpush", Since: "2.2.0", Group: "list", Complexity: "O(1)",
	Summary: "Moves the last element of a list to the start of another, and waits for one if there is none.",
	Arity:   4, Flags: command.Write | command.DenyOOM | command.Blocking, Categories: command.CatList,
	Deprecated: "6.2.0", ReplacedBy: "`BLMOVE` with the `RIGHT` and `LEFT` arguments",
	History: timeoutHistory,
	Keys:    lmoveSpec.Keys,
	Args:    append(append([]command.Arg(nil), rpoplpushSpec.Args...), command.ArgTimeout),
	Handler: brpoplpush,
}

func blockingPop(c *command.Ctx, end End) {
	until, ok := c.Timeout(len(c.Args) - 1)
	if !ok {
		return
	}
	i, e, ok := c.FirstOf(object.List)
	if !ok {
		return
	}
	if i < 0 {
		c.Block(0, len(c.Keys), until, command.NullArray)
		return
	}
	k := c.Keys[i]
	c.W.Array(2)
	c.W.Bulk(k.Bytes)
	popOne(c, k, e, open(c, e), end)
	c.Effect(popNames[end], k.Bytes)
}

func blmpop(c *command.Ctx) {
	end, count, ok := parsePop(c, 2)
	if !ok {
		return
	}
	until, ok := c.Timeout(1)
	if !ok {
		return
	}
	i, e, ok := c.FirstOf(object.List)
	switch {
	case !ok:
	case i < 0:
		c.Block(0, len(c.Keys), until, command.NullArray)
	default:
		Pop(c, c.Keys[i], e, end, count)
	}
}

func blmove(c *command.Ctx) {
	from, ok := parseEnd(c, 3)
	if !ok {
		return
	}
	to, ok := parseEnd(c, 4)
	if !ok {
		return
	}
	if until, ok := c.Timeout(5); ok && blockingMove(c, until, from, to) {
		c.Effect(lmoveName, c.Args[1], c.Args[2], c.Args[3], c.Args[4])
	}
}

func brpoplpush(c *command.Ctx) {
	if until, ok := c.Timeout(3); ok && blockingMove(c, until, Right, Left) {
		c.Effect(rpoplpushName, c.Args[1], c.Args[2])
	}
}

var (
	lmoveName     = []byte("LMOVE")
	rpoplpushName = []byte("RPOPLPUSH")
)

// blockingMove moves an element, or waits for one, and reports whether it moved one.
func blockingMove(c *command.Ctx, until int64, from, to End) bool {
	e := c.Write(0)
	if !e.OK() || c.Serving && e.Type() != object.List {
		c.Block(0, 1, until, command.Null)
		return false
	}
	if !isList(c, e) {
		return false
	}
	if !c.Needs(1) {
		c.Block(0, 1, until, command.Null)
		return false
	}
	dst := c.Write(1)
	if !isList(c, dst) {
		return false
	}
	Move(c, c.Keys[0], c.Keys[1], e, dst, from, to)
	return true
}
