package hllcmd

import (
	"kvorum/command"
	"kvorum/ds/hll"
	"kvorum/object"
)

var pfaddSpec = &command.Spec{
	Name: "pfadd", Since: "2.8.9", Group: "hyperloglog",
	Complexity: "O(1) to add every element.",
	Summary:    "Adds elements to the HyperLogLog stored under a key, which is created if it is absent.",
	Arity:      -2, Flags: command.Write | command.DenyOOM | command.Fast, Categories: command.CatHyperLogLog,
	Keys:    []command.KeySpec{{Flags: command.RW | command.Insert, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey, {Name: "element", Type: "string", Optional: true, Multiple: true}},
	Handler: pfadd,
}

func pfadd(c *command.Ctx) {
	t := target{c: c, k: c.Keys[0], e: c.Write(0)}
	changes := 0
	if !t.e.OK() {
		t = create(c)
		changes++
	} else {
		var ok bool
		if t.b, ok = view(c, t.e); !ok {
			return
		}
		object.MakeRaw(t.e.Rec)
	}
	for _, element := range c.Args[2:] {
		var p hll.Place
		index, rank := hll.Hash(element)
		raised, ok := t.raise(&p, index, rank)
		if !ok {
			// COMPAT: hll-corrupt: what was added before is told to watchers and
			// replicas, which Redis forgets.
			if changes > 0 {
				c.DB.Modified(t.k)
				c.Dirty += changes
			}
			c.Err(errCorrupted)
			return
		}
		if raised {
			changes++
		}
	}
	if changes == 0 {
		c.W.Int(0)
		return
	}
	hll.Invalidate(t.b)
	c.DB.Modified(t.k)
	c.Notify(command.NotifyString, "pfadd", t.k.Bytes)
	c.Dirty += changes
	c.W.Int(1)
}
