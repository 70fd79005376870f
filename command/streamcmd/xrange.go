package streamcmd

import (
	"kvorum/command"
	"kvorum/object/stream"
)

var xrangeSpec = &command.Spec{
	Name: "xrange", Since: "5.0.0", Group: "stream",
	Complexity: "O(N) with N being the number of elements being returned. If N is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1).",
	Summary:    "Returns the entries between two ids.",
	Arity:      -4, Flags: command.ReadOnly, Categories: command.CatStream,
	History: []command.Change{
		{Since: "6.2.0", Text: "Added exclusive ranges."},
	},
	Keys: []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
	Args: []command.Arg{
		argKey,
		{Name: "start", Type: "string"},
		{Name: "end", Type: "string"},
		{Name: "count", Type: "integer", Token: "COUNT", Optional: true},
	},
	Handler: xrange,
}

var xrevrangeSpec = &command.Spec{
	Name: "xrevrange", Since: "5.0.0", Group: "stream",
	Complexity: "O(N) with N being the number of elements returned. If N is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1).",
	Summary:    "Returns the entries between two ids, the last one first.",
	Arity:      -4, Flags: command.ReadOnly, Categories: command.CatStream,
	History: []command.Change{
		{Since: "6.2.0", Text: "Added exclusive ranges."},
	},
	Keys: []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
	Args: []command.Arg{
		argKey,
		{Name: "end", Type: "string"},
		{Name: "start", Type: "string"},
		{Name: "count", Type: "integer", Token: "COUNT", Optional: true},
	},
	Handler: xrevrange,
}

func xrange(c *command.Ctx) { entries(c, false) }

func xrevrange(c *command.Ctx) { entries(c, true) }

// entries is the body of XRANGE and XREVRANGE.
func entries(c *command.Ctx, back bool) {
	startAt, stopAt := 2, 3
	if back {
		startAt, stopAt = 3, 2
	}
	start, ok := argStart(c, startAt)
	if !ok {
		return
	}
	stop, ok := argStop(c, stopAt)
	if !ok {
		return
	}
	count := int64(-1)
	for i := 4; i < len(c.Args); i += 2 {
		if !c.Is(i, "count") || i+1 == len(c.Args) {
			c.Err(command.ErrSyntax)
			return
		}
		if count, ok = c.Int(i + 1); !ok {
			return
		}
		count = max(count, 0)
	}
	e := c.Read(0)
	if !isStream(c, e) {
		return
	}
	switch {
	case !e.OK():
		c.W.Array(0)
	case count == 0:
		c.W.NullArray()
	default:
		var s stream.Stream
		s.Open(e.Rec, &c.Buf)
		replyRange(c, &s, start, stop, max(count, 0), back, true)
	}
}

// replyRange replies the entries from start to stop, at most count of them if that
// is not 0. all tells that this is all that the command replies. How many there are
// shows on the way: if they are many, it is taken back then, and the command leaves the
// loop.
func replyRange(c *command.Ctx, s *stream.Stream, start, stop stream.ID, count int64, back, all bool) {
	reply := len(c.W.B)
	d, n := c.W.DeferLen(), int64(0)
	var at stream.Cursor
	if back {
		at = s.SeekBack(stop)
	} else {
		at = s.Seek(start)
	}
	for at.Valid() && (count == 0 || n < count) && c.Step() {
		if id := at.ID(); id.Less(start) || stop.Less(id) {
			break
		}
		if n == command.LongSteps && all && c.Long(int(n)) {
			c.W.B = c.W.B[:reply]
			return
		}
		replyEntry(c, &at)
		n++
		if back {
			at.Prev()
		} else {
			at.Next()
		}
	}
	c.W.SetDeferredArray(d, int(n))
}
