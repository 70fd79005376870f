package keycmd

import (
	"math"

	"kvorum/command"
	"kvorum/keyspace"
)

var moveSpec = &command.Spec{
	Name: "move", Since: "1.0.0", Group: "generic", Complexity: "O(1)",
	Summary: "Moves a key to another database.",
	Arity:   3, Flags: command.Write | command.Fast, Categories: command.CatKeyspace,
	Keys:    []command.KeySpec{{Flags: command.RW | command.Access | command.Update, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey, {Name: "db", Type: "integer"}},
	Handler: move,
}

func move(c *command.Ctx) {
	to, ok := database(c, 2)
	if !ok {
		return
	}
	if to == c.DB {
		c.Err(command.ErrSameObject)
		return
	}
	// The key's shard is the same in all databases: its lock is held.
	k := c.Keys[0]
	e := c.Write(0)
	if !e.OK() || c.FindIn(to, k).OK() {
		c.W.Int(0)
		return
	}
	c.DB.Rename(k, e, to, k, c.Access)
	c.Dirty++
	c.NotifyIn(to.Index(), command.NotifyNew, "new", k.Bytes)
	c.Notify(command.NotifyGeneric, "move_from", k.Bytes)
	c.NotifyIn(to.Index(), command.NotifyGeneric, "move_to", k.Bytes)
	c.W.Int(1)
}

const errNotInt32 = "-ERR value is out of range, value must between -2147483648 and 2147483647"

// database returns the database that argument i names; ok is false after the
// error reply.
func database(c *command.Ctx, i int) (db *keyspace.DB, ok bool) {
	n, ok := c.Int(i)
	if !ok {
		return nil, false
	}
	if n < math.MinInt32 || n > math.MaxInt32 {
		c.Err(errNotInt32)
		return nil, false
	}
	if db = c.KS.DB(int(n)); db == nil {
		c.Err(command.ErrBadDB)
		return nil, false
	}
	return db, true
}
