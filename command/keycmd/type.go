package keycmd

import "kvorum/command"

var typeSpec = &command.Spec{
	Name: "type", Since: "1.0.0", Group: "generic", Complexity: "O(1)",
	Summary: "Tells the type of the value stored under a key.",
	Arity:   2, Flags: command.ReadOnly | command.Fast, Categories: command.CatKeyspace,
	Keys: oneRead, Args: []command.Arg{argKey},
	Handler: typeOf,
}

func typeOf(c *command.Ctx) {
	e := c.ReadNoTouch(0)
	if !e.OK() {
		c.W.Simple("none")
		return
	}
	c.W.Simple(e.Type().Name())
}
