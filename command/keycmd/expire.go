package keycmd

import (
	"bytes"
	"math"

	"kvorum/command"
	"kvorum/num"
	"kvorum/object"
)

// expireRow makes the row of a command that sets a TTL.
func expireRow(name, since, summary string, arg command.Arg, handler command.Handler) *command.Spec {
	return &command.Spec{
		Name: name, Since: since, Group: "generic", Complexity: "O(1)", Summary: summary,
		Arity: -3, Flags: command.Write | command.Fast, Categories: command.CatKeyspace,
		History: []command.Change{{Since: "7.0.0", Text: "Added options: `NX`, `XX`, `GT` and `LT`."}},
		Keys:    oneUpdate,
		Args:    []command.Arg{argKey, arg, argCondition},
		Handler: handler,
	}
}

var argCondition = command.Arg{
	Name: "condition", Type: "oneof", Since: "7.0.0", Optional: true, Args: []command.Arg{
		{Name: "nx", Type: "pure-token", Token: "NX"},
		{Name: "xx", Type: "pure-token", Token: "XX"},
		{Name: "gt", Type: "pure-token", Token: "GT"},
		{Name: "lt", Type: "pure-token", Token: "LT"},
	},
}

var (
	expireSpec = expireRow("expire", "1.0.0", "Gives a key a time to live in seconds.",
		command.Arg{Name: "seconds", Type: "integer"}, expire)
	pexpireSpec = expireRow("pexpire", "2.6.0", "Gives a key a time to live in milliseconds.",
		command.Arg{Name: "milliseconds", Type: "integer"}, pexpire)
	expireatSpec = expireRow("expireat", "1.2.0", "Lets a key expire at a Unix time in seconds.",
		command.Arg{Name: "unix-time-seconds", Type: "unix-time"}, expireat)
	pexpireatSpec = expireRow("pexpireat", "2.6.0", "Lets a key expire at a Unix time in milliseconds.",
		command.Arg{Name: "unix-time-milliseconds", Type: "unix-time"}, pexpireat)
)

func expire(c *command.Ctx)    { expireFrom(c, c.Now, msPerSecond) }
func pexpire(c *command.Ctx)   { expireFrom(c, c.Now, 1) }
func expireat(c *command.Ctx)  { expireFrom(c, 0, msPerSecond) }
func pexpireat(c *command.Ctx) { expireFrom(c, 0, 1) }

const msPerSecond = 1000

// condition is a set of options of EXPIRE and its kin.
type condition uint8

const (
	ifNone    condition = 1 << iota // NX: the key has no TTL
	ifAny                           // XX: it has one
	ifGreater                       // GT: it expires earlier than asked for
	ifLess                          // LT: it expires later, or never
)

// expireFrom is the body of the family: argument 2 counts from base, which is in
// Unix milliseconds, in units of unit milliseconds.
func expireFrom(c *command.Ctx, base, unit int64) {
	cond, ok := parseCondition(c)
	if !ok {
		return
	}
	due, ok := parseDue(c, base, unit)
	if !ok {
		return
	}
	e := c.Write(0)
	if !e.OK() || !cond.met(e.Due(), due) {
		c.W.Int(0)
		return
	}
	k := c.Keys[0]
	c.Dirty++
	c.W.Int(1)
	// A log or a master tells of the removal itself: until then the key stays,
	// since a later command of the same stream may take the TTL away again.
	if due <= c.Now && c.Sess.Flags&command.Internal == 0 {
		c.DB.Delete(k, e)
		c.Effect(delName, k.Bytes)
		c.Notify(command.NotifyGeneric, "del", k.Bytes)
		return
	}
	c.DB.SetExpire(k, e, max(due, 1))
	feedDue(c, due, cond)
	c.Notify(command.NotifyGeneric, "expire", k.Bytes)
}

// feedDue feeds a due time. The conditions hold wherever the effect is replayed,
// as the data are the same there.
func feedDue(c *command.Ctx, due int64, cond condition) {
	var words [5][]byte
	words[0], words[1], words[2] = pexpireatName, c.Keys[0].Bytes, num.AppendInt(c.Scratch[:0], due)
	n := 3
	for bit, token := range conditionTokens {
		if cond>>uint(bit)&1 != 0 {
			words[n] = token
			n++
		}
	}
	c.Effect(words[:n]...)
}

// conditionTokens are the options by bit. At most two go together.
var conditionTokens = [...][]byte{[]byte("NX"), []byte("XX"), []byte("GT"), []byte("LT")}

// met compares the present due time (-1: none, which counts as infinite) with
// the one asked for.
func (cond condition) met(have, want int64) bool {
	switch {
	case cond&ifNone != 0 && have != -1:
		return false
	case cond&ifAny != 0 && have == -1:
		return false
	case cond&ifGreater != 0 && (have == -1 || want <= have):
		return false
	case cond&ifLess != 0 && have != -1 && want >= have:
		return false
	}
	return true
}

// parseCondition reads the options; ok is false after the error reply.
func parseCondition(c *command.Ctx) (cond condition, ok bool) {
	for i := 3; i < len(c.Args); i++ {
		switch {
		case c.Is(i, "nx"):
			cond |= ifNone
		case c.Is(i, "xx"):
			cond |= ifAny
		case c.Is(i, "gt"):
			cond |= ifGreater
		case c.Is(i, "lt"):
			cond |= ifLess
		default:
			word, _, _ := bytes.Cut(c.Args[i], []byte{0}) // Redis prints with %s
			c.Err("-ERR Unsupported option " + string(word))
			return 0, false
		}
	}
	switch {
	case cond&ifNone != 0 && cond != ifNone:
		c.Err("-ERR NX and XX, GT or LT options at the same time are not compatible")
		return 0, false
	case cond&ifGreater != 0 && cond&ifLess != 0:
		c.Err("-ERR GT and LT options at the same time are not compatible")
		return 0, false
	}
	return cond, true
}

// parseDue turns argument 2 into a due time in Unix milliseconds, which may be
// negative; ok is false after the error reply.
func parseDue(c *command.Ctx, base, unit int64) (due int64, ok bool) {
	n, ok := c.Int(2)
	if !ok {
		return 0, false
	}
	if n > math.MaxInt64/unit || n < math.MinInt64/unit || n*unit > math.MaxInt64-base {
		c.Err("-ERR invalid expire time in '" + c.Spec.FullName() + "' command")
		return 0, false
	}
	// COMPAT: due-max: a record has 56 bits for the due time.
	return min(n*unit+base, object.DueMax), true
}
