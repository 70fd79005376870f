package keycmd

import "kvorum/command"

var persistSpec = &command.Spec{
	Name: "persist", Since: "2.2.0", Group: "generic", Complexity: "O(1)",
	Summary: "Takes the time to live from a key.",
	Arity:   2, Flags: command.Write | command.Fast, Categories: command.CatKeyspace,
	Keys: oneUpdate, Args: []command.Arg{argKey},
	Handler: persist,
}

func persist(c *command.Ctx) {
	e := c.Write(0)
	if !e.OK() || !c.DB.Persist(c.Keys[0], e) {
		c.W.Int(0)
		return
	}
	c.Dirty++
	c.Notify(command.NotifyGeneric, "persist", c.Keys[0].Bytes)
	c.W.Int(1)
}
