package keycmd

import "kvorum/command"

var renameSpec = &command.Spec{
	Name: "rename", Since: "1.0.0", Group: "generic", Complexity: "O(1)",
	Summary: "Gives a key another name; a key of that name is replaced.",
	Arity:   3, Flags: command.Write, Categories: command.CatKeyspace,
	Keys: []command.KeySpec{
		{Flags: command.RW | command.Access | command.Delete, Index: 1, Step: 1},
		{Flags: command.OW | command.Update, Index: 2, Step: 1},
	},
	Args:    renameArgs,
	Handler: rename,
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
	Args:    renameArgs,
	Handler: renamenx,
}

var renameArgs = []command.Arg{argKey, {Name: "newkey", Type: "key", Key: 2}}

func rename(c *command.Ctx) {
	if !c.Write(0).OK() {
		c.Err(command.ErrNoSuchKey)
		return
	}
	if string(c.Keys[0].Bytes) != string(c.Keys[1].Bytes) {
		if old := c.Write(1); old.OK() {
			c.DB.Drop(c.Keys[1], old)
		}
		renamed(c)
	}
	c.W.OK()
}

func renamenx(c *command.Ctx) {
	if !c.Write(0).OK() {
		c.Err(command.ErrNoSuchKey)
		return
	}
	if c.Write(1).OK() {
		c.W.Int(0)
		return
	}
	renamed(c)
	c.W.Int(1)
}

// renamed moves key 0, which exists, to key 1, which does not.
func renamed(c *command.Ctx) {
	src, dst := c.Keys[0], c.Keys[1]
	c.DB.Rename(src, c.DB.Find(src), c.DB, dst, c.Access)
	c.Dirty++
	c.Notify(command.NotifyNew, "new", dst.Bytes)
	c.Notify(command.NotifyGeneric, "rename_from", src.Bytes)
	c.Notify(command.NotifyGeneric, "rename_to", dst.Bytes)
}
