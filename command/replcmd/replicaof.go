package replcmd

import (
	"kvorum/command"
	"kvorum/num"
	"kvorum/resp"
)

var replicaofArgs = []command.Arg{{Name: "args", Type: "oneof", Args: []command.Arg{
	{Name: "host-port", Type: "block", Args: []command.Arg{
		{Name: "host", Type: "string"},
		{Name: "port", Type: "integer"},
	}},
	{Name: "no-one", Type: "block", Args: []command.Arg{
		{Name: "no", Type: "pure-token", Token: "NO"},
		{Name: "one", Type: "pure-token", Token: "ONE"},
	}},
}}}

const operators = command.Admin | command.NoScript | command.Stale

var replicaofSpec = &command.Spec{
	Name: "replicaof", Since: "5.0.0", Group: "server", Complexity: "O(1)",
	Summary: "Makes the server a replica of another one, or a master.",
	Arity:   3, Flags: operators | command.NoAsyncLoading, Categories: command.CatAdmin,
	Args:    replicaofArgs,
	Handler: replicaof,
}

var slaveofSpec = &command.Spec{
	Name: "slaveof", Since: "1.0.0", Group: "server", Complexity: "O(1)",
	Summary: "The old name of REPLICAOF.",
	Arity:   3, Flags: operators | command.NoAsyncLoading, Categories: command.CatAdmin,
	Deprecated: "5.0.0", ReplacedBy: "`REPLICAOF`",
	Args:    replicaofArgs,
	Handler: replicaof,
}

// portMost is the largest port.
const portMost = 65535

func replicaof(c *command.Ctx) {
	s, h := c.Sess, c.Host
	if c.Is(1, "no") && c.Is(2, "one") {
		s.Task = func(w *resp.Writer) {
			h.ReplicaOf("", 0, s)
			w.OK()
		}
		return
	}
	if s.Flags&command.Replica != 0 {
		c.Err("-ERR Command is not valid when client is a replica.")
		return
	}
	port, ok := num.ParseInt64(c.Args[2])
	if !ok || port < 0 || port > portMost {
		c.Err("-ERR Invalid master port")
		return
	}
	host := string(c.Args[1])
	s.Task = func(w *resp.Writer) {
		if text := h.ReplicaOf(host, int(port), s); text[0] == '-' {
			w.Err(text)
		} else {
			w.Simple(text)
		}
	}
}

var failoverSpec = &command.Spec{
	Name: "failover", Since: "6.2.0", Group: "server", Complexity: "O(1)",
	Summary: "Lets a replica and its master change places, without losing a write.",
	Arity:   -1, Flags: operators, Categories: command.CatAdmin,
	Args: []command.Arg{
		{Name: "target", Type: "block", Token: "TO", Optional: true, Args: []command.Arg{
			{Name: "host", Type: "string"},
			{Name: "port", Type: "integer"},
			{Name: "force", Type: "pure-token", Token: "FORCE", Optional: true},
		}},
		{Name: "abort", Type: "pure-token", Token: "ABORT", Optional: true},
		{Name: "milliseconds", Type: "integer", Token: "TIMEOUT", Optional: true},
	},
	Handler: failover,
}

func failover(c *command.Ctx) {
	var r command.FailoverRequest
	for i := 1; i < len(c.Args); i++ {
		left := len(c.Args) - i - 1
		switch {
		case c.Is(i, "timeout") && left >= 1 && r.TimeoutMs == 0:
			ms, ok := c.Int(i + 1)
			if !ok {
				return
			}
			if ms <= 0 {
				c.Err("-ERR FAILOVER timeout must be greater than 0")
				return
			}
			r.TimeoutMs = ms
			i++
		case c.Is(i, "abort") && !r.Abort:
			r.Abort = true
		case c.Is(i, "to") && left >= 2 && r.Host == "":
			port, ok := c.Int(i + 2)
			if !ok {
				return
			}
			r.Host, r.Port = string(c.Args[i+1]), int(port)
			i += 2
		case c.Is(i, "force") && !r.Force:
			r.Force = true
		default:
			c.Err(command.ErrSyntax)
			return
		}
	}
	if r.Abort && len(c.Args) > 2 {
		c.Err(command.ErrSyntax)
		return
	}
	h := c.Host
	c.Sess.Task = func(w *resp.Writer) {
		if text := h.Failover(r); text != "" {
			w.Err(errClean + text)
			return
		}
		w.OK()
	}
}
