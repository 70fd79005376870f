package zsetcmd

import (
	"kvorum/command"
	"kvorum/keyspace"
	"kvorum/num"
	"kvorum/object/zset"
)

var zpopminSpec = &command.Spec{
	Name: "zpopmin", Since: "5.0.0", Group: "sorted-set", Complexity: "O(log(N)*M) with N being the number of elements in the sorted set, and M being the number of elements popped.",
	Summary: "Takes the members with the lowest scores out of a sorted set, and deletes one that is empty then.",
	Arity:   -2, Flags: command.Write | command.Fast, Categories: command.CatSortedSet,
	Keys: []command.KeySpec{{Flags: command.RW | command.Access | command.Delete, Index: 1, Step: 1}},
	Args: []command.Arg{
		{Name: "key", Type: "key", Key: 1},
		{Name: "count", Type: "integer", Optional: true},
	},
	Handler: zpopmin,
}

var zpopmaxSpec = &command.Spec{
	Name: "zpopmax", Since: "5.0.0", Group: "sorted-set", Complexity: "O(log(N)*M) with N being the number of elements in the sorted set, and M being the number of elements popped.",
	Summary: "Takes the members with the highest scores out of a sorted set, and deletes one that is empty then.",
	Arity:   -2, Flags: command.Write | command.Fast, Categories: command.CatSortedSet,
	Keys: []command.KeySpec{{Flags: command.RW | command.Access | command.Delete, Index: 1, Step: 1}},
	Args: []command.Arg{
		{Name: "key", Type: "key", Key: 1},
		{Name: "count", Type: "integer", Optional: true},
	},
	Handler: zpopmax,
}

var zmpopSpec = &command.Spec{
	Name: "zmpop", Since: "7.0.0", Group: "sorted-set", Complexity: "O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements in the sorted set, and M being the number of elements popped.",
	Summary: "Takes members with the lowest or highest scores out of the first sorted set among several keys that exists.",
	Arity:   -4, Flags: command.Write, Categories: command.CatSortedSet,
	Keys: []command.KeySpec{{Flags: command.RW | command.Access | command.Delete, Index: 1, KeyNum: true, NumIndex: 0, FirstKey: 1, NumStep: 1}},
	Args: []command.Arg{
		{Name: "numkeys", Type: "integer"},
		{Name: "key", Type: "key", Key: 1, Multiple: true},
		{Name: "where", Type: "oneof", Args: []command.Arg{
			{Name: "min", Type: "pure-token", Token: "MIN"},
			{Name: "max", Type: "pure-token", Token: "MAX"},
		}},
		{Name: "count", Type: "integer", Token: "COUNT", Optional: true},
	},
	Handler: zmpop,
}

// End is an end of a sorted set.
type End uint8

// The ends.
const (
	Min End = iota
	Max
)

var (
	popEvent = [...]string{Min: "zpopmin", Max: "zpopmax"}
	popName  = [...][]byte{Min: []byte("ZPOPMIN"), Max: []byte("ZPOPMAX")}
)

func zpopmin(c *command.Ctx) { popSome(c, Min) }

func zpopmax(c *command.Ctx) { popSome(c, Max) }

// popSome takes one member out, or as many as the optional count says.
func popSome(c *command.Ctx, end End) {
	if len(c.Args) > 3 {
		c.Err(command.ErrSyntax)
		return
	}
	count, counted := int64(1), len(c.Args) == 3
	if counted {
		var ok bool
		if count, ok = c.IntFrom(2, 0, command.ErrNotPositive); !ok {
			return
		}
	}
	e := c.Write(0)
	if !isZSet(c, e) {
		return
	}
	if !e.OK() || count == 0 {
		c.W.Array(0)
		return
	}
	s := open(c, e)
	n := int(min(count, int64(s.Len())))
	nested := counted && c.W.Proto == 3
	if nested {
		c.W.Array(n)
	} else {
		c.W.Array(2 * n)
	}
	take(c, c.Keys[0], e, s, end, n, nested)
}

// take replies n members from an end on, each with its score, as a pair of its own
// if nested, and removes them.
func take(c *command.Ctx, k keyspace.Key, e keyspace.Entry, s *zset.Set, end End, n int, nested bool) {
	var at zset.Cursor
	if end == Max {
		s.At(s.Len()-1, &at)
	} else {
		s.At(0, &at)
	}
	for range n {
		if nested {
			c.W.Array(2)
		}
		c.W.Bulk(at.Member())
		c.W.Double(at.Score())
		at.Delete()
		if end == Max {
			at.Prev()
		}
	}
	removed(c, k, e, s, popEvent[end], n)
}

func zmpop(c *command.Ctx) {
	end, count, ok := parsePop(c, 1)
	if !ok {
		return
	}
	for i, k := range c.Keys {
		e := c.Write(i)
		if !isZSet(c, e) {
			return
		}
		if e.OK() {
			Pop(c, k, e, end, count)
			return
		}
	}
	c.W.NullArray()
}

// parsePop reads the number of keys at argument i, the end behind the keys and an
// optional count; ok is false after the error reply.
func parsePop(c *command.Ctx, i int) (end End, count int64, ok bool) {
	highest, count, ok := c.PopOptions(i, "min", "max")
	if highest {
		end = Max
	}
	return end, count, ok
}

// Pop takes up to count members out of the sorted set under k, whose entry is e, at
// an end, replies the key with them, and tells replicas what ZPOPMIN or ZPOPMAX
// would do.
func Pop(c *command.Ctx, k keyspace.Key, e keyspace.Entry, end End, count int64) {
	s := open(c, e)
	n := int(min(count, int64(s.Len())))
	c.W.Array(2)
	c.W.Bulk(k.Bytes)
	c.W.Array(n)
	take(c, k, e, s, end, n, true)
	c.Effect(popName[end], k.Bytes, num.AppendInt(c.Scratch[:0], int64(n)))
}
