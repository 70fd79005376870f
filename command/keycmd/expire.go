package keycmd

import (
	"math"

	"kvorum/command"
	"kvorum/num"
)

var expireConditions = command.Arg{
	Name: "condition", Type: "oneof", Since: "7.0.0", Optional: true, Args: []command.Arg{
		{Name: "nx", Type: "pure-token", Token: "NX"},
		{Name: "xx", Type: "pure-token", Token: "XX"},
		{Name: "gt", Type: "pure-token", Token: "GT"},
		{Name: "lt", Type: "pure-token", Token: "LT"},
	},
}

// expireRow makes the rows of the four commands that set a TTL.
func expireRow(name, since, summary string, arg command.Arg, secs, abs bool) *command.Spec {
	return &command.Spec{
		Name: name, Since: since, Group: "generic", Complexity: "O(1)", Summary: summary,
		Arity: -3, Flags: command.Write | command.Fast, Categories: command.CatKeyspace,
		History: []command.Change{{Since: "7.0.0", Text: "Added options: `NX`, `XX`, `GT` and `LT`."}},
		Keys:    oneUpdate,
		Args:    []command.Arg{keyArg, arg, expireConditions},
		Handler: func(c *command.Ctx) { expire(c, secs, abs) },
	}
}

var (
	expireSpec = expireRow("expire", "1.0.0", "Gives a key a time to live in seconds.",
		command.Arg{Name: "seconds", Type: "integer"}, true, false)
	pexpireSpec = expireRow("pexpire", "2.6.0", "Gives a key a time to live in milliseconds.",
		command.Arg{Name: "milliseconds", Type: "integer"}, false, false)
	expireatSpec = expireRow("expireat", "1.2.0", "Lets a key expire at a Unix time in seconds.",
		command.Arg{Name: "unix-time-seconds", Type: "unix-time"}, true, true)
	pexpireatSpec = expireRow("pexpireat", "2.6.0", "Lets a key expire at a Unix time in milliseconds.",
		command.Arg{Name: "unix-time-milliseconds", Type: "unix-time"}, false, true)
)

// conditions of EXPIRE and its kin.
const (
	ifNone    = 1 << iota // NX
	ifAny                 // XX
	ifGreater             // GT
	ifLess                // LT
)

func expireOptions(c *command.Ctx) (flags int, ok bool) {
	for i := 3; i < len(c.Args); i++ {
		switch {
		case c.Is(i, "nx"):
			flags |= ifNone
		case c.Is(i, "xx"):
			flags |= ifAny
		case c.Is(i, "gt"):
			flags |= ifGreater
		case c.Is(i, "lt"):
			flags |= ifLess
		default:
			c.Err("-ERR Unsupported option " + string(c.Args[i]))
			return 0, false
		}
	}
	if flags&ifNone != 0 && flags != ifNone {
		c.Err("-ERR NX and XX, GT or LT options at the same time are not compatible")
		return 0, false
	}
	if flags&ifGreater != 0 && flags&ifLess != 0 {
		c.Err("-ERR GT and LT options at the same time are not compatible")
		return 0, false
	}
	return flags, true
}

// expireTime turns argument 2 into a due time in Unix milliseconds.
func expireTime(c *command.Ctx, secs, abs bool) (due int64, ok bool) {
	if due, ok = c.Int(2); !ok {
		return 0, false
	}
	invalid := false
	if secs {
		invalid = due > math.MaxInt64/1000 || due < math.MinInt64/1000
		due *= 1000
	}
	if !abs && !invalid {
		invalid = due > math.MaxInt64-c.Now
		due += c.Now
	}
	if invalid {
		c.Err("-ERR invalid expire time in '" + c.Spec.FullName() + "' command")
		return 0, false
	}
	return due, true
}

func expire(c *command.Ctx, secs, abs bool) {
	flags, ok := expireOptions(c)
	if !ok {
		return
	}
	due, ok := expireTime(c, secs, abs)
	if !ok {
		return
	}
	e := c.Write(0)
	if !e.OK() || !conditionMet(flags, e.Due(), due) {
		c.W.Int(0)
		return
	}
	k := c.Keys[0]
	if due <= c.Now {
		c.DB.Delete(k, e)
		c.Dirty++
		c.Effect(delName, k.Bytes)
		c.Notify(command.NotifyGeneric, "del", k.Bytes)
		c.W.Int(1)
		return
	}
	c.DB.SetExpire(k, e, due)
	c.Dirty++
	c.Notify(command.NotifyGeneric, "expire", k.Bytes)
	if c.Feed != nil {
		var buf [24]byte
		c.Effect(pexpireatName, k.Bytes, num.AppendInt(buf[:0], due))
	}
	c.W.Int(1)
}

var (
	delName       = []byte("DEL")
	pexpireatName = []byte("PEXPIREAT")
)

// conditionMet compares the present due time (-1: none, which counts as
// infinite) with the wanted one.
func conditionMet(flags int, have, want int64) bool {
	switch {
	case flags&ifNone != 0 && have != -1:
		return false
	case flags&ifAny != 0 && have == -1:
		return false
	case flags&ifGreater != 0 && (have == -1 || want <= have):
		return false
	case flags&ifLess != 0 && have != -1 && want >= have:
		return false
	}
	return true
}

// ttlRow makes the rows of the commands that tell a TTL.
func ttlRow(name, since, summary string, handler command.Handler) *command.Spec {
	s := &command.Spec{
		Name: name, Since: since, Group: "generic", Complexity: "O(1)", Summary: summary,
		Arity: 2, Flags: command.ReadOnly | command.Fast, Categories: command.CatKeyspace,
		Keys: oneAccess, Args: []command.Arg{keyArg}, Handler: handler,
	}
	return s
}

var (
	ttlSpec = ttlRow("ttl", "1.0.0", "Tells how many seconds a key has left to live.",
		func(c *command.Ctx) { ttl(c, true, false) })
	pttlSpec = ttlRow("pttl", "2.6.0", "Tells how many milliseconds a key has left to live.",
		func(c *command.Ctx) { ttl(c, false, false) })
	expiretimeSpec = ttlRow("expiretime", "7.0.0", "Tells when a key expires, as a Unix time in seconds.",
		func(c *command.Ctx) { ttl(c, true, true) })
	pexpiretimeSpec = ttlRow("pexpiretime", "7.0.0", "Tells when a key expires, as a Unix time in milliseconds.",
		func(c *command.Ctx) { ttl(c, false, true) })
)

func ttl(c *command.Ctx, secs, abs bool) {
	e := c.ReadNoTouch(0)
	if !e.OK() {
		c.W.Int(-2)
		return
	}
	left := e.Due()
	if left == -1 {
		c.W.Int(-1)
		return
	}
	if !abs {
		left = max(left-c.Now, 0)
	}
	if secs {
		left = (left + 500) / 1000
	}
	c.W.Int(left)
}

var persistSpec = &command.Spec{
	Name: "persist", Since: "2.2.0", Group: "generic", Complexity: "O(1)",
	Summary: "Takes the time to live from a key.",
	Arity:   2, Flags: command.Write | command.Fast, Categories: command.CatKeyspace,
	Keys: oneUpdate, Args: []command.Arg{keyArg},
	Handler: persist,
}

func persist(c *command.Ctx) {
	if e := c.Write(0); e.OK() && c.DB.Persist(c.Keys[0], e) {
		c.Dirty++
		c.Notify(command.NotifyGeneric, "persist", c.Keys[0].Bytes)
		c.W.Int(1)
		return
	}
	c.W.Int(0)
}
