package streamcmd

import (
	"kvorum/command"
	"kvorum/object/stream"
)

var xreadgroupSpec = &command.Spec{
	Name: "xreadgroup", Since: "5.0.0", Group: "stream",
	Complexity: "For each stream mentioned: O(M) with M being the number of elements returned. If M is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1). On the other side when XREADGROUP blocks, XADD will pay the O(N) time in order to serve the N clients blocked on the stream getting new data.",
	Summary:    "Returns entries of streams to a consumer of a group, new ones or its pending ones, and may wait for some.",
	Arity:      -7, Flags: command.Blocking | command.Write, Categories: command.CatStream,
	Keys: []command.KeySpec{{Flags: command.RO | command.Access, Keyword: "STREAMS", StartFrom: 4, LastKey: -1, Step: 1, Limit: 2}},
	Args: []command.Arg{
		{Name: "group-block", Type: "block", Token: "GROUP", Args: []command.Arg{
			argGroup,
			argConsumer,
		}},
		{Name: "count", Type: "integer", Token: "COUNT", Optional: true},
		{Name: "milliseconds", Type: "integer", Token: "BLOCK", Optional: true},
		{Name: "noack", Type: "pure-token", Token: "NOACK", Optional: true},
		{Name: "streams", Type: "block", Token: "STREAMS", Args: []command.Arg{
			{Name: "key", Type: "key", Key: 1, Multiple: true},
			{Name: "id", Type: "string", Multiple: true},
		}},
	},
	GetKeys: readKeys,
	Handler: xreadgroup, WaitsGone: true,
}

func xreadgroup(c *command.Ctx) {
	r := reading{grouped: true}
	if r.parse(c) && r.parseIDs(c) {
		r.serve(c)
	}
}

// hasGroup checks that stream i is there and has the group, and replies the error
// if not.
func (r *reading) hasGroup(c *command.Ctx, i int, there bool, s *stream.Stream) bool {
	if there {
		if _, ok := s.Group(r.group); ok {
			return true
		}
	}
	c.Err("-NOGROUP No such key '" + text(c.Keys[i].Bytes) + "' or consumer group '" + text(r.group) +
		"' in XREADGROUP with GROUP option")
	return false
}

// serveGroup replies new entries of a stream to the consumer, or pending ones, and
// reports whether it did.
func (r *reading) serveGroup(c *command.Ctx, i int, s *stream.Stream) bool {
	g, _ := s.Group(r.group)
	key := c.Keys[i]
	fresh := r.ids.at(i) == stream.MaxID
	last := s.SeekBack(stream.MaxID)
	some := !fresh || last.Valid() && g.Last().Less(last.ID())
	if c.Serving && !some {
		return false // the key was changed in some other way
	}
	consumer, created := consumerOf(c, key, g, r.consumer)
	if created && r.noAck {
		consumerEffect(c, key.Bytes, g, consumer)
	}
	if !some {
		return false
	}
	r.beginStream(c, i)
	if fresh {
		r.deliver(c, key.Bytes, s, g, consumer)
	} else {
		r.history(c, r.ids.at(i), s, consumer)
	}
	c.Dirty++
	return true
}

// deliver replies entries that the group was not given yet, and makes them pending
// with the consumer.
func (r *reading) deliver(c *command.Ctx, key []byte, s *stream.Stream, g stream.Group, consumer stream.Consumer) {
	past := s.Counters()
	from, _ := g.Last().Next()
	d, n := c.W.DeferLen(), int64(0)
	for at := s.Seek(from); at.Valid() && (r.count == 0 || n < r.count); at.Next() {
		id := at.ID()
		g.SetLast(id, past.Advance(g.Read(), id))
		replyEntry(c, &at)
		if !r.noAck {
			p := g.Give(id, consumer, c.Now, 1)
			consumer.SetActive(c.Now)
			claimEffect(c, key, g, p, nil)
		}
		n++
	}
	if r.noAck && n > 0 {
		groupEffect(c, key, g)
	}
	c.W.SetDeferredArray(d, int(n))
}

// history replies the entries after an id that are pending with the consumer.
func (r *reading) history(c *command.Ctx, after stream.ID, s *stream.Stream, consumer stream.Consumer) {
	from, _ := after.Next()
	set := consumer.AllPending()
	d, n := c.W.DeferLen(), int64(0)
	for at := set.Seek(from); at.Valid() && (r.count == 0 || n < r.count); at.Next() {
		p := at.Pending()
		if e := s.Seek(p.ID()); e.Valid() && e.ID() == p.ID() {
			replyEntry(c, &e)
			p.Set(c.Now, p.Count()+1)
		} else {
			c.W.Array(2)
			replyID(c, p.ID())
			c.W.NullArray()
		}
		n++
	}
	c.W.SetDeferredArray(d, int(n))
}
