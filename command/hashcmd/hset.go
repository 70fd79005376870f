package hashcmd

import "kvorum/command"

var hsetSpec = &command.Spec{
	Name: "hset", Since: "2.0.0", Group: "hash",
	Complexity: "O(1) for each field/value pair added, so O(N) to add N field/value pairs when the command is called with multiple field/value pairs.",
	Summary:    "Gives fields of a hash their values.",
	Arity:      -4, Flags: command.Write | command.DenyOOM | command.Fast, Categories: command.CatHash,
	Keys:    []command.KeySpec{{Flags: command.RW | command.Update, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey},
	Handler: hset,
}

func hset(c *command.Ctx) {
	if len(c.Args)%2 != 0 {
		c.Err("-ERR wrong number of arguments for 'hset' command")
		return
	}
	e := c.Write(0)
	if !isHash(c, e) {
		return
	}
	h := orNew(c, e)
	created := 0
	for i := 2; i < len(c.Args); i += 2 {
		if h.Set(c.Args[i], c.Args[i+1], c.Packing.Hash, &c.Buf) {
			created++
		}
	}
	c.Dirty += (len(c.Args) - 2) / 2
	c.DB.Modified(c.Keys[0])
	c.Notify(command.NotifyHash, "hset", c.Keys[0].Bytes)
	c.W.Int(int64(created))
}
