package servercmd

import (
	"strconv"

	"kvorum/command"
)

var roleSpec = &command.Spec{
	Name: "role", Since: "2.8.12", Group: "server", Complexity: "O(1)",
	Summary: "Tells whether the server is a master or a replica, and of whom.",
	Arity:   1, Flags: command.NoScript | command.Loading | command.Stale | command.Fast,
	Categories: command.CatAdmin | command.CatDangerous,
	Handler:    role,
}

// role replies who the server is to others: a master with its replicas, or a replica
// with its master.
func role(c *command.Ctx) {
	r := c.Host.Role()
	if r.Replica {
		c.W.Array(5)
		c.W.BulkString("slave")
		c.W.BulkString(r.Host)
		c.W.Int(int64(r.Port))
		c.W.BulkString(r.State)
		c.W.Int(r.Offset)
		return
	}
	c.W.Array(3)
	c.W.BulkString("master")
	c.W.Int(r.Offset)
	c.W.Array(len(r.Replicas))
	for i := range r.Replicas {
		c.W.Array(3)
		c.W.BulkString(r.Replicas[i].IP)
		c.W.BulkString(strconv.Itoa(r.Replicas[i].Port))
		c.W.BulkString(strconv.FormatInt(r.Replicas[i].Offset, 10))
	}
}
