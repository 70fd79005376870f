package streamcmd

import (
	"kvorum/command"
	"kvorum/object/stream"
)

var xlenSpec = &command.Spec{
	Name: "xlen", Since: "5.0.0", Group: "stream",
	Complexity: "O(1)",
	Summary:    "Returns the number of entries of a stream.",
	Arity:      2, Flags: command.ReadOnly | command.Fast, Categories: command.CatStream,
	Keys: []command.KeySpec{{Flags: command.RO, Index: 1, Step: 1}},
	Args: []command.Arg{
		argKey,
	},
	Handler: xlen,
}

func xlen(c *command.Ctx) {
	e := c.Read(0)
	if !isStream(c, e) {
		return
	}
	if !e.OK() {
		c.W.Int(0)
		return
	}
	var s stream.Stream
	s.Open(e.Rec, &c.Buf)
	c.W.Int(int64(s.Len()))
}
