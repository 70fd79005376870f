package strcmd

import "kvorum/command"

var setnxSpec = &command.Spec{
	Name: "setnx", Since: "1.0.0", Group: "string", Complexity: "O(1)",
	Summary: "Stores a string under a key unless the key exists.",
	Arity:   3, Flags: command.Write | command.DenyOOM | command.Fast, Categories: command.CatString,
	Deprecated: "2.6.12", ReplacedBy: "`SET` with the `NX` argument",
	Keys:    []command.KeySpec{{Flags: command.OW | command.Insert, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey, argValue},
	Handler: setnx,
}

func setnx(c *command.Ctx) {
	o := setOptions{flags: setNX}
	switch store(c, c.Args[2], &o) {
	case setDone:
		c.W.Int(1)
	case setUnmet:
		c.W.Int(0)
	}
}
