package hashcmd

import (
	"kvorum/command"
	"kvorum/num"
	"kvorum/object/hash"
)

// hexpireRow makes the row of a command that sets the TTL of fields.
func hexpireRow(name, summary string, arg command.Arg, handler command.Handler) *command.Spec {
	return &command.Spec{
		Name: name, Since: "7.4.0", Group: "hash",
		Complexity: fieldsComplexity,
		Summary:    summary,
		Arity:      -6, Flags: command.Write | command.DenyOOM | command.Fast, Categories: command.CatHash,
		Keys:    []command.KeySpec{{Flags: command.RW | command.Update, Index: 1, Step: 1}},
		Args:    []command.Arg{argKey, arg, argCondition, argFields},
		Handler: handler,
	}
}

const fieldsComplexity = "O(N) where N is the number of specified fields"

var argCondition = command.Arg{
	Name: "condition", Type: "oneof", Optional: true, Args: []command.Arg{
		{Name: "nx", Type: "pure-token", Token: "NX"},
		{Name: "xx", Type: "pure-token", Token: "XX"},
		{Name: "gt", Type: "pure-token", Token: "GT"},
		{Name: "lt", Type: "pure-token", Token: "LT"},
	},
}

var argFields = command.Arg{
	Name: "fields", Type: "block", Token: "FIELDS", Args: []command.Arg{
		{Name: "numfields", Type: "integer"},
		{Name: "field", Type: "string", Multiple: true},
	},
}

var (
	hexpireSpec = hexpireRow("hexpire", "Gives fields of a hash a time to live in seconds.",
		command.Arg{Name: "seconds", Type: "integer"}, hexpire)
	hpexpireSpec = hexpireRow("hpexpire", "Gives fields of a hash a time to live in milliseconds.",
		command.Arg{Name: "milliseconds", Type: "integer"}, hpexpire)
	hexpireatSpec = hexpireRow("hexpireat", "Lets fields of a hash expire at a Unix time in seconds.",
		command.Arg{Name: "unix-time-seconds", Type: "unix-time"}, hexpireat)
	hpexpireatSpec = hexpireRow("hpexpireat", "Lets fields of a hash expire at a Unix time in milliseconds.",
		command.Arg{Name: "unix-time-milliseconds", Type: "unix-time"}, hpexpireat)
)

func hexpire(c *command.Ctx)    { expireFields(c, c.Now, msPerSecond) }
func hpexpire(c *command.Ctx)   { expireFields(c, c.Now, 1) }
func hexpireat(c *command.Ctx)  { expireFields(c, 0, msPerSecond) }
func hpexpireat(c *command.Ctx) { expireFields(c, 0, 1) }

const msPerSecond = 1000

// The replies for a field.
const (
	fieldAbsent  = -2 // no such key or field
	fieldNoTTL   = -1 // HTTL, HPERSIST: there is no TTL
	fieldUnmet   = 0  // HEXPIRE: the condition is not met
	fieldChanged = 1
	fieldDeleted = 2 // HEXPIRE: the time is past
)

// condition is the option of HEXPIRE and its kin, one at most.
type condition uint8

const (
	always condition = iota
	ifNone
	ifAny
	ifGreater
	ifLess
)

// conditionTokens are the options as they are fed.
var conditionTokens = [...][]byte{always: nil, ifNone: []byte("NX"), ifAny: []byte("XX"), ifGreater: []byte("GT"), ifLess: []byte("LT")}

// met compares the due time that a field has, 0 for none, which counts as infinite,
// with the one asked for.
func (cond condition) met(have, want int64) bool {
	switch cond {
	case ifNone:
		return have == 0
	case ifAny:
		return have != 0
	case ifGreater:
		return have != 0 && want > have
	case ifLess:
		return have == 0 || want < have
	}
	return true
}

