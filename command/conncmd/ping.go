package conncmd

import (
	"kvorum/command"
)

var pingSpec = &command.Spec{
	Name: "ping", Since: "1.0.0", Group: "connection", Complexity: "O(1)",
	Summary: "Replies PONG, or the given message: a sign of life.",
	Arity:   -1, Flags: command.Fast, Categories: command.CatConnection,
	Tips: []string{"request_policy:all_shards", "response_policy:all_succeeded"},
	Args: []command.Arg{
		{Name: "message", Type: "string", Optional: true},
	},
	WhileSubscribed: true,
	Handler:         ping,
}

func ping(c *command.Ctx) {
	if len(c.Args) <= 2 && c.Sess.Flags&command.Subscribed != 0 && c.W.Proto == 2 {
		pingSubscriber(c)
		return
	}
	switch len(c.Args) {
	case 1:
		c.W.Simple("PONG")
	case 2:
		c.W.Bulk(c.Args[1])
	default:
		c.Err("-ERR wrong number of arguments for 'ping' command")
	}
}

// pingSubscriber replies in the form of a message: in RESP2 a subscriber gets nothing
// else.
func pingSubscriber(c *command.Ctx) {
	c.W.Array(2)
	c.W.BulkString("pong")
	if len(c.Args) == 1 {
		c.W.BulkString("")
		return
	}
	c.W.Bulk(c.Args[1])
}
