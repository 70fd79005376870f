package keycmd

import (
	"kvorum/command"
	"kvorum/keyspace"
	"kvorum/num"
)

var renameKeys = []command.KeySpec{
	{Flags: command.RW | command.Access | command.Delete, Index: 1, Step: 1},
	{Flags: command.OW | command.Update, Index: 2, Step: 1},
}

var renameSpec = &command.Spec{
	Name: "rename", Since: "1.0.0", Group: "generic", Complexity: "O(1)",
	Summary: "Gives a key another name; a key of that name is replaced.",
	Arity:   3, Flags: command.Write, Categories: command.CatKeyspace,
	Keys: renameKeys,
	Args: []command.Arg{keyArg, {Name: "newkey", Type: "key", Key: 2}},
	Handler: func(c *command.Ctx) {
		if rename(c, false) {
			c.W.OK()
		}
	},
}

var renamenxSpec = &command.Spec{
	Name: "renamenx", Since: "1.0.0", Group: "generic", Complexity: "O(1)",
	Summary: "Gives a key another name unless a key of that name exists.",
	Arity:   3, Flags: command.Write | command.Fast, Categories: command.CatKeyspace,
	History: []command.Change{{Since: "3.2.0", Text: "The command no longer returns an error when source and destination names are the same."}},
	Keys: []command.KeySpec{
		{Flags: command.RW | command.Access | command.Delete, Index: 1, Step: 1},
		{Flags: command.OW | command.Insert, Index: 2, Step: 1},
	},
	Args: []command.Arg{keyArg, {Name: "newkey", Type: "key", Key: 2}},
	Handler: func(c *command.Ctx) {
		if rename(c, true) {
			c.W.Int(1)
		}
	},
}

// rename is the body of RENAME and RENAMENX. It returns false when it has
// replied already.
func rename(c *command.Ctx, nx bool) bool {
	e := c.Write(0)
	if !e.OK() {
		c.Err(command.ErrNoSuchKey)
		return false
	}
	src, dst := c.Keys[0], c.Keys[1]
	if string(src.Bytes) == string(dst.Bytes) {
		if nx {
			c.W.Int(0)
			return false
		}
		return true
	}
	if old := c.Peek(1); old.OK() {
		if nx {
			c.W.Int(0)
			return false
		}
		c.DB.Delete(dst, old)
		e = c.DB.Find(src) // the deletion may have moved it
	}
	c.DB.Rename(src, e, c.DB, dst)
	c.Notify(command.NotifyGeneric, "rename_from", src.Bytes)
	c.Notify(command.NotifyGeneric, "rename_to", dst.Bytes)
	c.Dirty++
	return true
}

var moveSpec = &command.Spec{
	Name: "move", Since: "1.0.0", Group: "generic", Complexity: "O(1)",
	Summary: "Moves a key to another database.",
	Arity:   3, Flags: command.Write | command.Fast, Categories: command.CatKeyspace,
	Keys:    []command.KeySpec{{Flags: command.RW | command.Access | command.Delete, Index: 1, Step: 1}},
	Args:    []command.Arg{keyArg, {Name: "db", Type: "integer"}},
	Handler: move,
}

func move(c *command.Ctx) {
	n, ok := num.ParseInt64(c.Args[2])
	to := (*keyspace.DB)(nil)
	if ok && n >= -1<<31 && n < 1<<31 {
		to = c.KS.DB(int(n))
	} else {
		c.Err("-ERR value is not an integer or out of range")
		return
	}
	if to == nil {
		c.Err(command.ErrBadDB)
		return
	}
	if to == c.DB {
		c.Err(command.ErrSameObject)
		return
	}
	k := c.Keys[0]
	e := c.Write(0)
	if !e.OK() || c.FindIn(to, k).OK() {
		c.W.Int(0)
		return
	}
	c.DB.Rename(k, e, to, k)
	c.Notify(command.NotifyGeneric, "move_from", k.Bytes)
	c.NotifyIn(to.Index(), command.NotifyGeneric, "move_to", k.Bytes)
	c.Dirty++
	c.W.Int(1)
}

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
	to, replace := c.DB, false
	for i := 3; i < len(c.Args); i++ {
		switch {
		case c.Is(i, "replace"):
			replace = true
		case c.Is(i, "db") && i+1 < len(c.Args):
			i++
			n, ok := num.ParseInt64(c.Args[i])
			if !ok || n < -1<<31 || n >= 1<<31 {
				c.Err(command.ErrNotInt)
				return
			}
			if to = c.KS.DB(int(n)); to == nil {
				c.Err(command.ErrBadDB)
				return
			}
		default:
			c.Err(command.ErrSyntax)
			return
		}
	}
	src, dst := c.Keys[0], c.Keys[1]
	if to == c.DB && string(src.Bytes) == string(dst.Bytes) {
		c.Err(command.ErrSameObject)
		return
	}
	e := c.Read(0)
	if !e.OK() {
		c.W.Int(0)
		return
	}
	if old := c.FindIn(to, dst); old.OK() {
		if !replace {
			c.W.Int(0)
			return
		}
		to.Delete(dst, old)
		e = c.DB.Find(src)
	}
	c.DB.Copy(e, to, dst)
	c.NotifyIn(to.Index(), command.NotifyGeneric, "copy_to", dst.Bytes)
	c.Dirty++
	c.W.Int(1)
}
