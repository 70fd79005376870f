package hashcmd

import (
	"kvorum/command"
	"kvorum/object/hash"
)

// httlRow makes the row of a command that tells the TTL of fields.
func httlRow(name, summary string, handler command.Handler) *command.Spec {
	return &command.Spec{
		Name: name, Since: "7.4.0", Group: "hash",
		Complexity: fieldsComplexity,
		Summary:    summary,
		Arity:      -5, Flags: command.ReadOnly | command.Fast, Categories: command.CatHash,
		Keys:    []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
		Args:    []command.Arg{argKey, argFields},
		Handler: handler,
	}
}

var (
	httlSpec         = httlRow("httl", "Tells how many seconds fields of a hash have left to live.", httl)
	hpttlSpec        = httlRow("hpttl", "Tells how many milliseconds fields of a hash have left to live.", hpttl)
	hexpiretimeSpec  = httlRow("hexpiretime", "Tells when fields of a hash expire, as Unix times in seconds.", hexpiretime)
	hpexpiretimeSpec = httlRow("hpexpiretime", "Tells when fields of a hash expire, as Unix times in milliseconds.", hpexpiretime)
)

func httl(c *command.Ctx)         { tellDue(c, c.Now, msPerSecond) }
func hpttl(c *command.Ctx)        { tellDue(c, c.Now, 1) }
func hexpiretime(c *command.Ctx)  { tellDue(c, 0, msPerSecond) }
func hpexpiretime(c *command.Ctx) { tellDue(c, 0, 1) }

// errFieldCount is the error of commands whose only option are the fields.
const errFieldCount = "-ERR Number of fields must be a positive integer"

// tellDue is the body of the family: it replies due times from base on, which is in
// Unix milliseconds, in units of unit milliseconds, rounded up.
func tellDue(c *command.Ctx, base, unit int64) {
	e := c.Read(0)
	var h hash.Hash
	if !openHash(c, &e, &h) {
		return
	}
	fields, ok := parseFields(c, 2, errFieldCount)
	if !ok {
		return
	}
	c.W.Array(len(fields))
	if !e.OK() {
		replyEach(c, fields, fieldAbsent)
		return
	}
	for _, f := range fields {
		due, ok := h.Due(f)
		switch {
		case !ok:
			c.W.Int(fieldAbsent)
		case due == 0:
			c.W.Int(fieldNoTTL)
		default:
			c.W.Int((max(due-base, 0) + unit - 1) / unit)
		}
	}
}
