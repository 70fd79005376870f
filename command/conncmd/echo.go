package conncmd

import (
	"kvorum/command"
)

var echoSpec = &command.Spec{
	Name: "echo", Since: "1.0.0", Group: "connection", Complexity: "O(1)",
	Summary: "Replies its argument.",
	Arity:   2, Flags: command.Loading | command.Stale | command.Fast, Categories: command.CatConnection,
	Args: []command.Arg{
		{Name: "message", Type: "string"},
	},
	Handler: echo,
}

func echo(c *command.Ctx) { c.W.Bulk(c.Args[1]) }
