package setcmd

import (
	"kvorum/command"
	"kvorum/object/set"
)

var smoveSpec = &command.Spec{
	Name: "smove", Since: "1.0.0", Group: "set",
	Complexity: "O(1)",
	Summary:    "Moves a member from one set to another.",
	Arity:      4, Flags: command.Write | command.Fast, Categories: command.CatSet,
	Keys: []command.KeySpec{{Flags: command.RW | command.Access | command.Delete, Index: 1, Step: 1}, {Flags: command.RW | command.Insert, Index: 2, Step: 1}},
	Args: []command.Arg{
		{Name: "source", Type: "key", Key: 1},
		{Name: "destination", Type: "key", Key: 2},
		{Name: "member", Type: "string"},
	},
	Handler: smove,
}

func smove(c *command.Ctx) {
	from := c.Write(0)
	to := c.Write(1)
	if !from.OK() {
		c.W.Int(0)
		return
	}
	if !isSet(c, from) || !isSet(c, to) {
		return
	}
	member := c.Args[3]
	var src, dst set.Set
	src.Open(from.Rec)
	if from.Rec == to.Rec {
		c.W.Int(present(src.Has(member)))
		return
	}
	if !src.Delete(member) {
		c.W.Int(0)
		return
	}
	changed(c, 0, "srem", 1)
	if src.Len() == 0 {
		// The destination may have expired a moment ago, which moves entries of its shard.
		c.Remove(c.Keys[0], c.DB.Find(c.Keys[0]))
	}
	if to.OK() {
		dst.Open(to.Rec)
	} else {
		create(c, &dst, 1, member, 1)
	}
	if dst.Add(member, c.Packing.Set, &c.Buf) {
		changed(c, 1, "sadd", 1)
	}
	c.W.Int(1)
}
