package strcmd

import "kvorum/command"

var getdelSpec = &command.Spec{
	Name: "getdel", Since: "6.2.0", Group: "string", Complexity: "O(1)",
	Summary: "Reads the string stored under a key and deletes the key.",
	Arity:   2, Flags: command.Write | command.Fast, Categories: command.CatString,
	Keys:    []command.KeySpec{{Flags: command.RW | command.Access | command.Delete, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey},
	Handler: getdel,
}

func getdel(c *command.Ctx) {
	e := c.Read(0)
	if !isString(c, e) {
		return
	}
	replyString(c, e)
	if !e.OK() {
		return
	}
	k := c.Keys[0]
	c.DB.Delete(k, e)
	c.Dirty++
	c.Effect(delName, k.Bytes)
	c.Notify(command.NotifyGeneric, "del", k.Bytes)
}
