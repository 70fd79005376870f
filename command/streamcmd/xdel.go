package streamcmd

import (
	"kvorum/command"
	"kvorum/object/stream"
)

var xdelSpec = &command.Spec{
	Name: "xdel", Since: "5.0.0", Group: "stream",
	Complexity: "O(1) for each single item to delete in the stream, regardless of the stream size.",
	Summary:    "Removes entries from a stream by their ids. Returns how many there were.",
	Arity:      -3, Flags: command.Write | command.Fast, Categories: command.CatStream,
	Keys: []command.KeySpec{{Flags: command.RW | command.Delete, Index: 1, Step: 1}},
	Args: []command.Arg{
		argKey,
		{Name: "id", Type: "string", Multiple: true},
	},
	Handler: xdel,
}

func xdel(c *command.Ctx) {
	e := c.Write(0)
	if !isStream(c, e) {
		return
	}
	if !e.OK() {
		c.W.Int(0)
		return
	}
	var ids idSeq
	if !ids.read(c, 2) {
		return
	}
	var s stream.Stream
	s.Open(e.Rec, &c.Buf)
	n := 0
	for i := range ids.n {
		id := ids.at(i)
		if !s.Delete(id) {
			continue
		}
		if s.MaxDeleted().Less(id) {
			s.SetMaxDeleted(id)
		}
		n++
	}
	if n > 0 {
		c.DB.Modified(c.Keys[0])
		c.Notify(command.NotifyStream, "xdel", c.Keys[0].Bytes)
		c.Dirty += n
	}
	c.W.Int(int64(n))
}
