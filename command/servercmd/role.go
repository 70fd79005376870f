package servercmd

import "kvorum/command"

var roleSpec = &command.Spec{
	Name: "role", Since: "2.8.12", Group: "server", Complexity: "O(1)",
	Summary: "Tells whether the server is a master or a replica, and of whom.",
	Arity:   1, Flags: command.NoScript | command.Loading | command.Stale | command.Fast,
	Categories: command.CatAdmin | command.CatDangerous,
	Handler:    role,
}

// role replies what a master says that nobody replicates: its offset does not
// move while it has no backlog.
func role(c *command.Ctx) {
	c.W.Array(3)
	c.W.BulkString("master")
	c.W.Int(0)
	c.W.Array(0)
}
