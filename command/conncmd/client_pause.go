package conncmd

import (
	"math"

	"kvorum/command"
	"kvorum/num"
)

var clientPauseSpec = &command.Spec{
	Name: "pause", Since: "3.0.0", Group: "connection", Complexity: "O(1)",
	Summary: "Postpones the commands of all clients, or those that write, for a time.",
	Arity:   -3, Flags: command.Admin | command.NoScript | command.Loading | command.Stale, Categories: command.CatConnection,
	History: []command.Change{
		{Since: "6.2.0", Text: "`CLIENT PAUSE WRITE` mode added along with the `mode` option."},
	},
	Args: []command.Arg{
		{Name: "timeout", Type: "integer"},
		{Name: "mode", Type: "oneof", Since: "6.2.0", Optional: true, Args: []command.Arg{
			{Name: "write", Type: "pure-token", Token: "WRITE"},
			{Name: "all", Type: "pure-token", Token: "ALL"},
		}},
	},
	// No write that began before the reply may end after it.
	Mode:    command.Exclusive,
	Handler: clientPause,
}

var clientUnpauseSpec = &command.Spec{
	Name: "unpause", Since: "6.2.0", Group: "connection", Complexity: "O(N) Where N is the number of paused clients",
	Summary: "Ends a pause of the clients.",
	Arity:   2, Flags: command.Admin | command.NoScript | command.Loading | command.Stale, Categories: command.CatConnection,
	Handler: clientUnpause,
}

const (
	errSubcommand   = "-ERR unknown subcommand or wrong number of arguments for '"
	errPauseMode    = "-ERR CLIENT PAUSE mode must be WRITE or ALL"
	errTimeoutInt   = "-ERR timeout is not an integer or out of range"
	errTimeoutNeg   = "-ERR timeout is negative"
	errTimeoutRange = "-ERR timeout is out of range"
)

// tooMany replies the error of a subcommand with more arguments than max and
// reports whether there are so many.
func tooMany(c *command.Ctx, limit int) bool {
	if len(c.Args) <= limit {
		return false
	}
	c.Err(errSubcommand + text(c.Args[1]) + "'. Try CLIENT HELP.")
	return true
}

func clientPause(c *command.Ctx) {
	if tooMany(c, 4) {
		return
	}
	all := true
	if len(c.Args) == 4 {
		if all = c.Is(3, "all"); !all && !c.Is(3, "write") {
			c.Err(errPauseMode)
			return
		}
	}
	timeout, ok := num.ParseInt64(c.Args[2])
	switch {
	case !ok:
		c.Err(errTimeoutInt)
		return
	case timeout < 0:
		c.Err(errTimeoutNeg)
		return
	case timeout > math.MaxInt64-c.Now:
		c.Err(errTimeoutRange)
		return
	}
	until := timeout
	if timeout > 0 {
		until += c.Now
	}
	c.Host.PauseClients(all, until, c.Now)
	c.W.OK()
}

func clientUnpause(c *command.Ctx) {
	c.Host.UnpauseClients()
	c.W.OK()
}
