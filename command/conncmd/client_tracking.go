package conncmd

import (
	"kvorum/command"
)

// What CLIENT tells of tracking to a client that has not turned it on: none can.

var clientCachingSpec = &command.Spec{
	Name: "caching", Since: "6.0.0", Group: "connection", Complexity: "O(1)",
	Summary: "Says whether the keys of the next command are tracked.",
	Arity:   3, Flags: command.NoScript | command.Loading | command.Stale, Categories: command.CatConnection,
	Args: []command.Arg{
		{Name: "mode", Type: "oneof", Args: []command.Arg{
			{Name: "yes", Type: "pure-token", Token: "YES"},
			{Name: "no", Type: "pure-token", Token: "NO"},
		}},
	},
	Handler: clientCaching,
}

var clientGetredirSpec = &command.Spec{
	Name: "getredir", Since: "6.0.0", Group: "connection", Complexity: "O(1)",
	Summary: "Tells which client gets the connection's tracking messages.",
	Arity:   2, Flags: command.NoScript | command.Loading | command.Stale, Categories: command.CatConnection,
	Handler: clientGetredir,
}

var clientTrackinginfoSpec = &command.Spec{
	Name: "trackinginfo", Since: "6.2.0", Group: "connection", Complexity: "O(1)",
	Summary: "Describes how the connection's keys are tracked.",
	Arity:   2, Flags: command.NoScript | command.Loading | command.Stale, Categories: command.CatConnection,
	Handler: clientTrackinginfo,
}

const errNotTracking = "-ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled"

func clientCaching(c *command.Ctx) { c.Err(errNotTracking) }

// clientGetredir replies -1: no tracking.
func clientGetredir(c *command.Ctx) { c.W.Int(-1) }

func clientTrackinginfo(c *command.Ctx) {
	w := c.W
	w.Map(3)
	w.BulkString("flags")
	w.Set(1)
	w.BulkString("off")
	w.BulkString("redirect")
	w.Int(-1)
	w.BulkString("prefixes")
	w.Array(0)
}
