package listcmd

import (
	"kvorum/command"
	"kvorum/keyspace"
	"kvorum/num"
)

var lmpopSpec = &command.Spec{
	Name: "lmpop", Since: "7.0.0", Group: "list", Complexity: "O(N+M) where N is the number of provided keys and M is the number of elements returned.",
	Summary: "Takes elements out of the first list among several keys that exists.",
	Arity:   -4, Flags: command.Write, Categories: command.CatList,
	Keys: []command.KeySpec{{Flags: command.RW | command.Access | command.Delete, Index: 1, KeyNum: true, NumIndex: 0, FirstKey: 1, NumStep: 1}},
	Args: []command.Arg{
		{Name: "numkeys", Type: "integer"},
		{Name: "key", Type: "key", Key: 1, Multiple: true},
		{Name: "where", Type: "oneof", Args: []command.Arg{
			{Name: "left", Type: "pure-token", Token: "LEFT"},
			{Name: "right", Type: "pure-token", Token: "RIGHT"},
		}},
		{Name: "count", Type: "integer", Token: "COUNT", Optional: true},
	},
	Handler: lmpop,
}

func lmpop(c *command.Ctx) {
	end, count, ok := parsePop(c, 1)
	if !ok {
		return
	}
	for i, k := range c.Keys {
		e := c.Write(i)
		if !isList(c, e) {
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
	right, count, ok := c.PopOptions(i, "left", "right")
	return endOf(right), count, ok
}

// Pop takes up to count elements out of the list under k, whose entry is e, at an
// end, replies the key with them, and tells replicas what LPOP or RPOP would do.
func Pop(c *command.Ctx, k keyspace.Key, e keyspace.Entry, end End, count int64) {
	l := open(c, e)
	n := int(min(count, int64(l.Len())))
	c.W.Array(2)
	c.W.Bulk(k.Bytes)
	replyEnd(c, l, end, n)
	popRange(c, k, e, l, end, n)
	c.Effect(popNames[end], k.Bytes, num.AppendInt(c.Scratch[:0], int64(n)))
}

var popNames = [...][]byte{Left: []byte("LPOP"), Right: []byte("RPOP")}
