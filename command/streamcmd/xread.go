package streamcmd

import (
	"strings"

	"kvorum/command"
	"kvorum/keyspace"
	"kvorum/num"
	"kvorum/object"
	"kvorum/object/stream"
)

var xreadSpec = &command.Spec{
	Name: "xread", Since: "5.0.0", Group: "stream",
	Summary: "Returns the entries of streams after given ids, and may wait for some.",
	Arity:   -4, Flags: command.Blocking | command.ReadOnly, Categories: command.CatStream,
	Keys: []command.KeySpec{{Flags: command.RO | command.Access, Keyword: "STREAMS", StartFrom: 1, LastKey: -1, Step: 1, Limit: 2}},
	Args: []command.Arg{
		{Name: "count", Type: "integer", Token: "COUNT", Optional: true},
		{Name: "milliseconds", Type: "integer", Token: "BLOCK", Optional: true},
		{Name: "streams", Type: "block", Token: "STREAMS", Args: []command.Arg{
			{Name: "key", Type: "key", Key: 1, Multiple: true},
			{Name: "id", Type: "string", Multiple: true},
		}},
	},
	GetKeys: readKeys,
	Handler: xread,
}

const (
	errTimeout         = "-ERR timeout is not an integer or out of range"
	errTimeoutNegative = "-ERR timeout is negative"
	errTimeoutRange    = "-ERR timeout is out of range"
	errGroupOption     = "-ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead."
	errNoAckOption     = "-ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead."
	errNewID           = "-ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option."
	errLastID          = "-ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set."
	errNoGroupOption   = "-ERR Missing GROUP option for XREADGROUP"
)

// reading is a request of XREAD or XREADGROUP.
type reading struct {
	grouped  bool // XREADGROUP
	timeout  int64
	count    int64
	noAck    bool
	group    []byte
	consumer []byte
	from     int // the argument with the first key
	streams  int
	ids      idSeq // the ids that were seen, of each stream
}

// noTimeout is the time-out of a request that does not wait.
const noTimeout = -1

// readKeys finds the keys of XREAD and XREADGROUP: "STREAMS" may also be the name
// of a group, of a consumer or of a stream.
func readKeys(args [][]byte, dst []command.KeyRef) ([]command.KeyRef, bool) {
	for i := 1; i < len(args); i++ {
		switch word := args[i]; {
		case is(word, "block"), is(word, "count"):
			i++
		case is(word, "group"):
			i += 2
		case is(word, "noack"):
		case is(word, "streams"):
			n := len(args) - i - 1
			if n == 0 || n%2 == 1 {
				return dst, false
			}
			for at := i + 1; at <= i+n/2; at++ {
				dst = append(dst, command.KeyRef{Arg: at, Flags: command.RO | command.Access})
			}
			return dst, true
		default:
			return dst, false
		}
	}
	return dst, false
}

// is reports whether a word is the option name, in any case.
func is(word []byte, name string) bool {
	return len(word) == len(name) && strings.EqualFold(string(word), name)
}

func xread(c *command.Ctx) {
	var r reading
	if r.parse(c) && r.parseIDs(c) {
		r.serve(c)
	}
}

// parse reads the options; ok is false after the error reply.
func (r *reading) parse(c *command.Ctx) (ok bool) {
	r.timeout = noTimeout
	for i := 1; i < len(c.Args) && r.from == 0; i++ {
		more := len(c.Args) - 1 - i
		switch {
		case more > 0 && c.Is(i, "block"):
			i++
			if !r.readTimeout(c, i) {
				return false
			}
		case more > 0 && c.Is(i, "count"):
			i++
			if r.count, ok = c.Int(i); !ok {
				return false
			}
			r.count = max(r.count, 0)
		case more > 0 && c.Is(i, "streams"):
			if more%2 != 0 {
				r.unbalanced(c)
				return false
			}
			r.from, r.streams = i+1, more/2
		case more > 1 && c.Is(i, "group"):
			if !r.grouped {
				c.Err(errGroupOption)
				return false
			}
			r.group, r.consumer = c.Args[i+1], c.Args[i+2]
			i += 2
		case c.Is(i, "noack"):
			if !r.grouped {
				c.Err(errNoAckOption)
				return false
			}
			r.noAck = true
		default:
			c.Err(command.ErrSyntax)
			return false
		}
	}
	switch {
	case r.from == 0:
		c.Err(command.ErrSyntax)
	case r.grouped && r.group == nil:
		c.Err(errNoGroupOption)
	default:
		return true
	}
	return false
}