// expireFields is the body of the family: argument 2 counts from base, which is in
// Unix milliseconds, in units of unit milliseconds.
func expireFields(c *command.Ctx, base, unit int64) {
	e := c.Write(0)
	var h hash.Hash
	if !openHash(c, &e, &h) {
		return
	}
	due, ok := parseDue(c, base, unit)
	if !ok {
		return
	}
	cond := parseCondition(c)
	at := 3
	if cond != always {
		at++
	}
	fields, ok := parseFields(c, at, "-ERR Parameter `numFields` should be greater than 0")
	if !ok {
		return
	}
	c.W.Array(len(fields))
	if !e.OK() {
		replyEach(c, fields, fieldAbsent)
		return
	}
	h.MakeTimed() // also if no field gets a TTL, as OBJECT ENCODING of Redis shows
	// A log or a master tells of the removal itself: until then the field stays.
	if due <= c.Now && c.Sess.Flags&command.Internal == 0 {
		deleted := deleteFields(c, &h, fields, cond, due)
		if deleted == 0 {
			return
		}
		changed(c, "hdel", deleted)
		if h.Stored() == 0 {
			k := c.Keys[0]
			c.DB.Delete(k, e)
			c.Notify(command.NotifyGeneric, "del", k.Bytes)
		}
		return
	}
	if n := setFieldsDue(c, &h, fields, cond, max(due, 1)); n > 0 {
		c.DB.ScheduleFields(c.Keys[0], e.Rec)
		changed(c, "hexpire", n)
	}
}

// parseDue turns argument 2 into a due time in Unix milliseconds; ok is false after
// the error reply.
func parseDue(c *command.Ctx, base, unit int64) (due int64, ok bool) {
	n, ok := c.Int(2)
	if !ok {
		return 0, false
	}
	if n < 0 {
		c.Err("-ERR invalid expire time, must be >= 0")
		return 0, false
	}
	if n > hash.DueMax/unit || n*unit > hash.DueMax-base {
		c.Err("-ERR invalid expire time in '" + c.Spec.FullName() + "' command")
		return 0, false
	}
	return n*unit + base, true
}

// parseCondition reads the option that argument 3 may be.
func parseCondition(c *command.Ctx) condition {
	switch {
	case c.Is(3, "nx"):
		return ifNone
	case c.Is(3, "xx"):
		return ifAny
	case c.Is(3, "gt"):
		return ifGreater
	case c.Is(3, "lt"):
		return ifLess
	}
	return always
}

// parseFields reads FIELDS, the number of fields and the fields, which end the
// request, from argument at on. badCount is the error of a count that is no positive
// integer; ok is false after the error reply.
func parseFields(c *command.Ctx, at int, badCount string) (fields [][]byte, ok bool) {
	if !c.Is(at, "fields") {
		c.Err("-ERR Mandatory argument FIELDS is missing or not at the right position")
		return nil, false
	}
	n, ok := num.ParseInt64(c.Args[at+1])
	if !ok || n < 1 {
		c.Err(badCount)
		return nil, false
	}
	fields = c.Args[at+2:]
	if n != int64(len(fields)) {
		c.Err("-ERR The `numfields` parameter must match the number of arguments")
		return nil, false
	}
	return fields, true
}

// replyEach replies the same for each field.
func replyEach(c *command.Ctx, fields [][]byte, reply int64) {
	for range fields {
		c.W.Int(reply)
	}
}

var hdelName = []byte("HDEL")

// deleteFields removes those of the fields whose TTL may become one that is past,
// replies for each, and returns how many there were.
func deleteFields(c *command.Ctx, h *hash.Hash, fields [][]byte, cond condition, due int64) (deleted int) {
	for _, f := range fields {
		have, ok := h.Due(f)
		switch {
		case !ok:
			c.W.Int(fieldAbsent)
		case !cond.met(have, due):
			c.W.Int(fieldUnmet)
		default:
			h.Delete(f)
			deleted++
			c.Effect(hdelName, c.Keys[0].Bytes, f)
			c.W.Int(fieldDeleted)
		}
	}
	return deleted
}

var (
	hpexpireatName = []byte("HPEXPIREAT")
	fieldsName     = []byte("FIELDS")
)

// setFieldsDue gives those of the fields that may have it the due time, replies for
// each, feeds it, and returns how many there were.
func setFieldsDue(c *command.Ctx, h *hash.Hash, fields [][]byte, cond condition, due int64) (set int) {
	words := append(c.Words[:0], hpexpireatName, c.Keys[0].Bytes, num.AppendInt(c.Scratch[:0], due))
	if cond != always {
		words = append(words, conditionTokens[cond])
	}
	words = append(words, fieldsName, nil)
	head := len(words)
	for _, f := range fields {
		have, ok := h.Due(f)
		switch {
		case !ok:
			c.W.Int(fieldAbsent)
		case !cond.met(have, due):
			c.W.Int(fieldUnmet)
		default:
			h.SetDue(f, due, &c.Buf)
			words = append(words, f)
			c.W.Int(fieldChanged)
		}
	}
	set = len(words) - head
	if set > 0 {
		words[head-1] = num.AppendInt(c.Scratch[32:32], int64(set))
		c.Effect(words...)
	}
	c.Words = words
	return set
}
