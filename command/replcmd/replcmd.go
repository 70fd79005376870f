// Package replcmd holds the commands of replication: those of operators, and those that
// servers send each other. What they lead to is decided by package repl, through
// command.Host.
//
// Handlers run as the package command says.
package replcmd

import (
	"kvorum/command"
	"kvorum/num"
)

// Specs returns the rows of the family.
func Specs() []*command.Spec {
	return []*command.Spec{failoverSpec, psyncSpec, replconfSpec, replicaofSpec, slaveofSpec, syncSpec, waitSpec, waitaofSpec}
}

const (
	internal = command.Admin | command.NoScript | command.NoAsyncLoading | command.NoMulti
	errClean = "-ERR "
)

var syncSpec = &command.Spec{
	Name: "sync", Since: "1.0.0", Group: "server",
	Summary: "Asks for all data and the stream of effects, for replicas of old.",
	Arity:   1, Flags: internal, Categories: command.CatAdmin,
	Handler: func(c *command.Ctx) { ask(c, command.StreamRequest{Old: true, ID: "?", Offset: -1}) },
}

var psyncSpec = &command.Spec{
	Name: "psync", Since: "2.8.0", Group: "server",
	Summary: "Asks for the stream of effects from an offset on, or for all data.",
	Arity:   -3, Flags: internal, Categories: command.CatAdmin,
	Args: []command.Arg{
		{Name: "replicationid", Type: "string"},
		{Name: "offset", Type: "integer"},
	},
	Handler: psync,
}

func psync(c *command.Ctx) {
	offset, ok := num.ParseInt64(c.Args[2])
	if !ok {
		c.Err(command.ErrNotInt)
		return
	}
	ask(c, command.StreamRequest{
		ID: string(c.Args[1]), Offset: offset,
		Failover: len(c.Args) > 3 && c.Is(3, "failover"),
	})
}

const errPending = "-ERR SYNC and PSYNC are invalid with pending output"

// pendingMost is how much output of earlier requests may be on its way: the portable loop
// learns of what the socket has taken after the peer.
const pendingMost = 4 << 10

// ask makes the client a replica. What it is told comes later.
func ask(c *command.Ctx, r command.StreamRequest) {
	s := c.Sess
	switch {
	case s.Flags&command.Replica != 0, s.Peer == nil:
		return // it is one already
	case len(c.W.B) > 0 || s.Peer.PendingOut() > pendingMost:
		c.Err(errPending)
		return
	case s.Replica.Filtered && !s.Replica.EOF:
		c.Err("-ERR Filtered replica requires EOF capability")
		return
	}
	c.Host.AskStream(s, r)
}
