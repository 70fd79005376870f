package strcmd

import "kvorum/command"

var getSpec = &command.Spec{
	Name: "get", Since: "1.0.0", Group: "string", Complexity: "O(1)",
	Summary: "Reads the string stored under a key.",
	Arity:   2, Flags: command.ReadOnly | command.Fast, Categories: command.CatString,
	Keys:    keyRead,
	Args:    []command.Arg{{Name: "key", Type: "key", Key: 1}},
	Handler: get,
}

func get(c *command.Ctx) {
	e := c.Read(0)
	if !e.OK() {
		c.W.Null()
		return
	}
	if isString(c, e) {
		c.W.Bulk(c.StringOf(e))
	}
}
