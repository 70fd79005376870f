package hashcmd

import (
	"kvorum/command"
	"kvorum/object/hash"
)

var hdelSpec = &command.Spec{
	Name: "hdel", Since: "2.0.0", Group: "hash",
	Complexity: "O(N) where N is the number of fields to be removed.",
	Summary:    "Removes fields of a hash, and the hash with its last field.",
	Arity:      -3, Flags: command.Write | command.Fast, Categories: command.CatHash,
	History: []command.Change{{Since: "2.4.0", Text: "Accepts multiple `field` arguments."}},
	Keys:    []command.KeySpec{{Flags: command.RW | command.Delete, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey, {Name: "field", Type: "string", Multiple: true}},
	Handler: hdel,
}

func hdel(c *command.Ctx) {
	e := c.Write(0)
	var h hash.Hash
	if !openHash(c, &e, &h) {
		return
	}
	if !e.OK() {
		c.W.Int(0)
		return
	}
	deleted := 0
	for _, f := range c.Args[2:] {
		if h.Delete(f) {
			if deleted++; h.Stored() == 0 {
				break
			}
		}
	}
	if deleted > 0 {
		changed(c, "hdel", deleted)
		if h.Stored() == 0 {
			k := c.Keys[0]
			c.Remove(k, e)
		}
	}
	c.W.Int(int64(deleted))
}
