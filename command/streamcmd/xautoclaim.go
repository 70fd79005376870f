package streamcmd

import (
	"kvorum/command"
	"kvorum/num"
	"kvorum/object/stream"
	"math"
	"slices"
)

var xautoclaimSpec = &command.Spec{
	Name: "xautoclaim", Since: "6.2.0", Group: "stream",
	Complexity: "O(1) if COUNT is small.",
	Summary:    "Moves entries that have been pending for long to a consumer, in the order of their ids.",
	Arity:      -6, Flags: command.Write | command.Fast, Categories: command.CatStream,
	Tips: []string{"nondeterministic_output"},
	History: []command.Change{
		{Since: "7.0.0", Text: "Added an element to the reply array, containing deleted entries the command cleared from the PEL"},
	},
	Keys: []command.KeySpec{{Flags: command.RW | command.Delete, Index: 1, Step: 1}},
	Args: []command.Arg{
		argKey,
		argGroup,
		argConsumer,
		{Name: "min-idle-time", Type: "string"},
		{Name: "start", Type: "string"},
		{Name: "count", Type: "integer", Token: "COUNT", Optional: true},
		{Name: "justid", Type: "pure-token", Token: "JUSTID", Optional: true},
	},
	Handler: xautoclaim,
}

const (
	errAutoclaimIdle  = "-ERR Invalid min-idle-time argument for XAUTOCLAIM"
	errAutoclaimCount = "-ERR COUNT must be > 0"
)

// attemptsPerClaim is how many pending entries are looked at for each that may be
// claimed.
const attemptsPerClaim = 10

// autoclaimMax bounds COUNT: 16 bytes for each fit in a signed word.
// COMPAT: xautoclaim-count: no list as long as COUNT is made
const autoclaimMax = math.MaxInt64 / 16

// sweeping is a request of XAUTOCLAIM.
type sweeping struct {
	minIdle int64
	from    stream.ID
	count   int64
	justID  bool
	gone    []stream.ID // pending entries that the stream has no more
}

func xautoclaim(c *command.Ctx) {
	e := c.ReadWrite(0)
	r := sweeping{count: 100}
	if !r.parse(c) || !isStream(c, e) {
		return
	}
	var s stream.Stream
	var g stream.Group
	found := false
	if e.OK() {
		s.Open(e.Rec, &c.Buf)
		g, found = s.Group(c.Args[2])
	}
	if !found {
		noGroup(c, c.Args[1], c.Args[2])
		return
	}
	consumer, _ := consumerOf(c, c.Keys[0], g, c.Args[3])
	c.W.Array(3)
	at := len(c.W.B)
	next := r.sweep(c, &s, g, consumer)
	end := len(c.W.B)
	replyID(c, next) // known last, wanted first
	var id [stream.IDSize + 8]byte
	n := copy(id[:], c.W.B[end:])
	c.W.B = slices.Insert(c.W.B[:end], at, id[:n]...)
	c.W.Array(len(r.gone))
	for _, id := range r.gone {
		replyID(c, id)
	}
	if c.EffectCount() == 0 {
		c.NoEffect() // a consumer alone is told by nobody, as in Redis
	}
}

// parse reads what follows the consumer; ok is false after the error reply.
func (r *sweeping) parse(c *command.Ctx) (ok bool) {
	if r.minIdle, ok = number(c, 4, errAutoclaimIdle); !ok {
		return false
	}
	if r.from, ok = argStart(c, 5); !ok {
		return false
	}
	for i := 6; i < len(c.Args); i++ {
		switch {
		case i+1 < len(c.Args) && c.Is(i, "count"):
			i++
			if r.count, ok = num.ParseInt64(c.Args[i]); !ok || r.count < 1 || r.count > autoclaimMax {
				c.Err(errAutoclaimCount)
				return false
			}
		case c.Is(i, "justid"):
			r.justID = true
		default:
			c.Err(command.ErrSyntax)
			return false
		}
	}
	return true
}

// sweep claims entries, replies them, and returns the id where to go on, 0-0 if
// there is nothing more.
func (r *sweeping) sweep(c *command.Ctx, s *stream.Stream, g stream.Group, to stream.Consumer) (next stream.ID) {
	key := c.Keys[0].Bytes
	d, n := c.W.DeferLen(), 0
	set := g.AllPending()
	at := set.Seek(r.from)
	for left := r.count * attemptsPerClaim; left > 0 && r.count > 0 && at.Valid(); left-- {
		p := at.Pending()
		id := p.ID()
		e := s.Seek(id)
		if !e.Valid() || e.ID() != id {
			claimEffect(c, key, g, p, nil)
			c.Dirty++
			g.Ack(id)
			r.gone = append(r.gone, id)
			set = g.AllPending()
			at = set.Seek(id)
			r.count--
			continue
		}
		at.Next()
		if r.minIdle > 0 && c.Now-p.Time() < r.minIdle {
			continue
		}
		g.Assign(p, to)
		count := p.Count()
		if r.justID {
			replyID(c, id)
		} else {
			count++
			replyEntry(c, &e)
		}
		p.Set(c.Now, count)
		to.SetActive(c.Now)
		claimEffect(c, key, g, p, nil)
		c.Dirty++
		n++
		r.count--
	}
	c.W.SetDeferredArray(d, n)
	if at.Valid() {
		next = at.Pending().ID()
	}
	return next
}
