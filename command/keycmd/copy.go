package keycmd

import (
	"kvorum/command"
	"kvorum/keyspace"
)

var copySpec = &command.Spec{
	Name: "copy", Since: "6.2.0", Group: "generic",
	Complexity: "O(N) worst case for collections, where N is the number of nested items. O(1) for string values.",
	Summary:    "Copies the value of a key to another key.",
	Arity:      -3, Flags: command.Write | command.DenyOOM, Categories: command.CatKeyspace,
	Keys: []command.KeySpec{
		{Flags: command.RO | command.Access, Index: 1, Step: 1},
		{Flags: command.OW | command.Update, Index: 2, Step: 1},
	},
	Args: []command.Arg{
		{Name: "source", Type: "key", Key: 1},
		{Name: "destination", Type: "key", Key: 2},
		{Name: "destination-db", Type: "integer", Token: "DB", Optional: true},
		{Name: "replace", Type: "pure-token", Token: "REPLACE", Optional: true},
	},
	Handler: copyKey,
}

func copyKey(c *command.Ctx) {
	to, replace, ok := copyOptions(c)
	if !ok {
		return
	}
	src, dst := c.Keys[0], c.Keys[1]
	if to == c.DB && string(src.Bytes) == string(dst.Bytes) {
		c.Err(command.ErrSameObject)
		return
	}
	if !c.Read(0).OK() {
		c.W.Int(0)
		return
	}
	if old := c.FindIn(to, dst); old.OK() {
		if !replace {
			c.W.Int(0)
			return
		}
		to.Delete(dst, old)
	}
	to.Copy(c.DB.Find(src), dst, c.Access)
	c.Dirty++
	c.NotifyIn(to.Index(), command.NotifyNew, "new", dst.Bytes)
	c.NotifyIn(to.Index(), command.NotifyGeneric, "copy_to", dst.Bytes)
	c.W.Int(1)
}

// copyOptions reads the options; ok is false after the error reply.
func copyOptions(c *command.Ctx) (to *keyspace.DB, replace, ok bool) {
	to = c.DB
	for i := 3; i < len(c.Args); i++ {
		switch {
		case c.Is(i, "replace"):
			replace = true
		case c.Is(i, "db") && i+1 < len(c.Args):
			i++
			if to, ok = database(c, i); !ok {
				return nil, false, false
			}
		default:
			c.Err(command.ErrSyntax)
			return nil, false, false
		}
	}
	return to, replace, true
}
