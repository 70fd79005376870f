package setcmd

import (
	"kvorum/command"
	"kvorum/object/set"
)

var sremSpec = &command.Spec{
	Name: "srem", Since: "1.0.0", Group: "set",
	Complexity: "O(N) where N is the number of members to be removed.",
	Summary:    "Removes members of a set, and the set with its last member.",
	Arity:      -3, Flags: command.Write | command.Fast, Categories: command.CatSet,
	History: []command.Change{{Since: "2.4.0", Text: "Accepts multiple `member` arguments."}},
	Keys:    []command.KeySpec{{Flags: command.RW | command.Delete, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey, {Name: "member", Type: "string", Multiple: true}},
	Handler: srem,
}

func srem(c *command.Ctx) {
	e := c.Write(0)
	if !isSet(c, e) {
		return
	}
	if !e.OK() {
		c.W.Int(0)
		return
	}
	var s set.Set
	s.Open(e.Rec)
	deleted := 0
	for _, m := range c.Args[2:] {
		if s.Delete(m) {
			if deleted++; s.Len() == 0 {
				break
			}
		}
	}
	if deleted > 0 {
		changed(c, 0, "srem", deleted)
		if s.Len() == 0 {
			c.Remove(c.Keys[0], e)
		}
	}
	c.W.Int(int64(deleted))
}
