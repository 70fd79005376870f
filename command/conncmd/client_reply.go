package conncmd

import (
	"kvorum/command"
)

var clientReplySpec = &command.Spec{
	Name: "reply", Since: "3.2.0", Group: "connection", Complexity: "O(1)",
	Summary: "Turns the replies to the connection's commands on or off, or leaves one out.",
	Arity:   3, Flags: command.NoScript | command.Loading | command.Stale, Categories: command.CatConnection,
	Args: []command.Arg{
		{Name: "action", Type: "oneof", Args: []command.Arg{
			{Name: "on", Type: "pure-token", Token: "ON"},
			{Name: "off", Type: "pure-token", Token: "OFF"},
			{Name: "skip", Type: "pure-token", Token: "SKIP"},
		}},
	},
	Handler: clientReply,
}

// clientReply is the one handler that may leave its own reply out.
func clientReply(c *command.Ctx) {
	switch {
	case c.Is(2, "on"):
		c.Sess.Flags &^= command.ReplyOff | command.ReplySkip
		c.W.OK()
	case c.Is(2, "off"):
		c.Sess.Flags |= command.ReplyOff
	case c.Is(2, "skip"):
		if c.Sess.Flags&command.ReplyOff == 0 {
			c.Sess.Flags |= command.ReplySkipNext
		}
	default:
		c.Err(command.ErrSyntax)
	}
}
