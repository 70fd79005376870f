package streamcmd

import (
	"kvorum/command"
	"kvorum/object/stream"
)

var xpendingSpec = &command.Spec{
	Name: "xpending", Since: "5.0.0", Group: "stream",
	Complexity: "O(N) with N being the number of elements returned, so asking for a small fixed number of entries per call is O(1). O(M), where M is the total number of entries scanned when used with the IDLE filter. When the command returns just the summary and the list of consumers is small, it runs in O(1) time; otherwise, an additional O(N) time for iterating every consumer.",
	Summary:    "Tells what is pending in a group: a summary, or the entries.",
	Arity:      -3, Flags: command.ReadOnly, Categories: command.CatStream,
	Tips: []string{"nondeterministic_output"},
	History: []command.Change{
		{Since: "6.2.0", Text: "Added the `IDLE` option and exclusive range intervals."},
	},
	Keys: []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
	Args: []command.Arg{
		argKey,
		argGroup,
		{Name: "filters", Type: "block", Optional: true, Args: []command.Arg{
			{Name: "min-idle-time", Type: "integer", Token: "IDLE", Since: "6.2.0", Optional: true},
			{Name: "start", Type: "string"},
			{Name: "end", Type: "string"},
			{Name: "count", Type: "integer"},
			{Name: "consumer", Type: "string", Optional: true},
		}},
	},
	Handler: xpending,
}

// pendingAsk is a request of XPENDING for entries.
type pendingAsk struct {
	minIdle     int64
	start, stop stream.ID
	count       int64
	consumer    []byte // nil: of all
}

// The numbers of arguments of XPENDING.
const (
	pendingSummary = 3
	pendingMin     = 6
	pendingIdleMin = 8
	pendingMax     = 9
)

func xpending(c *command.Ctx) {
	n := len(c.Args)
	if n != pendingSummary && (n < pendingMin || n > pendingMax) {
		c.Err(command.ErrSyntax)
		return
	}
	var r pendingAsk
	if n != pendingSummary && !r.parse(c) {
		return
	}
	var s stream.Stream
	g, found, ok := groupOf(c, c.Args[2], &s)
	switch {
	case !ok:
	case !found:
		noGroup(c, c.Args[1], c.Args[2])
	case n == pendingSummary:
		replySummary(c, g)
	default:
		r.reply(c, g)
	}
}

// parse reads what follows the group; ok is false after the error reply.
func (r *pendingAsk) parse(c *command.Ctx) (ok bool) {
	at := 3
	if c.Is(at, "idle") {
		if r.minIdle, ok = c.Int(at + 1); !ok {
			return false
		}
		if len(c.Args) < pendingIdleMin {
			c.Err(command.ErrSyntax)
			return false
		}
		at += 2
	}
	if r.count, ok = c.Int(at + 2); !ok {
		return false
	}
	if r.start, ok = argStart(c, at); !ok {
		return false
	}
	if r.stop, ok = argStop(c, at+1); !ok {
		return false
	}
	if at+3 < len(c.Args) {
		r.consumer = c.Args[at+3]
	}
	return true
}

// replySummary replies how much is pending, between which ids and with whom.
func replySummary(c *command.Ctx, g stream.Group) {
	c.W.Array(4)
	c.W.Int(int64(g.PendingCount()))
	set := g.AllPending()
	first := set.Seek(stream.ID{})
	last, ok := set.Last()
	if !ok {
		c.W.Null()
		c.W.Null()
		c.W.NullArray()
		return
	}
	replyID(c, first.Pending().ID())
	replyID(c, last.ID())
	d, n := c.W.DeferLen(), 0
	consumers := g.Consumers()
	for at := consumers.First(); at.Valid(); at.Next() {
		if k := at.Consumer(); k.PendingCount() > 0 {
			c.W.Array(2)
			c.W.Bulk(k.Name())
			c.W.BulkInt(int64(k.PendingCount()))
			n++
		}
	}
	c.W.SetDeferredArray(d, n)
}

// reply replies the entries asked for.
func (r *pendingAsk) reply(c *command.Ctx, g stream.Group) {
	set := g.AllPending()
	if r.consumer != nil {
		consumer, ok := g.Consumer(r.consumer)
		if !ok {
			c.W.Array(0)
			return
		}
		set = consumer.AllPending()
	}
	d, n := c.W.DeferLen(), int64(0)
	for at := set.Seek(r.start); at.Valid() && n < r.count; at.Next() {
		p := at.Pending()
		if r.stop.Less(p.ID()) {
			break
		}
		idle := c.Now - p.Time()
		if r.minIdle != 0 && idle < r.minIdle {
			continue
		}
		c.W.Array(4)
		replyID(c, p.ID())
		c.W.Bulk(p.Consumer().Name())
		c.W.Int(max(idle, 0))
		c.W.Int(p.Count())
		n++
	}
	c.W.SetDeferredArray(d, int(n))
}
