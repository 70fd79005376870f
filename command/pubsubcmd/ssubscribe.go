package pubsubcmd

import (
	"kvorum/command"
	"kvorum/pubsub"
)

// shardChannels is where sharded channels stand among the arguments: they belong to
// slots, like keys.
var shardChannels = []command.KeySpec{{Flags: command.NotKey, Index: 1, LastKey: -1, Step: 1}}

var ssubscribeSpec = &command.Spec{
	Name: "ssubscribe", Since: "7.0.0", Group: "pubsub", Complexity: "O(N) where N is the number of shard channels to subscribe to.",
	Summary: "Lets the client get the messages of sharded channels.",
	Arity:   -2, Flags: subscribing, WhileSubscribed: true,
	Keys:    shardChannels,
	Args:    names("shardchannel", "string", false),
	Handler: ssubscribe,
}

var sunsubscribeSpec = &command.Spec{
	Name: "sunsubscribe", Since: "7.0.0", Group: "pubsub", Complexity: "O(N) where N is the number of shard channels to unsubscribe.",
	Summary: "Ends subscriptions of sharded channels, all of them without arguments.",
	Arity:   -1, Flags: subscribing, WhileSubscribed: true,
	Keys:    shardChannels,
	Args:    names("shardchannel", "string", true),
	Handler: func(c *command.Ctx) { unsubscribe(c, pubsub.Shard, "sunsubscribe") },
}

func ssubscribe(c *command.Ctx) {
	if c.Sess.Flags&command.InExec != 0 {
		c.Err("-ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client")
		return
	}
	subscribe(c, pubsub.Shard, "ssubscribe")
}
