package pubsubcmd

import (
	"kvorum/command"
)

// publishing are the flags of the commands that send messages.
const publishing = command.PubSub | command.Loading | command.Stale | command.Fast | command.MayReplicate

var publishSpec = &command.Spec{
	Name: "publish", Since: "2.0.0", Group: "pubsub",
	Complexity: "O(N+M) where N is the number of clients subscribed to the receiving channel and M is the total number of subscribed patterns (by any client).",
	Summary:    "Sends a message to all who are subscribed to a channel.",
	Arity:      3, Flags: publishing,
	Args: []command.Arg{
		{Name: "channel", Type: "string"},
		{Name: "message", Type: "string"},
	},
	Handler: publish,
}

var spublishSpec = &command.Spec{
	Name: "spublish", Since: "7.0.0", Group: "pubsub",
	Complexity: "O(N) where N is the number of clients subscribed to the receiving shard channel.",
	Summary:    "Sends a message to all who are subscribed to a sharded channel.",
	Arity:      3, Flags: publishing,
	Keys: []command.KeySpec{{Flags: command.NotKey, Index: 1, Step: 1}},
	Args: []command.Arg{
		{Name: "shardchannel", Type: "string"},
		{Name: "message", Type: "string"},
	},
	Handler: spublish,
}

func publish(c *command.Ctx) {
	c.W.Int(int64(c.Bus.Publish(c.Args[1], c.Args[2])))
	c.Relay()
}

func spublish(c *command.Ctx) {
	c.W.Int(int64(c.Bus.PublishShard(c.Args[1], c.Args[2])))
	c.Relay()
}
