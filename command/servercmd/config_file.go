package servercmd

import (
	"kvorum/command"
	"kvorum/resp"
)

var configRewriteSpec = &command.Spec{
	Name: "rewrite", Since: "2.8.0", Group: "server", Complexity: "O(1)",
	Summary: "Writes the configuration in force into the file that the server was started with.",
	Arity:   2, Flags: command.Admin | command.NoScript | command.Loading | command.Stale,
	Tips:    []string{"request_policy:all_nodes", "response_policy:all_succeeded"},
	Handler: configRewrite,
}

var configResetstatSpec = &command.Spec{
	Name: "resetstat", Since: "2.0.0", Group: "server", Complexity: "O(1)",
	Summary: "Sets the counters that INFO shows back to zero.",
	Arity:   2, Flags: command.Admin | command.NoScript | command.Loading | command.Stale,
	Tips:    []string{"request_policy:all_nodes", "response_policy:all_succeeded"},
	Mode:    command.Exclusive,
	Handler: configResetstat,
}

func configRewrite(c *command.Ctx) {
	rewriteFile(c, false)
}

// rewriteFile writes the configuration file beside the loop, and replies.
func rewriteFile(c *command.Ctx, all bool) {
	host := c.Host
	c.Sess.Task = func(w *resp.Writer) {
		if err := host.ConfigRewrite(all); err != nil {
			w.Err("-" + err.Error())
			return
		}
		w.OK()
	}
}

func configResetstat(c *command.Ctx) {
	c.Host.ResetStats()
	c.W.OK()
}
