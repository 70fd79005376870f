package streamcmd

import (
	"kvorum/command"
	"kvorum/object/stream"
)

var xackSpec = &command.Spec{
	Name: "xack", Since: "5.0.0", Group: "stream",
	Complexity: "O(1) for each message ID processed.",
	Summary:    "Marks entries as processed by a group: they are pending no more. Returns how many were.",
	Arity:      -4, Flags: command.Write | command.Fast, Categories: command.CatStream,
	Keys: []command.KeySpec{{Flags: command.RW | command.Update, Index: 1, Step: 1}},
	Args: []command.Arg{
		argKey,
		argGroup,
		{Name: "id", Type: "string", Multiple: true},
	},
	Handler: xack,
}

func xack(c *command.Ctx) {
	var s stream.Stream
	g, found, ok := groupOf(c, c.Args[2], &s)
	if !ok {
		return
	}
	if !found {
		c.W.Int(0)
		return
	}
	var ids idSeq
	if !ids.read(c, 3) {
		return
	}
	n := 0
	for i := range ids.n {
		if g.Ack(ids.at(i)) {
			n++
		}
	}
	c.Dirty += n
	c.W.Int(int64(n))
}
