package conncmd

import (
	"kvorum/command"
)

var quitSpec = &command.Spec{
	Name: "quit", Since: "1.0.0", Group: "connection", Complexity: "O(1)",
	Summary: "Closes the connection after a reply.",
	Arity:   -1, Flags: command.NoScript | command.Loading | command.Stale | command.Fast | command.NoAuth | command.AllowBusy, Categories: command.CatConnection,
	Deprecated: "7.2.0", ReplacedBy: "just closing the connection",
	AtOnce:          true,
	WhileSubscribed: true,
	Handler:         quit,
}

func quit(c *command.Ctx) {
	leaveMonitor(c)
	c.Sess.Flags |= command.CloseAfterReply
	c.W.OK()
}
