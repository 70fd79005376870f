package command

import (
	"math"

	"kvorum/keyspace"
	"kvorum/num"
	"kvorum/object"
	"kvorum/resp"
)

// Waiter is a request that waits for keys. It is made by the engine when a
// handler has called Ctx.Block, and served by whoever changes one of the keys.
type Waiter struct {
	keyspace.Wait
	Sess    *Session // whose request it is: touched on its loop only
	Copy    Session  // of Sess when it began to wait, for the one who serves it
	Spec    *Spec
	Args    [][]byte // its own
	Keys    []keyspace.Key
	UntilMs int64 // Unix ms; 0: without end
	// Overdue writes the reply when the time is over; nil: a null array.
	Overdue func(w *resp.Writer)
}

// request is what a handler that called Block wants.
type blockRequest struct {
	on      bool
	from    int // Keys[from:to] are waited for
	to      int
	untilMs int64
}

// Block ends a handler that found nothing to do: the request waits until one of
// Keys[from:to] has changed, and then begins anew, or until the time is over (Unix
// ms; 0: never), and then the reply is a null array. The handler has changed nothing
// and replied nothing. It may have changed Args. Where nothing may block, in
// transactions and in commands that are no client's, instead replies at once.
//
// When it begins anew, only some of the keys may be there to look at: see Holds.
func (c *Ctx) Block(from, to int, untilMs int64, instead func(w *resp.Writer)) {
	if !c.Serving && c.Sess.Flags&(InExec|Internal) != 0 {
		instead(c.W)
		return
	}
	c.block = blockRequest{true, from, to, untilMs}
}

// Holds reports whether the handler may look at key i. It may look at all, unless
// it serves a request that has waited.
func (c *Ctx) Holds(i int) bool {
	return !c.Serving || c.Held(keyspace.ShardOf(c.Keys[i].Hash))
}

// Needs is Holds for a key without which the request cannot be served: if it is not
// held, the handler calls Block, and it is tried again soon, with that key.
func (c *Ctx) Needs(i int) bool {
	held := c.Holds(i)
	c.short = c.short || !held
	return held
}

// TakeShort returns and forgets whether Needs has missed a key, for the engine.
func (c *Ctx) TakeShort() bool {
	short := c.short
	c.short = false
	return short
}

// lost tells the engine that an expired or evicted key goes for which somebody waits:
// the command that goes on need not be one after which those who wait are looked at.
func (c *Ctx) lost(db *keyspace.DB, k keyspace.Key) {
	if c.Late != nil && c.KS.Waits() && db.Awaited(k) {
		c.Late(db, k)
	}
}

// TakeBlock returns and forgets what Block was told, for the engine.
func (c *Ctx) TakeBlock() (from, to int, untilMs int64, ok bool) {
	b := c.block
	c.block = blockRequest{}
	return b.from, b.to, b.untilMs, b.on
}

// FirstOf finds the first key among all that the row names that exists, for a
// request that takes something out of a value of type t. It returns -1 when there is
// none; ok is false after the error reply for a value of another type. One that has
// waited goes on waiting there.
func (c *Ctx) FirstOf(t object.Type) (i int, e keyspace.Entry, ok bool) {
	for i := range c.Keys {
		if !c.Holds(i) {
			continue
		}
		if e = c.Write(i); !e.OK() {
			continue
		}
		if e.Type() == t {
			return i, e, true
		}
		if !c.Serving {
			c.WrongType()
			return 0, e, false
		}
	}
	return -1, keyspace.Entry{}, true
}

// Error texts of timeouts.
const (
	errTimeoutFloat    = "-ERR timeout is not a float or out of range"
	errTimeoutNegative = "-ERR timeout is negative"
	errTimeoutRange    = "-ERR timeout is out of range"
)

// Timeout reads argument i, seconds with a fraction, as the Unix time in
// milliseconds at which it is over, 0 for never; ok is false after the error reply.
func (c *Ctx) Timeout(i int) (untilMs int64, ok bool) {
	arg := c.Args[i]
	sec, ok := num.ParseFloatLoose(arg)
	ok = ok && len(arg) > 0 && arg[0] > ' '
	// Less than a nanosecond keeps what a float has too much from making a millisecond.
	ms := math.Ceil(sec*1000 - math.Copysign(1e-6, sec))
	switch {
	case !ok:
		c.Err(errTimeoutFloat)
	case ms >= math.MaxInt64:
		c.Err(errTimeoutRange)
	case ms < 0:
		c.Err(errTimeoutNegative)
	case int64(ms) > math.MaxInt64-c.Now:
		c.Err(errTimeoutRange)
	case ms == 0:
		return 0, true
	default:
		return c.Now + int64(ms), true
	}
	return 0, false
}

// Null replies null; for Block.
func Null(w *resp.Writer) { w.Null() }

// NullArray replies a null array; for Block.
func NullArray(w *resp.Writer) { w.NullArray() }
