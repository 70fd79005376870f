package streamcmd

import (
	"kvorum/command"
	"kvorum/object/stream"
)

var xinfoSpec = &command.Spec{
	Name: "xinfo", Since: "5.0.0", Group: "stream",
	Complexity: "Depends on subcommand.",
	Summary:    "A container for commands that tell about streams.",
	Arity:      -2,
	Subs:       []*command.Spec{xinfoconsumersSpec, xinfogroupsSpec, xinfohelpSpec, xinfostreamSpec},
}

var xinfoconsumersSpec = &command.Spec{
	Name: "consumers", Since: "5.0.0", Group: "stream",
	Complexity: "O(1)",
	Summary:    "Lists the consumers of a group.",
	Arity:      4, Flags: command.ReadOnly, Categories: command.CatStream,
	Tips: []string{"nondeterministic_output"},
	History: []command.Change{
		{Since: "7.2.0", Text: "Added the `inactive` field."},
	},
	Keys:    []command.KeySpec{{Flags: command.RO | command.Access, Index: 2, Step: 1}},
	Args:    []command.Arg{argKey, argGroup},
	Handler: xinfoConsumers,
}

var xinfogroupsSpec = &command.Spec{
	Name: "groups", Since: "5.0.0", Group: "stream",
	Complexity: "O(1)",
	Summary:    "Lists the groups of a stream.",
	Arity:      3, Flags: command.ReadOnly, Categories: command.CatStream,
	History: []command.Change{
		{Since: "7.0.0", Text: "Added the `entries-read` and `lag` fields"},
	},
	Keys:    []command.KeySpec{{Flags: command.RO | command.Access, Index: 2, Step: 1}},
	Args:    []command.Arg{argKey},
	Handler: xinfoGroups,
}

var xinfohelpSpec = &command.Spec{
	Name: "help", Since: "5.0.0", Group: "stream",
	Complexity: "O(1)",
	Summary:    "Tells about the subcommands.",
	Arity:      2, Flags: command.Loading | command.Stale, Categories: command.CatStream,
	Handler: command.HelpOfRows,
}

// xinfoKey looks the key up, which must be there; ok is false after the error
// reply.
func xinfoKey(c *command.Ctx, s *stream.Stream) (ok bool) {
	e := c.Read(0)
	switch {
	case !e.OK():
		c.Err(command.ErrNoSuchKey)
		return false
	case !isStream(c, e):
		return false
	}
	s.Open(e.Rec, &c.Buf)
	return true
}

func xinfoConsumers(c *command.Ctx) {
	var s stream.Stream
	if !xinfoKey(c, &s) {
		return
	}
	g, ok := s.Group(c.Args[3])
	if !ok {
		noGroupOfKey(c, c.Args[2], c.Args[3])
		return
	}
	c.W.Array(g.ConsumerCount())
	all := g.Consumers()
	for at := all.First(); at.Valid(); at.Next() {
		k := at.Consumer()
		inactive := k.Active()
		if inactive != stream.NeverActive {
			inactive = c.Now - inactive
		}
		c.W.Map(4)
		c.W.BulkString("name")
		c.W.Bulk(k.Name())
		intField(c, "pending", int64(k.PendingCount()))
		intField(c, "idle", max(c.Now-k.Seen(), 0))
		intField(c, "inactive", inactive)
	}
}

func xinfoGroups(c *command.Ctx) {
	var s stream.Stream
	if !xinfoKey(c, &s) {
		return
	}
	past := s.Counters()
	c.W.Array(s.GroupCount())
	all := s.Groups()
	for at := all.First(); at.Valid(); at.Next() {
		g := at.Group()
		c.W.Map(6)
		c.W.BulkString("name")
		c.W.Bulk(g.Name())
		intField(c, "consumers", int64(g.ConsumerCount()))
		intField(c, "pending", int64(g.PendingCount()))
		replyProgress(c, g, &past)
	}
}

func intField(c *command.Ctx, name string, n int64) {
	c.W.BulkString(name)
	c.W.Int(n)
}

func idField(c *command.Ctx, name string, id stream.ID) {
	c.W.BulkString(name)
	replyID(c, id)
}

// replyProgress replies the fields that tell how far a group has come.
func replyProgress(c *command.Ctx, g stream.Group, past *stream.Counters) {
	idField(c, "last-delivered-id", g.Last())
	c.W.BulkString("entries-read")
	if g.Read() == stream.ReadUnknown {
		c.W.Null()
	} else {
		c.W.Int(g.Read())
	}
	c.W.BulkString("lag")
	if lag, ok := past.Lag(g.Last(), g.Read()); ok {
		c.W.Int(lag)
	} else {
		c.W.Null()
	}
}
