package bitcmd

import (
	"kvorum/command"
	"kvorum/ds/bitmap"
)

var getbitSpec = &command.Spec{
	Name: "getbit", Since: "2.2.0", Group: "bitmap", Complexity: "O(1)",
	Summary: "Reads one bit of the string stored under a key; behind its end all bits are 0.",
	Arity:   3, Flags: command.ReadOnly | command.Fast, Categories: command.CatBitmap,
	Keys:    keyRead,
	Args:    []command.Arg{argKey, argOffset},
	Handler: getbit,
}

func getbit(c *command.Ctx) {
	at, ok := offset(c, 2, 0)
	if !ok {
		return
	}
	e := c.Read(0)
	if !isString(c, e) {
		return
	}
	c.W.Int(int64(bitmap.Bit(bitsOf(c, e), at)))
}
