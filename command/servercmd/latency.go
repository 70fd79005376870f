package servercmd

import (
	"kvorum/command"
)

var latencySpec = &command.Spec{
	Name: "latency", Since: "2.8.13", Group: "server", Complexity: "Depends on subcommand.",
	Summary: "Groups the commands about how long commands take.",
	Arity:   -2,
	Subs: []*command.Spec{
		latencyDoctorSpec,
		latencyGraphSpec,
		latencyHelpSpec,
		latencyHistogramSpec,
		latencyHistorySpec,
		latencyLatestSpec,
		latencyResetSpec,
	},
}

var latencyHelpSpec = &command.Spec{
	Name: "help", Since: "2.8.13", Group: "server", Complexity: "O(1)",
	Summary: "Describes the subcommands of LATENCY.",
	Arity:   2, Flags: command.Loading | command.Stale,
	Handler: command.HelpOfRows,
}
