package conncmd

import (
	"kvorum/command"
)

var clientUnblockSpec = &command.Spec{
	Name: "unblock", Since: "5.0.0", Group: "connection", Complexity: "O(log N) where N is the number of client connections",
	Summary: "Ends the wait of a client that blocks in a command.",
	Arity:   -3, Flags: command.Admin | command.NoScript | command.Loading | command.Stale, Categories: command.CatConnection,
	Args: []command.Arg{
		{Name: "client-id", Type: "integer"},
		{Name: "unblock-type", Type: "oneof", Optional: true, Args: []command.Arg{
			{Name: "timeout", Type: "pure-token", Token: "TIMEOUT"},
			{Name: "error", Type: "pure-token", Token: "ERROR"},
		}},
	},
	Handler: clientUnblock,
}

const errUnblockReason = "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"

// clientUnblock finds no client that blocks: there are no commands that do. A
// client that CLIENT PAUSE holds up does not count.
func clientUnblock(c *command.Ctx) {
	if tooMany(c, 4) {
		return
	}
	if len(c.Args) == 4 && !c.Is(3, "timeout") && !c.Is(3, "error") {
		c.Err(errUnblockReason)
		return
	}
	if _, ok := c.Int(2); ok {
		c.W.Int(0)
	}
}
