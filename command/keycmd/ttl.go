package keycmd

import "kvorum/command"

// ttlRow makes the row of a command that tells a TTL.
func ttlRow(name, since, summary string, handler command.Handler) *command.Spec {
	return &command.Spec{
		Name: name, Since: since, Group: "generic", Complexity: "O(1)", Summary: summary,
		Arity: 2, Flags: command.ReadOnly | command.Fast, Categories: command.CatKeyspace,
		Keys: oneAccess, Args: []command.Arg{argKey}, Handler: handler,
	}
}

// leftRow is ttlRow for what is left of a life, which differs from call to call.
func leftRow(name, since, summary string, handler command.Handler) *command.Spec {
	s := ttlRow(name, since, summary, handler)
	s.Tips = []string{"nondeterministic_output"}
	s.History = []command.Change{{Since: "2.8.0", Text: "Added the -2 reply."}}
	return s
}

var (
	ttlSpec         = leftRow("ttl", "1.0.0", "Tells how many seconds a key has left to live.", ttl)
	pttlSpec        = leftRow("pttl", "2.6.0", "Tells how many milliseconds a key has left to live.", pttl)
	expiretimeSpec  = ttlRow("expiretime", "7.0.0", "Tells when a key expires, as a Unix time in seconds.", expiretime)
	pexpiretimeSpec = ttlRow("pexpiretime", "7.0.0", "Tells when a key expires, as a Unix time in milliseconds.", pexpiretime)
)

// Replies for keys without a due time to tell.
const (
	ttlNone  = -1 // the key does not expire
	ttlNoKey = -2
)

func ttl(c *command.Ctx) {
	left := dueOf(c)
	if left >= 0 {
		left = seconds(max(left-c.Now, 0))
	}
	c.W.Int(left)
}

func pttl(c *command.Ctx) {
	left := dueOf(c)
	if left >= 0 {
		left = max(left-c.Now, 0)
	}
	c.W.Int(left)
}

func expiretime(c *command.Ctx) {
	due := dueOf(c)
	if due >= 0 {
		due = seconds(due)
	}
	c.W.Int(due)
}

func pexpiretime(c *command.Ctx) { c.W.Int(dueOf(c)) }

// dueOf returns the due time of the key in Unix milliseconds, or one of the
// replies that stand for none.
func dueOf(c *command.Ctx) int64 {
	e := c.ReadNoTouch(0)
	if !e.OK() {
		return ttlNoKey
	}
	if due := e.Due(); due >= 0 {
		return due
	}
	return ttlNone
}

// seconds rounds milliseconds to the nearest second.
func seconds(ms int64) int64 { return (ms + 500) / 1000 }
