package hashcmd

import (
	"kvorum/command"
	"kvorum/object/hash"
)

var hdelSpec = &command.Spec{
	Name: "hdel", Since: "2.0.0", Group: "hash", Complexity: "O(N) where N is the number of fields to be removed.",
	Summary: "Removes fields of a hash, and the hash with its last field.",
	Arity:   -3, Flags: command.Write | command.Fast, Categories: command.CatHash,
	Keys:    []command.KeySpec{{Flags: command.RW | command.Delete, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey},
	Handler: hdel,
}

func hdel(c *command.Ctx) {
	e := c.Write(0)
	if !isHash(c, e) {
		return
	}
	if !e.OK() {
		c.W.Int(0)
		return
	}
	h := hash.Open(e.Rec)
	deleted := 0
	for _, f := range c.Args[2:] {
		if h.Delete(f) {
			deleted++
		}
	}
	if deleted > 0 {
		k := c.Keys[0]
		c.Dirty += deleted
		c.Notify(command.NotifyHash, "hdel", k.Bytes)
		if h.Len() == 0 {
			c.DB.Delete(k, e)
			c.Notify(command.NotifyGeneric, "del", k.Bytes)
		} else {
			c.DB.Modified(k)
		}
	}
	c.W.Int(int64(deleted))
}
