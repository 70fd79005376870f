package streamcmd

import (
	"kvorum/command"
	"kvorum/object/stream"
)

var xtrimSpec = &command.Spec{
	Name: "xtrim", Since: "5.0.0", Group: "stream",
	Complexity: "O(N), with N being the number of evicted entries. Constant times are very small however, since entries are organized in macro nodes containing multiple entries that can be released with a single deallocation.",
	Summary:    "Removes entries from the start of a stream. Returns how many there were.",
	Arity:      -4, Flags: command.Write, Categories: command.CatStream,
	Tips: []string{"nondeterministic_output"},
	History: []command.Change{
		{Since: "6.2.0", Text: "Added the `MINID` trimming strategy and the `LIMIT` option."},
	},
	Keys: []command.KeySpec{{Flags: command.RW | command.Delete, Index: 1, Step: 1}},
	Args: []command.Arg{
		argKey,
		{Name: "trim", Type: "block", Args: []command.Arg{
			{Name: "strategy", Type: "oneof", Args: []command.Arg{
				{Name: "maxlen", Type: "pure-token", Token: "MAXLEN"},
				{Name: "minid", Type: "pure-token", Token: "MINID", Since: "6.2.0"},
			}},
			{Name: "operator", Type: "oneof", Optional: true, Args: []command.Arg{
				{Name: "equal", Type: "pure-token", Token: "="},
				{Name: "approximately", Type: "pure-token", Token: "~"},
			}},
			{Name: "threshold", Type: "string"},
			{Name: "count", Type: "integer", Token: "LIMIT", Since: "6.2.0", Optional: true},
		}},
	},
	Handler: xtrim,
}

func xtrim(c *command.Ctx) {
	var o options
	if !o.parse(c, false) {
		return
	}
	e := c.Write(0)
	if !isStream(c, e) {
		return
	}
	if !e.OK() {
		c.W.Int(0)
		return
	}
	var s stream.Stream
	s.Open(e.Rec, &c.Buf)
	n := s.Trim(o.trim)
	if n > 0 {
		key := c.Keys[0]
		c.Notify(command.NotifyStream, "xtrim", key.Bytes)
		if o.trim.Approx {
			o.rewritten(c, &s, nil)
		}
		c.DB.Modified(key)
		c.Dirty += n
	}
	c.W.Int(int64(n))
}
