package pubsubcmd

import (
	"kvorum/command"
	"kvorum/pubsub"
)

var subscribeSpec = &command.Spec{
	Name: "subscribe", Since: "2.0.0", Group: "pubsub", Complexity: "O(N) where N is the number of channels to subscribe to.",
	Summary: "Lets the client get the messages of channels.",
	Arity:   -2, Flags: subscribing, WhileSubscribed: true,
	Args:    names("channel", "string", false),
	Handler: func(c *command.Ctx) { subscribe(c, pubsub.Channel, "subscribe") },
}

var unsubscribeSpec = &command.Spec{
	Name: "unsubscribe", Since: "2.0.0", Group: "pubsub", Complexity: "O(N) where N is the number of channels to unsubscribe.",
	Summary: "Ends subscriptions of channels, all of them without arguments.",
	Arity:   -1, Flags: subscribing, WhileSubscribed: true,
	Args:    names("channel", "string", true),
	Handler: func(c *command.Ctx) { unsubscribe(c, pubsub.Channel, "unsubscribe") },
}
