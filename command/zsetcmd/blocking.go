package zsetcmd

import (
	"kvorum/command"
	"kvorum/object"
)

// The commands that wait for a member when there is none. Each is its other form
// with a timeout; what replicas are told is the other form.

var bzpopminSpec = &command.Spec{
	Name: "bzpopmin", Since: "5.0.0", Group: "sorted-set", Complexity: "O(log(N)) with N being the number of elements in the sorted set.",
	Summary: "Takes the member with the lowest score out of the first sorted set among several keys that exists, and waits for one if none does.",
	Arity:   -3, Flags: command.Write | command.Fast | command.Blocking, Categories: command.CatSortedSet,
	History: []command.Change{{Since: "6.0.0", Text: "`timeout` is interpreted as a double instead of an integer."}},
	Keys:    []command.KeySpec{{Flags: command.RW | command.Access | command.Delete, Index: 1, LastKey: -2, Step: 1}},
	Args:    []command.Arg{{Name: "key", Type: "key", Key: 1, Multiple: true}, command.ArgTimeout},
	Handler: func(c *command.Ctx) { blockingPop(c, Min) },
}

var bzpopmaxSpec = &command.Spec{
	Name: "bzpopmax", Since: "5.0.0", Group: "sorted-set", Complexity: "O(log(N)) with N being the number of elements in the sorted set.",
	Summary: "Takes the member with the highest score out of the first sorted set among several keys that exists, and waits for one if none does.",
	Arity:   -3, Flags: command.Write | command.Fast | command.Blocking, Categories: command.CatSortedSet,
	History: bzpopminSpec.History,
	Keys:    bzpopminSpec.Keys,
	Args:    bzpopminSpec.Args,
	Handler: func(c *command.Ctx) { blockingPop(c, Max) },
}

var bzmpopSpec = &command.Spec{
	Name: "bzmpop", Since: "7.0.0", Group: "sorted-set", Complexity: "O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements in the sorted set, and M being the number of elements popped.",
	Summary: "Takes members with the lowest or highest scores out of the first sorted set among several keys that exists, and waits for one if none does.",
	Arity:   -5, Flags: command.Write | command.Blocking, Categories: command.CatSortedSet,
	Keys:    []command.KeySpec{{Flags: command.RW | command.Access | command.Delete, Index: 2, KeyNum: true, NumIndex: 0, FirstKey: 1, NumStep: 1}},
	Args:    append([]command.Arg{command.ArgTimeout}, zmpopSpec.Args...),
	Handler: bzmpop,
}

func blockingPop(c *command.Ctx, end End) {
	until, ok := c.Timeout(len(c.Args) - 1)
	if !ok {
		return
	}
	i, e, ok := c.FirstOf(object.ZSet)
	if !ok {
		return
	}
	if i < 0 {
		c.Block(0, len(c.Keys), until, command.NullArray)
		return
	}
	k := c.Keys[i]
	c.W.Array(3)
	c.W.Bulk(k.Bytes)
	take(c, k, e, open(c, e), end, 1, false)
	c.Effect(popName[end], k.Bytes)
}

func bzmpop(c *command.Ctx) {
	end, count, ok := parsePop(c, 2)
	if !ok {
		return
	}
	until, ok := c.Timeout(1)
	if !ok {
		return
	}
	i, e, ok := c.FirstOf(object.ZSet)
	switch {
	case !ok:
	case i < 0:
		c.Block(0, len(c.Keys), until, command.NullArray)
	default:
		Pop(c, c.Keys[i], e, end, count)
	}
}
