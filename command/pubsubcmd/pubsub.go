package pubsubcmd

import (
	"kvorum/command"
	"kvorum/glob"
	"kvorum/pubsub"
	"kvorum/resp"
)

var pubsubSpec = &command.Spec{
	Name: "pubsub", Since: "2.8.0", Group: "pubsub", Complexity: "Depends on subcommand.",
	Summary: "Groups the commands that tell of subscriptions.",
	Arity:   -2,
	Subs: []*command.Spec{
		{
			Name: "channels", Since: "2.8.0", Group: "pubsub",
			Complexity: "O(N) where N is the number of active channels, and assuming constant time pattern matching (relatively short channels and patterns)",
			Summary:    "Lists the channels that have subscribers.",
			Arity:      -2, Flags: telling,
			Args:    []command.Arg{{Name: "pattern", Type: "pattern", Optional: true}},
			Handler: func(c *command.Ctx) { channels(c, pubsub.Channel) },
		},
		{
			Name: "help", Since: "6.2.0", Group: "pubsub", Complexity: "O(1)",
			Summary: "Describes the subcommands of PUBSUB.",
			Arity:   2, Flags: command.Loading | command.Stale,
			Handler: command.HelpOfRows,
		},
		{
			Name: "numpat", Since: "2.8.0", Group: "pubsub", Complexity: "O(1)",
			Summary: "Counts the patterns that have subscribers.",
			Arity:   2, Flags: telling,
			Handler: func(c *command.Ctx) { c.W.Int(c.Bus.Count(pubsub.Pattern)) },
		},
		{
			Name: "numsub", Since: "2.8.0", Group: "pubsub",
			Complexity: "O(N) for the NUMSUB subcommand, where N is the number of requested channels",
			Summary:    "Counts the subscribers of channels.",
			Arity:      -2, Flags: telling,
			Args:    names("channel", "string", true),
			Handler: func(c *command.Ctx) { numsub(c, pubsub.Channel) },
		},
		{
			Name: "shardchannels", Since: "7.0.0", Group: "pubsub",
			Complexity: "O(N) where N is the number of active shard channels, and assuming constant time pattern matching (relatively short shard channels).",
			Summary:    "Lists the sharded channels that have subscribers.",
			Arity:      -2, Flags: telling,
			Args:    []command.Arg{{Name: "pattern", Type: "pattern", Optional: true}},
			Handler: func(c *command.Ctx) { channels(c, pubsub.Shard) },
		},
		{
			Name: "shardnumsub", Since: "7.0.0", Group: "pubsub",
			Complexity: "O(N) for the SHARDNUMSUB subcommand, where N is the number of requested shard channels",
			Summary:    "Counts the subscribers of sharded channels.",
			Arity:      -2, Flags: telling,
			Args:    names("shardchannel", "string", true),
			Handler: func(c *command.Ctx) { numsub(c, pubsub.Shard) },
		},
	},
}

// telling are the flags of the commands about subscriptions.
const telling = command.PubSub | command.Loading | command.Stale

// inlineMax is the number of channels up to which a list is made at once.
const inlineMax = 1000

// channels replies the channels that have subscribers and match the pattern.
func channels(c *command.Ctx, k pubsub.Kind) {
	var pattern []byte
	switch len(c.Args) {
	case 2:
	case 3:
		pattern = append([]byte{}, c.Args[2]...)
	default:
		c.Err("-ERR unknown subcommand or wrong number of arguments for '" + string(c.Args[1]) + "'. Try PUBSUB HELP.")
		return
	}
	bus := c.Bus
	list := func(w *resp.Writer) {
		names := bus.Names(k)
		kept := names[:0]
		for _, name := range names {
			if pattern == nil || glob.Match(pattern, []byte(name)) {
				kept = append(kept, name)
			}
		}
		w.Array(len(kept))
		for _, name := range kept {
			w.BulkString(name)
		}
	}
	if bus.Count(k) > inlineMax {
		c.Sess.Task = list
		return
	}
	list(c.W)
}

// numsub replies the number of subscribers of each channel that is named.
func numsub(c *command.Ctx, k pubsub.Kind) {
	c.W.Array(2 * (len(c.Args) - 2))
	for _, name := range c.Args[2:] {
		c.W.Bulk(name)
		c.W.Int(int64(c.Bus.Subscribers(k, name)))
	}
}
