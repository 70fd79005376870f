package strcmd

import (
	"kvorum/command"
	"kvorum/keyspace"
	"kvorum/num"
)

var getexSpec = &command.Spec{
	Name: "getex", Since: "6.2.0", Group: "string", Complexity: "O(1)",
	Summary: "Reads the string stored under a key and gives the key another time to live, or none.",
	Arity:   -2, Flags: command.Write | command.Fast, Categories: command.CatString,
	Keys: []command.KeySpec{{
		Flags: command.RW | command.Access | command.Update, Index: 1, Step: 1,
		Notes: "RW and UPDATE because it changes the TTL",
	}},
	Args: []command.Arg{
		argKey,
		{Name: "expiration", Type: "oneof", Optional: true, Args: []command.Arg{
			{Name: "seconds", Type: "integer", Token: "EX"},
			{Name: "milliseconds", Type: "integer", Token: "PX"},
			{Name: "unix-time-seconds", Type: "unix-time", Token: "EXAT"},
			{Name: "unix-time-milliseconds", Type: "unix-time", Token: "PXAT"},
			{Name: "persist", Type: "pure-token", Token: "PERSIST"},
		}},
	},
	Handler: getex,
}

func getex(c *command.Ctx) {
	var o setOptions
	if !o.parse(c, 2, setPersist|setExpire) {
		return
	}
	e := c.Read(0)
	if !e.OK() {
		c.W.Null()
		return
	}
	if !isString(c, e) {
		return
	}
	var due int64
	if o.flags&setExpire != 0 {
		var ok bool
		if due, ok = o.due(c); !ok {
			return
		}
	}
	c.W.Bulk(c.StringOf(e))
	o.apply(c, e, due)
}

// apply does what the options of a GETEX say about the TTL. A time of day that
// has passed deletes the key at once.
func (o *setOptions) apply(c *command.Ctx, e keyspace.Entry, due int64) {
	k := c.Keys[0]
	switch {
	case o.flags&setExpire != 0 && o.unit.absolute() && due <= c.Now:
		c.DB.Delete(k, e)
		c.Dirty++
		c.Effect(delName, k.Bytes)
		c.Notify(command.NotifyGeneric, "del", k.Bytes)
	case o.flags&setExpire != 0:
		c.DB.SetExpire(k, e, due)
		c.Dirty++
		c.Effect(pexpireatName, k.Bytes, num.AppendInt(c.Scratch[:0], due))
		c.Notify(command.NotifyGeneric, "expire", k.Bytes)
	case o.flags&setPersist != 0 && c.DB.Persist(k, e):
		c.Dirty++
		c.Effect(persistName, k.Bytes)
		c.Notify(command.NotifyGeneric, "persist", k.Bytes)
	}
}
