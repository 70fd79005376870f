// Package listcmd holds the commands on lists, one file each.
//
// Handlers run as the package command says. Each replies and changes what
// Redis 7.2 does, in the same order of checks. What takes entries out of a list or
// puts one in ([Pop], [Move]) is told its keys, so that a client that
// waited is served by the same code.
package listcmd

import (
	"kvorum/command"
	"kvorum/ds/listpack"
	"kvorum/keyspace"
	"kvorum/object"
	"kvorum/object/list"
)

// Specs returns the rows of the family.
func Specs() []*command.Spec {
	return []*command.Spec{
		blmoveSpec, blmpopSpec, blpopSpec, brpopSpec, brpoplpushSpec,
		lindexSpec, linsertSpec, llenSpec, lmoveSpec, lmpopSpec, lpopSpec, lposSpec, lpushSpec, lpushxSpec,
		lrangeSpec, lremSpec, lsetSpec, ltrimSpec, rpopSpec, rpoplpushSpec, rpushSpec, rpushxSpec,
	}
}

// End is an end of a list.
type End uint8

// The ends.
const (
	Left End = iota
	Right
)

// pushEvent and popEvent are the names of the events by end.
var (
	pushEvent = [...]string{Left: "lpush", Right: "rpush"}
	popEvent  = [...]string{Left: "lpop", Right: "rpop"}
)

// isList reports whether the entry is absent or a list; if not it replies the error.
func isList(c *command.Ctx, e keyspace.Entry) bool { return c.IsType(e, object.List) }

// open returns the view of the list of an entry.
func open(c *command.Ctx, e keyspace.Entry) *list.List {
	l := &c.List
	l.Open(e.Rec, c.Packing.List, &c.Buf)
	return l
}

// openNew returns the view of a new list under the absent key k.
func openNew(c *command.Ctx, k keyspace.Key) *list.List {
	rec := list.New(c.DB.ArenaOf(k), k.Bytes, c.Access)
	e := c.DB.Add(k, rec)
	c.Notify(command.NotifyNew, "new", k.Bytes)
	return open(c, e)
}

// bulk replies a value.
func bulk(c *command.Ctx, v listpack.Value) {
	if v.Str != nil {
		c.W.Bulk(v.Str)
		return
	}
	c.W.BulkInt(v.Int)
}

// parseEnd reads argument i as an end of a list; ok is false after the error reply.
func parseEnd(c *command.Ctx, i int) (end End, ok bool) {
	right, ok := c.Either(i, "left", "right")
	return endOf(right), ok
}

func endOf(right bool) End {
	if right {
		return Right
	}
	return Left
}

// span cuts the range from start to stop, counted from the end where negative, to a
// length: count entries from first on, 0 if there are none.
func span(start, stop int64, length int) (first, count int) {
	n := int64(length)
	if start < 0 {
		start = max(start+n, 0)
	}
	if stop < 0 {
		stop += n
	}
	stop = min(stop, n-1)
	if start > stop {
		return 0, 0
	}
	return int(start), int(stop - start + 1)
}

// replyRange replies count entries from first on.
func replyRange(c *command.Ctx, l *list.List, first, count int) {
	c.W.Array(count)
	if count == 0 {
		return
	}
	var at list.Cursor
	l.At(first, &at)
	for count > 0 {
		lp, p, n := at.Run()
		if n = c.Stride(min(n, count)); n == 0 {
			return
		}
		at.Skip(c.Bulks(lp, p, n), n)
		count -= n
	}
}

// replyEnd replies count entries from an end on.
func replyEnd(c *command.Ctx, l *list.List, end End, count int) {
	if end == Left {
		replyRange(c, l, 0, count)
		return
	}
	c.W.Array(count)
	var at list.Cursor
	for l.At(l.Len(), &at); count > 0; count-- {
		at.Prev()
		bulk(c, at.Value())
	}
}
