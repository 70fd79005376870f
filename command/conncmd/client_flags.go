package conncmd

import (
	"kvorum/command"
)

var clientNoEvictSpec = &command.Spec{
	Name: "no-evict", Since: "7.0.0", Group: "connection", Complexity: "O(1)",
	Summary: "Lets the connection stay when clients are closed for want of memory.",
	Arity:   3, Flags: command.Admin | command.NoScript | command.Loading | command.Stale, Categories: command.CatConnection,
	Args: []command.Arg{
		{Name: "enabled", Type: "oneof", Args: []command.Arg{
			{Name: "on", Type: "pure-token", Token: "ON"},
			{Name: "off", Type: "pure-token", Token: "OFF"},
		}},
	},
	Handler: clientNoEvict,
}

var clientNoTouchSpec = &command.Spec{
	Name: "no-touch", Since: "7.2.0", Group: "connection", Complexity: "O(1)",
	Summary: "Lets the connection's commands leave the access times of keys as they are.",
	Arity:   3, Flags: command.NoScript | command.Loading | command.Stale, Categories: command.CatConnection,
	Args: []command.Arg{
		{Name: "enabled", Type: "oneof", Args: []command.Arg{
			{Name: "on", Type: "pure-token", Token: "ON"},
			{Name: "off", Type: "pure-token", Token: "OFF"},
		}},
	},
	Handler: clientNoTouch,
}

func clientNoEvict(c *command.Ctx) { switchFlag(c, command.NoEvict) }

func clientNoTouch(c *command.Ctx) { switchFlag(c, command.NoTouch) }

// switchFlag turns a flag of the session on or off, as argument 2 says.
func switchFlag(c *command.Ctx, flag command.SessionFlags) {
	switch {
	case c.Is(2, "on"):
		c.Sess.Flags |= flag
	case c.Is(2, "off"):
		c.Sess.Flags &^= flag
	default:
		c.Err(command.ErrSyntax)
		return
	}
	c.W.OK()
}