func (r *reading) unbalanced(c *command.Ctx) {
	name, last := "xread", "$"
	if r.grouped {
		name, last = "xreadgroup", ">"
	}
	c.Err("-ERR Unbalanced '" + name + "' list of streams: for each stream key an ID or '" + last + "' must be specified.")
}

func (r *reading) readTimeout(c *command.Ctx, i int) (ok bool) {
	switch r.timeout, ok = num.ParseInt64(c.Args[i]); {
	case !ok:
		c.Err(errTimeout)
	case r.timeout < 0:
		c.Err(errTimeoutNegative)
	case r.timeout > 0 && r.timeout+c.Now < 0:
		c.Err(errTimeoutRange)
	default:
		return true
	}
	return false
}

// entry looks stream i up, as far as the handler may; ok is false after the error
// reply. A request of XREAD that has waited takes another type for an absent key and
// waits on; one of XREADGROUP ends there, for its group is gone.
func (r *reading) entry(c *command.Ctx, i int) (e keyspace.Entry, ok bool) {
	if !c.Holds(i) {
		return e, true
	}
	if r.grouped {
		e = c.ReadWrite(i)
	} else {
		e = c.Read(i)
	}
	if c.Serving && !r.grouped && e.OK() && e.Type() != object.Stream {
		return keyspace.Entry{}, true
	}
	return e, isStream(c, e)
}

// parseIDs reads the ids, and checks keys and groups; ok is false after the error
// reply.
func (r *reading) parseIDs(c *command.Ctx) (ok bool) {
	for i := range r.streams {
		var s stream.Stream
		e, ok := r.entry(c, i)
		if !ok {
			return false
		}
		if e.OK() {
			s.Open(e.Rec, &c.Buf)
		}
		if r.grouped && c.Holds(i) && !r.hasGroup(c, i, e.OK(), &s) {
			return false
		}
		at := r.from + r.streams + i
		var id stream.ID
		switch string(cut(c.Args[at])) {
		case "$":
			if r.grouped {
				c.Err(errLastID)
				return false
			}
			if e.OK() {
				id = s.LastID()
			}
		case ">":
			if !r.grouped {
				c.Err(errNewID)
				return false
			}
			id = stream.MaxID
		default:
			if id, ok = argID(c, at); !ok {
				return false
			}
		}
		r.ids.add(id)
	}
	return true
}

// serve replies what there is, or waits for it, or replies that there is nothing.
func (r *reading) serve(c *command.Ctx) {
	start := len(c.W.B)
	d, n := c.W.DeferLen(), 0
	for i := range r.streams {
		e, ok := r.entry(c, i)
		if !ok || !e.OK() {
			continue
		}
		var s stream.Stream
		s.Open(e.Rec, &c.Buf)
		if r.grouped && r.serveGroup(c, i, &s) || !r.grouped && r.serveStream(c, i, &s) {
			n++
		}
	}
	switch {
	case n == 0:
		c.W.B = c.W.B[:start]
		r.wait(c)
	case c.W.Proto == 3:
		c.W.SetDeferredMap(d, n)
	default:
		c.W.SetDeferredArray(d, n)
	}
	if r.grouped && c.EffectCount() == 0 {
		c.NoEffect() // what changed is told by effects, or by nobody
	}
}

// wait lets the request wait if it means to. What "$" stands for is settled now.
func (r *reading) wait(c *command.Ctx) {
	if r.timeout == noTimeout {
		c.W.NullArray()
		return
	}
	for i := range r.streams {
		if at := r.from + r.streams + i; string(cut(c.Args[at])) == "$" {
			c.Args[at] = r.ids.at(i).Append(nil)
		}
	}
	until := r.timeout
	if until > 0 {
		until += c.Now
	}
	c.Block(0, len(c.Keys), until, command.NullArray)
}

// beginStream replies the name of a stream, with its entries to come.
func (r *reading) beginStream(c *command.Ctx, i int) {
	if c.W.Proto != 3 {
		c.W.Array(2)
	}
	c.W.Bulk(c.Keys[i].Bytes)
}

// serveStream replies the entries of a stream after those that were seen, and
// reports whether there are any.
func (r *reading) serveStream(c *command.Ctx, i int, s *stream.Stream) bool {
	from, ok := r.ids.at(i).Next()
	if at := s.Seek(from); !ok || !at.Valid() {
		return false
	}
	r.beginStream(c, i)
	replyRange(c, s, from, stream.MaxID, r.count, false, false)
	return true
}
