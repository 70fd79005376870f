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
	Handler: ping,
}

func ping(c *command.Ctx) {
	switch len(c.Args) {
	case 1:
		c.W.Simple("PONG")
	case 2:
		c.W.Bulk(c.Args[1])
	default:
		c.Err("-ERR wrong number of arguments for 'ping' command")
	}
}
