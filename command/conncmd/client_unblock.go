package conncmd

import (
	"kvorum/command"
	"kvorum/resp"
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

// clientUnblock finds the client and ends its wait. One that CLIENT PAUSE holds up
// does not count.
func clientUnblock(c *command.Ctx) {
	if tooMany(c, 4) {
		return
	}
	if len(c.Args) == 4 && !c.Is(3, "timeout") && !c.Is(3, "error") {
		c.Err(errUnblockReason)
		return
	}
	id, ok := c.Int(2)
	if !ok {
		return
	}
	host, asError := c.Host, len(c.Args) == 4 && c.Is(3, "error")
	c.Sess.Task = func(w *resp.Writer) {
		freed := int64(0)
		host.EachClient(func(s *command.Session) {
			if s.ID == uint64(id) && host.Unblock(s, asError) {
				freed = 1
			}
		})
		w.Int(freed)
	}
}
