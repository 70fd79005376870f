package servercmd

import (
	"kvorum/command"
)

var configSpec = &command.Spec{
	Name: "config", Since: "2.0.0", Group: "server", Complexity: "Depends on subcommand.",
	Summary: "Groups the commands about the configuration.",
	Arity:   -2,
	Subs: []*command.Spec{
		configGetSpec,
		configHelpSpec,
		configResetstatSpec,
		configRewriteSpec,
		configSetSpec,
	},
}

var configHelpSpec = &command.Spec{
	Name: "help", Since: "5.0.0", Group: "server", Complexity: "O(1)",
	Summary: "Describes the subcommands of CONFIG.",
	Arity:   2, Flags: command.Loading | command.Stale,
	Handler: command.HelpOfRows,
}

var configGetSpec = &command.Spec{
	Name: "get", Since: "2.0.0", Group: "server", Complexity: "O(N) when N is the number of configuration parameters provided",
	Summary: "Tells the values in force of the directives that match a pattern.",
	Arity:   -3, Flags: command.Admin | command.NoScript | command.Loading | command.Stale,
	History: []command.Change{
		{Since: "7.0.0", Text: "Added the ability to pass multiple pattern parameters in one call"},
	},
	Args: []command.Arg{
		{Name: "parameter", Type: "string", Multiple: true},
	},
	Handler: configGet,
}

var configSetSpec = &command.Spec{
	Name: "set", Since: "2.0.0", Group: "server", Complexity: "O(N) when N is the number of configuration parameters provided",
	Summary: "Changes directives of the running server, all of those given or none.",
	Arity:   -4, Flags: command.Admin | command.NoScript | command.Loading | command.Stale,
	Tips: []string{"request_policy:all_nodes", "response_policy:all_succeeded"},
	History: []command.Change{
		{Since: "7.0.0", Text: "Added the ability to set multiple parameters in one call."},
	},
	Args: []command.Arg{
		{Name: "data", Type: "block", Multiple: true, Args: []command.Arg{
			{Name: "parameter", Type: "string"},
			{Name: "value", Type: "string"},
		}},
	},
	Handler: configSet,
}

func configGet(c *command.Ctx) {
	patterns := make([]string, 0, len(c.Args)-2)
	for _, arg := range c.Args[2:] {
		patterns = append(patterns, string(arg))
	}
	pairs := c.Host.ConfigGet(patterns)
	c.W.Map(len(pairs))
	for _, p := range pairs {
		c.W.BulkString(p.Name)
		c.W.BulkString(p.Text)
	}
}

func configSet(c *command.Ctx) {
	if len(c.Args)%2 != 0 {
		c.Err(command.ErrSyntax)
		return
	}
	var pairs [][2]string
	for i := 2; i < len(c.Args); i += 2 {
		pairs = append(pairs, [2]string{string(c.Args[i]), string(c.Args[i+1])})
	}
	if err := c.Host.ConfigSet(pairs, c.Sess); err != nil {
		c.Err("-" + err.Error())
		return
	}
	c.W.OK()
}
