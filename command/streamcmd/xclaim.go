package streamcmd

import (
	"kvorum/command"
	"kvorum/num"
	"kvorum/object/stream"
)

var xclaimSpec = &command.Spec{
	Name: "xclaim", Since: "5.0.0", Group: "stream",
	Complexity: "O(log N) with N being the number of messages in the PEL of the consumer group.",
	Summary:    "Moves pending entries to a consumer, or sets how they are pending.",
	Arity:      -6, Flags: command.Write | command.Fast, Categories: command.CatStream,
	Tips: []string{"nondeterministic_output"},
	Keys: []command.KeySpec{{Flags: command.RW | command.Update, Index: 1, Step: 1}},
	Args: []command.Arg{
		argKey,
		argGroup,
		argConsumer,
		{Name: "min-idle-time", Type: "string"},
		{Name: "id", Type: "string", Multiple: true},
		{Name: "ms", Type: "integer", Token: "IDLE", Optional: true},
		{Name: "unix-time-milliseconds", Type: "unix-time", Token: "TIME", Optional: true},
		{Name: "count", Type: "integer", Token: "RETRYCOUNT", Optional: true},
		{Name: "force", Type: "pure-token", Token: "FORCE", Optional: true},
		{Name: "justid", Type: "pure-token", Token: "JUSTID", Optional: true},
		{Name: "lastid", Type: "string", Token: "LASTID", Optional: true},
	},
	Handler: xclaim,
}

const (
	errClaimIdle  = "-ERR Invalid min-idle-time argument for XCLAIM"
	errIdleOption = "-ERR Invalid IDLE option argument for XCLAIM"
	errTimeOption = "-ERR Invalid TIME option argument for XCLAIM"
	errRetries    = "-ERR Invalid RETRYCOUNT option argument for XCLAIM"
)

// claiming is a request of XCLAIM.
type claiming struct {
	minIdle int64
	ids     idSeq
	time    int64 // of delivery
	retries int64 // -1: as they are
	force   bool
	justID  bool
	last    stream.ID
	tell    bool // the group's last id changed, and nobody was told
}

func xclaim(c *command.Ctx) {
	var s stream.Stream
	g, found, ok := groupOf(c, c.Args[2], &s)
	if !ok {
		return
	}
	if !found {
		noGroup(c, c.Args[1], c.Args[2])
		return
	}
	r := claiming{retries: -1}
	if !r.parse(c) {
		return
	}
	if g.Last().Less(r.last) {
		g.SetLast(r.last, g.Read())
		r.tell = true
	}
	key := c.Keys[0]
	consumer, _ := consumerOf(c, key, g, c.Args[3])
	d, n := c.W.DeferLen(), 0
	for i := range r.ids.n {
		if r.claim(c, &s, g, consumer, r.ids.at(i), c.Args[firstClaim+i]) {
			n++
		}
	}
	c.W.SetDeferredArray(d, n)
	if r.tell {
		groupEffect(c, key.Bytes, g)
		c.Dirty++
	}
	if c.EffectCount() == 0 {
		c.NoEffect() // a consumer alone is told by nobody, as in Redis
	}
}

// firstClaim is the number of the argument with the first id.
const firstClaim = 5

// parse reads what follows the consumer; ok is false after the error reply.
func (r *claiming) parse(c *command.Ctx) (ok bool) {
	if r.minIdle, ok = number(c, 4, errClaimIdle); !ok {
		return false
	}
	i := firstClaim
	for ; i < len(c.Args); i++ {
		id, ok := parseID(c.Args[i], 0)
		if !ok {
			break
		}
		r.ids.add(id)
	}
	timed := false
	for ; i < len(c.Args); i++ {
		ok = true
		more := i+1 < len(c.Args)
		switch {
		case c.Is(i, "force"):
			r.force = true
		case c.Is(i, "justid"):
			r.justID = true
		case more && c.Is(i, "idle"):
			i++
			r.time, ok = number(c, i, errIdleOption)
			r.time = c.Now - r.time
			timed = r.time != -1
		case more && c.Is(i, "time"):
			i++
			r.time, ok = number(c, i, errTimeOption)
			timed = r.time != -1
		case more && c.Is(i, "retrycount"):
			i++
			r.retries, ok = number(c, i, errRetries)
		case more && c.Is(i, "lastid"):
			i++
			r.last, ok = argID(c, i)
		default:
			c.Err("-ERR Unrecognized XCLAIM option '" + text(c.Args[i]) + "'")
			ok = false
		}
		if !ok {
			return false
		}
	}
	if !timed || r.time < 0 || r.time > c.Now {
		r.time = c.Now
	}
	return true
}

// number reads argument i as an integer; ok is false after the error reply.
func number(c *command.Ctx, i int, otherwise string) (n int64, ok bool) {
	if n, ok = num.ParseInt64(c.Args[i]); !ok {
		c.Err(otherwise)
	}
	return n, ok
}

// claim claims one entry, whose id is written as word, and reports whether it
// replied it.
func (r *claiming) claim(c *command.Ctx, s *stream.Stream, g stream.Group, to stream.Consumer, id stream.ID, word []byte) bool {
	key := c.Keys[0].Bytes
	p, pending := g.Pending(id)
	e := s.Seek(id)
	if !e.Valid() || e.ID() != id {
		if pending {
			claimEffect(c, key, g, p, word)
			r.tell = false
			c.Dirty++
			g.Ack(id)
		}
		return false
	}
	switch {
	case !pending && !r.force:
		return false
	case !pending:
		p = g.Give(id, to, c.Now, 1)
	case r.minIdle > 0 && c.Now-p.Time() < r.minIdle:
		return false
	default:
		g.Assign(p, to)
	}
	count := p.Count()
	if r.retries >= 0 {
		count = r.retries
	} else if !r.justID {
		count++
	}
	p.Set(r.time, count)
	if r.justID {
		replyID(c, id)
	} else {
		replyEntry(c, &e)
	}
	to.SetActive(c.Now)
	claimEffect(c, key, g, p, word)
	r.tell = false
	c.Dirty++
	return true
}
