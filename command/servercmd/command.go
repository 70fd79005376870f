package servercmd

import (
	"bytes"

	"kvorum/command"
)

var commandSpec = &command.Spec{
	Name: "command", Since: "2.8.13", Group: "server", Complexity: "O(N) where N is the total number of Redis commands",
	Summary: "Describes all commands; its subcommands describe some.",
	Arity:   -1, Flags: command.Loading | command.Stale, Categories: command.CatConnection,
	Tips: []string{"nondeterministic_output_order"},
	Subs: []*command.Spec{
		commandCountSpec,
		commandDocsSpec,
		commandGetkeysSpec,
		commandGetkeysandflagsSpec,
		commandHelpSpec,
		commandInfoSpec,
		commandListSpec,
	},
	Handler: commandAll,
}

var commandHelpSpec = &command.Spec{
	Name: "help", Since: "5.0.0", Group: "server", Complexity: "O(1)",
	Summary: "Describes the subcommands of COMMAND.",
	Arity:   2, Flags: command.Loading | command.Stale, Categories: command.CatConnection,
	Handler: command.HelpOfRows,
}

var commandCountSpec = &command.Spec{
	Name: "count", Since: "2.8.13", Group: "server", Complexity: "O(1)",
	Summary: "Tells the number of commands.",
	Arity:   2, Flags: command.Loading | command.Stale, Categories: command.CatConnection,
	Handler: commandCount,
}

func commandAll(c *command.Ctx) {
	all := c.Host.Table().All()
	c.W.Array(len(all))
	for _, s := range all {
		writeInfo(c.W, s)
	}
}

func commandCount(c *command.Ctx) { c.W.Int(int64(len(c.Host.Table().All()))) }

// find returns the row of "name" or "container|name", nil when there is none.
func find(t *command.Table, name []byte) *command.Spec {
	top, sub, nested := bytes.Cut(name, []byte{'|'})
	s := t.Lookup(top)
	if s != nil && nested {
		return s.Sub(sub)
	}
	return s
}
