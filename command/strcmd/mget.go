package strcmd

import (
	"kvorum/command"
	"kvorum/object"
)

var mgetSpec = &command.Spec{
	Name: "mget", Since: "1.0.0", Group: "string", Complexity: "O(N) where N is the number of keys to retrieve.",
	Summary: "Reads the strings stored under several keys at one moment.",
	Arity:   -2, Flags: command.ReadOnly | command.Fast, Categories: command.CatString,
	Tips:    []string{"request_policy:multi_shard"},
	Keys:    []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, LastKey: -1, Step: 1}},
	Args:    []command.Arg{{Name: "key", Type: "key", Key: 1, Multiple: true}},
	Handler: mget,
}

func mget(c *command.Ctx) {
	c.W.Array(len(c.Keys))
	for i := range c.Keys {
		e := c.Read(i)
		if !e.OK() || e.Type() != object.String {
			c.W.Null()
			continue
		}
		c.W.Bulk(c.StringOf(e))
	}
}
