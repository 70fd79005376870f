package hashcmd

import (
	"kvorum/command"
	"kvorum/object/hash"
)

var hpersistSpec = &command.Spec{
	Name: "hpersist", Since: "7.4.0", Group: "hash",
	Complexity: fieldsComplexity,
	Summary:    "Takes the TTL of fields of a hash.",
	Arity:      -5, Flags: command.Write | command.Fast, Categories: command.CatHash,
	Keys:    []command.KeySpec{{Flags: command.RW | command.Update, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey, argFields},
	Handler: hpersist,
}

func hpersist(c *command.Ctx) {
	e := c.Write(0)
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
	persisted := false
	for _, f := range fields {
		due, ok := h.Due(f)
		switch {
		case !ok:
			c.W.Int(fieldAbsent)
		case due == 0:
			c.W.Int(fieldNoTTL)
		default:
			h.SetDue(f, 0, &c.Buf)
			persisted = true
			c.W.Int(fieldChanged)
		}
	}
	if persisted {
		changed(c, "hpersist", 1)
	}
}
