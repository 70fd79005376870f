package strcmd

import (
	"kvorum/command"
	"kvorum/keyspace"
)

var getsetSpec = &command.Spec{
	Name: "getset", Since: "1.0.0", Group: "string", Complexity: "O(1)",
	Summary: "Stores a string under a key and replies the one it replaced.",
	Arity:   3, Flags: command.Write | command.DenyOOM | command.Fast, Categories: command.CatString,
	Deprecated: "6.2.0", ReplacedBy: "`SET` with the `!GET` argument",
	Keys:    keyUpdate,
	Args:    []command.Arg{argKey, argValue},
	Handler: getset,
}

func getset(c *command.Ctx) {
	e := readWrite(c)
	if !isString(c, e) {
		return
	}
	replyString(c, e)
	existed := e.OK()
	c.DB.SetString(c.Keys[0], e, c.Args[2], keyspace.NoTTL, c.Access)
	written(c, existed, "set")
	c.Effect(setName, c.Args[1], c.Args[2])
}
