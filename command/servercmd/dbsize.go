package servercmd

import (
	"kvorum/command"
)

var dbsizeSpec = &command.Spec{
	Name: "dbsize", Since: "1.0.0", Group: "server", Complexity: "O(1)",
	Summary: "Tells the number of keys of the current database.",
	Arity:   1, Flags: command.ReadOnly | command.Fast, Categories: command.CatKeyspace,
	Tips:    []string{"request_policy:all_shards", "response_policy:agg_sum"},
	Handler: dbsize,
}

func dbsize(c *command.Ctx) { c.W.Int(c.DB.Len()) }
