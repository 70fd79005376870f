package servercmd

import (
	"kvorum/command"
	"kvorum/resp"
)

var saveSpec = &command.Spec{
	Name: "save", Since: "1.0.0", Group: "server", Complexity: "O(N) where N is the total number of keys in all databases",
	Summary: "Writes all data to disk before it replies.",
	Arity:   1, Flags: command.Admin | command.NoScript | command.NoAsyncLoading | command.NoMulti,
	Handler: save,
}

var bgsaveSpec = &command.Spec{
	Name: "bgsave", Since: "1.0.0", Group: "server", Complexity: "O(1)",
	Summary: "Writes all data to disk while the server goes on.",
	Arity:   -1, Flags: command.Admin | command.NoScript | command.NoAsyncLoading,
	History: []command.Change{{Since: "3.2.2", Text: "Added the `SCHEDULE` option."}},
	Args:    []command.Arg{{Name: "schedule", Type: "pure-token", Token: "SCHEDULE", Since: "3.2.2", Optional: true}},
	Mode:    command.Exclusive,
	Handler: bgsave,
}

func save(c *command.Ctx) {
	host := c.Host
	c.Sess.Task = func(w *resp.Writer) {
		if err := host.Save(); err != nil {
			w.Err("-" + err.Error())
			return
		}
		w.OK()
	}
}

// bgsave knows the option CANCEL of later servers, too.
func bgsave(c *command.Ctx) {
	schedule := false
	if len(c.Args) > 1 {
		switch {
		case len(c.Args) == 2 && c.Is(1, "schedule"):
			schedule = true
		case len(c.Args) == 2 && c.Is(1, "cancel"):
			cancelSave(c)
			return
		default:
			c.Err(command.ErrSyntax)
			return
		}
	}
	scheduled, err := c.Host.BackgroundSave(schedule)
	switch {
	case err != nil:
		c.Err("-" + err.Error())
	case scheduled:
		c.W.Simple("Background saving scheduled")
	default:
		c.W.Simple("Background saving started")
	}
}

// cancelSave is BGSAVE CANCEL.
// COMPAT: bgsave-cancel: a save that takes long can be ended without ending the server.
func cancelSave(c *command.Ctx) {
	scheduled, err := c.Host.CancelSave()
	switch {
	case err != nil:
		c.Err("-" + err.Error())
	case scheduled:
		c.W.Simple("Scheduled background saving cancelled")
	default:
		c.W.Simple("Background saving cancelled")
	}
}
