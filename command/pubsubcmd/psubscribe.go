package pubsubcmd

import (
	"kvorum/command"
	"kvorum/pubsub"
)

var psubscribeSpec = &command.Spec{
	Name: "psubscribe", Since: "2.0.0", Group: "pubsub", Complexity: "O(N) where N is the number of patterns to subscribe to.",
	Summary: "Lets the client get the messages of all channels that match patterns.",
	Arity:   -2, Flags: subscribing, WhileSubscribed: true,
	Args:    names("pattern", "pattern", false),
	Handler: func(c *command.Ctx) { subscribe(c, pubsub.Pattern, "psubscribe") },
}

var punsubscribeSpec = &command.Spec{
	Name: "punsubscribe", Since: "2.0.0", Group: "pubsub", Complexity: "O(N) where N is the number of patterns to unsubscribe.",
	Summary: "Ends subscriptions of patterns, all of them without arguments.",
	Arity:   -1, Flags: subscribing, WhileSubscribed: true,
	Args:    names("pattern", "pattern", true),
	Handler: func(c *command.Ctx) { unsubscribe(c, pubsub.Pattern, "punsubscribe") },
}
