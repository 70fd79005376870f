package strcmd

import "kvorum/command"

var setexSpec = &command.Spec{
	Name: "setex", Since: "2.0.0", Group: "string", Complexity: "O(1)",
	Summary: "Stores a string under a key with a time to live in seconds.",
	Arity:   4, Flags: command.Write | command.DenyOOM, Categories: command.CatString,
	Deprecated: "2.6.12", ReplacedBy: "`SET` with the `EX` argument",
	Keys:    keyStore,
	Args:    []command.Arg{argKey, {Name: "seconds", Type: "integer"}, argValue},
	Handler: setex,
}

var psetexSpec = &command.Spec{
	Name: "psetex", Since: "2.6.0", Group: "string", Complexity: "O(1)",
	Summary: "Stores a string under a key with a time to live in milliseconds.",
	Arity:   4, Flags: command.Write | command.DenyOOM, Categories: command.CatString,
	Deprecated: "2.6.12", ReplacedBy: "`SET` with the `PX` argument",
	Keys:    keyStore,
	Args:    []command.Arg{argKey, {Name: "milliseconds", Type: "integer"}, argValue},
	Handler: psetex,
}

func setex(c *command.Ctx) { storeFor(c, unitEX) }

func psetex(c *command.Ctx) { storeFor(c, unitPX) }

// storeFor stores argument 3 with argument 2 as its time to live.
func storeFor(c *command.Ctx, u timeUnit) {
	o := setOptions{flags: setExpire, unit: u, at: 2}
	if store(c, c.Args[3], &o) == setDone {
		c.W.OK()
	}
}
