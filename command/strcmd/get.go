package strcmd

import "kvorum/command"

var getSpec = &command.Spec{
	Name: "get", Since: "1.0.0", Group: "string", Complexity: "O(1)",
	Summary: "Reads the string stored under a key.",
	Arity:   2, Flags: command.ReadOnly | command.Fast, Categories: command.CatString,
	Keys:    keyRead,
	Args:    []command.Arg{argKey},
	Handler: get,
}

func get(c *command.Ctx) {
	e := c.Read(0)
	if !isString(c, e) {
		return
	}
	replyString(c, e)
}
