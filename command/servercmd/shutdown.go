package servercmd

import (
	"kvorum/command"
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
	// COMPAT: shutdown-save: Redis writes the dataset first.
	errCannotSave = "-ERR SHUTDOWN SAVE is refused: there is no persistence in this version, the data would be lost"
)

// shutdown never replies when it succeeds: the connection just closes. NOW and
// FORCE skip waits and checks of parts that do not exist.
func shutdown(c *command.Ctx) {
	var save, nosave, other, abort bool
	for i := 1; i < len(c.Args); i++ {
		switch {
		case c.Is(i, "save"):
			save = true
		case c.Is(i, "nosave"):
			nosave = true
		case c.Is(i, "now"), c.Is(i, "force"):
			other = true
		case c.Is(i, "abort"):
			abort = true
		default:
			c.Err(command.ErrSyntax)
			return
		}
	}
	switch {
	case save && nosave, abort && (save || nosave || other):
		c.Err(command.ErrSyntax)
	case abort:
		c.Err(errNoShutdown) // nothing delays one, so none can be stopped
	case save:
		c.Err(errCannotSave)
	default:
		c.Sess.Flags |= command.CloseAfterReply
		c.Host.Shutdown()
	}
}
