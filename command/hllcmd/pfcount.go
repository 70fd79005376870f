package hllcmd

import (
	"kvorum/command"
	"kvorum/ds/hll"
	"kvorum/object"
)

var pfcountSpec = &command.Spec{
	Name: "pfcount", Since: "2.8.9", Group: "hyperloglog",
	Complexity: "O(1) with a very small average constant time when called with a single key. O(N) with N being the number of keys, and much bigger constant times, when called with multiple keys.",
	Summary:    "Estimates how many distinct elements a HyperLogLog, or the union of several, has seen.",
	Arity:      -2, Flags: command.ReadOnly | command.MayReplicate, Categories: command.CatHyperLogLog,
	Keys: []command.KeySpec{{
		Flags: command.RW | command.Access, Index: 1, LastKey: -1, Step: 1,
		Notes: "RW because it may change the internal representation of the key, and propagate to replicas",
	}},
	Args:    []command.Arg{{Name: "key", Type: "key", Key: 1, Multiple: true}},
	Handler: pfcount,
}

func pfcount(c *command.Ctx) {
	if len(c.Keys) > 1 {
		countUnion(c)
		return
	}
	e := c.ReadWrite(0)
	if !e.OK() {
		c.W.Int(0)
		return
	}
	b, ok := view(c, e)
	if !ok {
		return
	}
	object.MakeRaw(e.Rec)
	n, fresh := hll.Cached(b)
	if !fresh {
		if n, ok = hll.Count(b); !ok {
			c.Err(errCorrupted)
			return
		}
		// The new cache is a change of the string, which replicas make as well.
		hll.SetCached(b, n)
		c.DB.Modified(c.Keys[0])
		c.Dirty++
	}
	c.W.Int(int64(n))
}

// countUnion replies the cardinality of the union of several keys; nothing is
// cached.
func countUnion(c *command.Ctx) {
	r := union(c)
	for i := range c.Keys {
		e := c.Read(i)
		if !e.OK() {
			continue
		}
		b, ok := view(c, e)
		if !ok {
			return
		}
		if !r.Merge(b) {
			c.Err(errCorrupted)
			return
		}
	}
	c.W.Int(int64(r.Count()))
}
