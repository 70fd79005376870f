package conncmd

import (
	"kvorum/command"
)

var clientGetnameSpec = &command.Spec{
	Name: "getname", Since: "2.6.9", Group: "connection", Complexity: "O(1)",
	Summary: "Tells the name of the connection.",
	Arity:   2, Flags: command.NoScript | command.Loading | command.Stale, Categories: command.CatConnection,
	Handler: clientGetname,
}

var clientSetnameSpec = &command.Spec{
	Name: "setname", Since: "2.6.9", Group: "connection", Complexity: "O(1)",
	Summary: "Gives the connection a name, or takes it with an empty one.",
	Arity:   3, Flags: command.NoScript | command.Loading | command.Stale, Categories: command.CatConnection,
	Tips: []string{"request_policy:all_nodes", "response_policy:all_succeeded"},
	Args: []command.Arg{
		{Name: "connection-name", Type: "string"},
	},
	Handler: clientSetname,
}

func clientGetname(c *command.Ctx) {
	if c.Sess.Name == "" {
		c.W.Null()
		return
	}
	c.W.BulkString(c.Sess.Name)
}

func clientSetname(c *command.Ctx) {
	if !printable(c.Args[2]) {
		c.Err(errClientName)
		return
	}
	c.Sess.Name = string(c.Args[2])
	c.W.OK()
}
