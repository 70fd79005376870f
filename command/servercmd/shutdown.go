package servercmd

import (
	"kvorum/command"
	"kvorum/config"
	"kvorum/resp"
)

var shutdownSpec = &command.Spec{
	Name: "shutdown", Since: "1.0.0", Group: "server", Complexity: "O(N) when saving, where N is the total number of keys in all databases when saving data, otherwise O(1)",
	Summary: "Ends the server.",
	Arity:   -1, Flags: command.Admin | command.NoScript | command.Loading | command.Stale | command.NoMulti | command.AllowBusy,
	History: []command.Change{
		{Since: "7.0.0", Text: "Added the `NOW`, `FORCE` and `ABORT` modifiers."},
	},
	Args: []command.Arg{
		{Name: "save-selector", Type: "oneof", Optional: true, Args: []command.Arg{
			{Name: "nosave", Type: "pure-token", Token: "NOSAVE"},
			{Name: "save", Type: "pure-token", Token: "SAVE"},
		}},
		{Name: "now", Type: "pure-token", Token: "NOW", Since: "7.0.0", Optional: true},
		{Name: "force", Type: "pure-token", Token: "FORCE", Since: "7.0.0", Optional: true},
		{Name: "abort", Type: "pure-token", Token: "ABORT", Since: "7.0.0", Optional: true},
	},
	Handler: shutdown,
}

const (
	errNoShutdown = "-ERR No shutdown in progress."
	errCannotEnd  = "-ERR Errors trying to SHUTDOWN. Check logs."
)

// shutdown never replies when it succeeds: the connection just closes. NOW skips
// the wait for replicas, FORCE goes on where a save fails.
func shutdown(c *command.Ctx) {
	flags, abort := int64(0), false
	for i := 1; i < len(c.Args); i++ {
		switch {
		case c.Is(i, "save"):
			flags |= config.ShutdownSave
		case c.Is(i, "nosave"):
			flags |= config.ShutdownNoSave
		case c.Is(i, "now"):
			flags |= config.ShutdownNow
		case c.Is(i, "force"):
			flags |= config.ShutdownForce
		case c.Is(i, "abort"):
			abort = true
		default:
			c.Err(command.ErrSyntax)
			return
		}
	}
	switch {
	case abort && flags != 0, flags&(config.ShutdownSave|config.ShutdownNoSave) == config.ShutdownSave|config.ShutdownNoSave:
		c.Err(command.ErrSyntax)
	case abort:
		if !c.Host.AbortShutdown() {
			c.Err(errNoShutdown)
			return
		}
		c.W.OK()
	default:
		host := c.Host
		c.Sess.Task = func(w *resp.Writer) {
			if !host.Shutdown(flags) {
				w.Err(errCannotEnd)
			}
		}
	}
}
