package streamcmd

import (
	"kvorum/command"
	"kvorum/object/stream"
)

var xinfostreamSpec = &command.Spec{
	Name: "stream", Since: "5.0.0", Group: "stream",
	Complexity: "O(1)",
	Summary:    "Tells about a stream: its size, its ids, its ends, or all of it.",
	Arity:      -3, Flags: command.ReadOnly, Categories: command.CatStream,
	History: []command.Change{
		{Since: "6.0.0", Text: "Added the `FULL` modifier."},
		{Since: "7.0.0", Text: "Added the `max-deleted-entry-id`, `entries-added`, `recorded-first-entry-id`, `entries-read` and `lag` fields"},
		{Since: "7.2.0", Text: "Added the `active-time` field, and changed the meaning of `seen-time`."},
	},
	Keys: []command.KeySpec{{Flags: command.RO | command.Access, Index: 2, Step: 1}},
	Args: []command.Arg{
		argKey,
		{Name: "full-block", Type: "block", Optional: true, Args: []command.Arg{
			{Name: "full", Type: "pure-token", Token: "FULL"},
			{Name: "count", Type: "integer", Token: "COUNT", Optional: true},
		}},
	},
	Handler: xinfoStream,
}

// fullCount is how many entries of each kind FULL shows unless told.
const fullCount = 10

func xinfoStream(c *command.Ctx) {
	var s stream.Stream
	if !xinfoKey(c, &s) {
		return
	}
	full, count := len(c.Args) > 3, int64(fullCount)
	switch {
	case !full:
	case len(c.Args) != 4 && len(c.Args) != 6, !c.Is(3, "full"), len(c.Args) == 6 && !c.Is(4, "count"):
		unknownForm(c)
		return
	case len(c.Args) == 6:
		var ok bool
		if count, ok = c.Int(5); !ok {
			return
		}
		if count < 0 {
			count = fullCount
		}
	}
	past := s.Counters()
	if full {
		c.W.Map(9)
	} else {
		c.W.Map(10)
	}
	intField(c, "length", int64(past.Length))
	intField(c, "radix-tree-keys", int64(s.NodeCount()))
	intField(c, "radix-tree-nodes", int64(s.RadixNodes()))
	idField(c, "last-generated-id", past.Last)
	idField(c, "max-deleted-entry-id", past.MaxDeleted)
	intField(c, "entries-added", int64(past.Added))
	idField(c, "recorded-first-entry-id", past.First)
	if full {
		c.W.BulkString("entries")
		replyRange(c, &s, stream.ID{}, stream.MaxID, count, false, false)
		replyGroups(c, &s, &past, count)
		return
	}
	intField(c, "groups", int64(s.GroupCount()))
	c.W.BulkString("first-entry")
	first := s.Seek(stream.ID{})
	replyEnd(c, &first)
	c.W.BulkString("last-entry")
	last := s.SeekBack(stream.MaxID)
	replyEnd(c, &last)
}

// replyEnd replies the entry at an end of a stream, null if there is none.
func replyEnd(c *command.Ctx, at *stream.Cursor) {
	if at.Valid() {
		replyEntry(c, at)
	} else {
		c.W.Null()
	}
}

// replyGroups replies the groups with their consumers and what is pending, at most
// count entries of each if that is not 0.
func replyGroups(c *command.Ctx, s *stream.Stream, past *stream.Counters, count int64) {
	c.W.BulkString("groups")
	c.W.Array(s.GroupCount())
	all := s.Groups()
	for at := all.First(); at.Valid(); at.Next() {
		g := at.Group()
		c.W.Map(7)
		c.W.BulkString("name")
		c.W.Bulk(g.Name())
		replyProgress(c, g, past)
		intField(c, "pel-count", int64(g.PendingCount()))
		replyPending(c, g.AllPending(), count, true)
		replyConsumers(c, g, count)
	}
}

func replyConsumers(c *command.Ctx, g stream.Group, count int64) {
	c.W.BulkString("consumers")
	c.W.Array(g.ConsumerCount())
	all := g.Consumers()
	for at := all.First(); at.Valid(); at.Next() {
		k := at.Consumer()
		c.W.Map(5)
		c.W.BulkString("name")
		c.W.Bulk(k.Name())
		intField(c, "seen-time", k.Seen())
		intField(c, "active-time", k.Active())
		intField(c, "pel-count", int64(k.PendingCount()))
		replyPending(c, k.AllPending(), count, false)
	}
}

// replyPending replies pending entries, each with its consumer if that is not
// known.
func replyPending(c *command.Ctx, set stream.PendingSet, count int64, named bool) {
	c.W.BulkString("pending")
	d, n := c.W.DeferLen(), int64(0)
	for at := set.Seek(stream.ID{}); at.Valid() && (count == 0 || n < count); at.Next() {
		p := at.Pending()
		if named {
			c.W.Array(4)
			replyID(c, p.ID())
			c.W.Bulk(p.Consumer().Name())
		} else {
			c.W.Array(3)
			replyID(c, p.ID())
		}
		c.W.Int(p.Time())
		c.W.Int(p.Count())
		n++
	}
	c.W.SetDeferredArray(d, int(n))
}
