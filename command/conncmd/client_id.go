package conncmd

import (
	"kvorum/command"
)

var clientIDSpec = &command.Spec{
	Name: "id", Since: "5.0.0", Group: "connection", Complexity: "O(1)",
	Summary: "Tells the number of the connection, which is never given twice.",
	Arity:   2, Flags: command.NoScript | command.Loading | command.Stale, Categories: command.CatConnection,
	Handler: clientID,
}

func clientID(c *command.Ctx) { c.W.Int(int64(c.Sess.ID)) }
