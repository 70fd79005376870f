package servercmd

import (
	"kvorum/command"
)

var timeSpec = &command.Spec{
	Name: "time", Since: "2.6.0", Group: "server", Complexity: "O(1)",
	Summary: "Tells the server's time: seconds since 1970, and microseconds.",
	Arity:   1, Flags: command.Loading | command.Stale | command.Fast,
	Tips:    []string{"nondeterministic_output"},
	Handler: timeOfDay,
}

func timeOfDay(c *command.Ctx) {
	const usecPerSec = 1_000_000
	us := c.Host.NowUs()
	c.W.Array(2)
	c.W.BulkInt(us / usecPerSec)
	c.W.BulkInt(us % usecPerSec)
}
