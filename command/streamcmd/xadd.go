package streamcmd

import (
	"kvorum/command"
	"kvorum/object/stream"
)

var xaddSpec = &command.Spec{
	Name: "xadd", Since: "5.0.0", Group: "stream",
	Complexity: "O(1) when adding a new entry, O(N) when trimming where N being the number of entries evicted.",
	Summary:    "Appends an entry to a stream, which is created if need be.",
	Arity:      -5, Flags: command.Write | command.DenyOOM | command.Fast, Categories: command.CatStream,
	Tips: []string{"nondeterministic_output"},
	History: []command.Change{
		{Since: "6.2.0", Text: "Added the `NOMKSTREAM` option, `MINID` trimming strategy and the `LIMIT` option."},
		{Since: "7.0.0", Text: "Added support for the `<ms>-*` explicit ID form."},
	},
	Keys: []command.KeySpec{{Flags: command.RW | command.Update, Notes: "UPDATE instead of INSERT because of the optional trimming feature", Index: 1, Step: 1}},
	Args: []command.Arg{
		argKey,
		{Name: "nomkstream", Type: "pure-token", Token: "NOMKSTREAM", Since: "6.2.0", Optional: true},
		{Name: "trim", Type: "block", Optional: true, Args: []command.Arg{
			{Name: "strategy", Type: "oneof", Args: []command.Arg{
				{Name: "maxlen", Type: "pure-token", Token: "MAXLEN"},
				{Name: "minid", Type: "pure-token", Token: "MINID", Since: "6.2.0"},
			}},
			{Name: "operator", Type: "oneof", Optional: true, Args: []command.Arg{
				{Name: "equal", Type: "pure-token", Token: "="},
				{Name: "approximately", Type: "pure-token", Token: "~"},
			}},
			{Name: "threshold", Type: "string"},
			{Name: "count", Type: "integer", Token: "LIMIT", Since: "6.2.0", Optional: true},
		}},
		{Name: "id-selector", Type: "oneof", Args: []command.Arg{
			{Name: "auto-id", Type: "pure-token", Token: "*"},
			{Name: "id", Type: "string"},
		}},
		{Name: "data", Type: "block", Multiple: true, Args: []command.Arg{
			{Name: "field", Type: "string"},
			{Name: "value", Type: "string"},
		}},
	},
	Handler: xadd,
}

const (
	errArity     = "-ERR wrong number of arguments for 'xadd' command"
	errZeroID    = "-ERR The ID specified in XADD must be greater than 0-0"
	errExhausted = "-ERR The stream has exhausted the last possible ID, unable to add more items"
	errSmallID   = "-ERR The ID specified in XADD is equal or smaller than the target stream top item"
	errTooLarge  = "-ERR Elements are too large to be stored"
)

// entryMax bounds the bytes of the fields and values of an entry.
const entryMax = 1 << 30

func xadd(c *command.Ctx) {
	var o options
	if !o.parse(c, true) {
		return
	}
	from := o.idAt + 1
	if n := len(c.Args) - from; n < 2 || n%2 == 1 {
		c.Err(errArity)
		return
	}
	if !o.autoID && !o.autoSeq && o.id.IsZero() {
		c.Err(errZeroID)
		return
	}
	e := c.Write(0)
	if !isStream(c, e) {
		return
	}
	if !e.OK() && o.noCreate {
		c.W.Null()
		return
	}
	pairs := c.Args[from:]
	var last stream.ID
	var s stream.Stream
	if e.OK() {
		s.Open(e.Rec, &c.Buf)
		last = s.LastID()
	}
	id, ok := o.newID(c, last)
	if !ok {
		return
	}
	if size(pairs) > entryMax {
		c.Err(errTooLarge)
		return
	}
	if !e.OK() {
		e = create(c, c.Keys[0])
		s.Open(e.Rec, &c.Buf)
	}
	s.Append(id, pairs, c.Packing.Stream)
	o.added(c, &s, id)
}

// newID returns the id of an entry to come after last; ok is false after the error
// reply.
func (o *options) newID(c *command.Ctx, last stream.ID) (id stream.ID, ok bool) {
	if last == stream.MaxID {
		c.Err(errExhausted)
		return id, false
	}
	id = o.id
	switch {
	case o.autoID:
		if id = (stream.ID{Ms: uint64(c.Now)}); id.Ms <= last.Ms {
			id, _ = last.Next()
		}
	case o.autoSeq && id.Ms == last.Ms:
		if id, _ = last.Next(); id.Ms != last.Ms {
			c.Err(errSmallID)
			return id, false
		}
	}
	if id.Compare(last) <= 0 {
		c.Err(errSmallID)
		return id, false
	}
	return id, true
}

func size(pairs [][]byte) (n int) {
	for _, b := range pairs {
		n += len(b)
	}
	return n
}

// added trims the stream after an entry was added to it, tells of both and
// replies.
func (o *options) added(c *command.Ctx, s *stream.Stream, id stream.ID) {
	key := c.Keys[0]
	c.DB.Modified(key)
	c.Dirty++
	c.Notify(command.NotifyStream, "xadd", key.Bytes)
	if o.given && s.Trim(o.trim) > 0 {
		c.Notify(command.NotifyStream, "xtrim", key.Bytes)
	}
	name := id.Append(c.Scratch[:0])
	switch {
	case o.autoID || o.autoSeq:
		o.rewritten(c, s, name)
	case o.trim.Approx:
		o.rewritten(c, s, nil)
	}
	c.W.Bulk(name)
}
