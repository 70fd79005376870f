package replcmd

import (
	"math"

	"kvorum/command"
	"kvorum/num"
	"kvorum/resp"
)

var waitSpec = &command.Spec{
	Name: "wait", Since: "3.0.0", Group: "generic", Complexity: "O(1)",
	Summary: "Waits until replicas have what the client has written so far.",
	Arity:   3, Categories: command.CatConnection, MayBlock: true,
	Tips: []string{"request_policy:all_shards", "response_policy:agg_min"},
	Args: []command.Arg{
		{Name: "numreplicas", Type: "integer"},
		{Name: "timeout", Type: "integer"},
	},
	Handler: wait,
}

var waitaofSpec = &command.Spec{
	Name: "waitaof", Since: "7.2.0", Group: "generic", Complexity: "O(1)",
	Summary: "Waits until what the client has written so far is on disks, here and of replicas.",
	Arity:   4, Flags: command.NoScript, Categories: command.CatConnection, MayBlock: true,
	Tips: []string{"request_policy:all_shards", "response_policy:agg_min"},
	Args: []command.Arg{
		{Name: "numlocal", Type: "integer"},
		{Name: "numreplicas", Type: "integer"},
		{Name: "timeout", Type: "integer"},
	},
	Handler: waitaof,
}

// Errors of those who wait for acknowledgements.
const (
	errReplicaWaits = " cannot be used with replica instances. Please also note that " +
		"since Redis 4.0 if a replica is configured to be writable (which is not the default) writes to replicas are just local and are not propagated."
	errReplicaWaitsAOF = " cannot be used with replica instances. Please also note that writes to replicas are just local and are not propagated."
	errLocalRange      = "-ERR value is out of range, value must between 0 and 1"
	errTimeoutInt      = "-ERR timeout is not an integer or out of range"
	errTimeoutNegative = "-ERR timeout is negative"
)

func wait(c *command.Ctx) {
	if c.Host.IsReplica() {
		c.Err("-ERR WAIT" + errReplicaWaits)
		return
	}
	n, ok := c.Int(1)
	if !ok {
		return
	}
	until, ok := timeout(c, 2)
	if !ok {
		return
	}
	await(c, &command.AckWait{Replicas: n}, until)
}

func waitaof(c *command.Ctx) {
	local, ok := c.Int(1)
	if !ok {
		return
	}
	if local < 0 || local > 1 {
		c.Err(errLocalRange)
		return
	}
	n, ok := c.IntFrom(2, 0, command.ErrNotPositive)
	if !ok {
		return
	}
	until, ok := timeout(c, 3)
	switch {
	case !ok:
		return
	case c.Host.IsReplica():
		c.Err("-ERR WAITAOF" + errReplicaWaitsAOF)
		return
	case local > 0 && !c.Host.LogsEffects():
		c.Err(command.ErrWaitsForNoLog)
		return
	}
	await(c, &command.AckWait{Local: local, Replicas: n, OnDisk: true}, until)
}

// timeout reads argument i, milliseconds, as the Unix time at which it is over, 0 for
// never.
func timeout(c *command.Ctx, i int) (untilMs int64, ok bool) {
	ms, ok := num.ParseInt64(c.Args[i])
	switch {
	case !ok:
		c.Err(errTimeoutInt)
	case ms < 0:
		c.Err(errTimeoutNegative)
	case ms == 0:
		return 0, true
	case ms > math.MaxInt64-c.Now:
		c.Err("-ERR timeout is out of range")
	default:
		return c.Now + ms, true
	}
	return 0, false
}

// await replies how far the stream is acknowledged, as soon as that is enough.
func await(c *command.Ctx, a *command.AckWait, untilMs int64) {
	a.Offset = c.Host.StreamEnd(c.Sess)
	local, replicas := c.Host.Acked(a.Offset, a.OnDisk)
	if local >= a.Local && replicas >= a.Replicas {
		a.Reply(c.W, local, replicas)
		return
	}
	c.Sess.Acks = a
	c.Block(0, 0, untilMs, func(w *resp.Writer) { a.Reply(w, local, replicas) })
}
