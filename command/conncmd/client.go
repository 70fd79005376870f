package conncmd

import (
	"kvorum/command"
)

var clientSpec = &command.Spec{
	Name: "client", Since: "2.4.0", Group: "connection", Complexity: "Depends on subcommand.",
	Summary: "Groups the commands about connections.",
	Arity:   -2,
	Subs: []*command.Spec{
		clientCachingSpec,
		clientGetnameSpec,
		clientGetredirSpec,
		clientHelpSpec,
		clientIDSpec,
		clientInfoSpec,
		clientKillSpec,
		clientListSpec,
		clientNoEvictSpec,
		clientNoTouchSpec,
		clientPauseSpec,
		clientReplySpec,
		clientSetinfoSpec,
		clientSetnameSpec,
		clientTrackingSpec,
		clientTrackinginfoSpec,
		clientUnblockSpec,
		clientUnpauseSpec,
	},
}

var clientHelpSpec = &command.Spec{
	Name: "help", Since: "5.0.0", Group: "connection", Complexity: "O(1)",
	Summary: "Describes the subcommands of CLIENT.",
	Arity:   2, Flags: command.Loading | command.Stale, Categories: command.CatConnection,
	Handler: command.HelpOfRows,
}
