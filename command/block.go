package command

import (
	"kvorum/keyspace"
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
	Late    func(w *resp.Writer)
	Again   bool // blocked by a reexecution: its reply is not due yet
}

// request is what a handler that called Block wants.
type blockRequest struct {
	on      bool
	from    int // Keys[from:to] are waited for
	to      int
	untilMs int64
	late    func(w *resp.Writer)
}

// Block ends a handler that found nothing to do: the request waits until one of
// Keys[from:to] has changed, and then begins anew, or until the time is over (Unix
// ms; 0: never), and then late replies, a function that captures nothing. The
// handler has changed nothing and replied nothing. It may have changed Args. Where
// nothing may block, in transactions and in commands that are no client's, late
// replies at once.
//
// When it begins anew, only some of the keys may be there to look at: see Holds.
func (c *Ctx) Block(from, to int, untilMs int64, late func(w *resp.Writer)) {
	if !c.Serving && c.Sess.Flags&(InExec|Internal) != 0 {
		late(c.W)
		return
	}
	c.block = blockRequest{true, from, to, untilMs, late}
}

// Holds reports whether the handler may look at key i. It may look at all, unless
// it serves a request that has waited.
func (c *Ctx) Holds(i int) bool {
	return !c.Serving || c.Held(keyspace.ShardOf(c.Keys[i].Hash))
}

// TakeBlock returns and forgets what Block was told, for the engine.
func (c *Ctx) TakeBlock() (from, to int, untilMs int64, late func(w *resp.Writer), ok bool) {
	b := c.block
	c.block = blockRequest{}
	return b.from, b.to, b.untilMs, b.late, b.on
}
