package strcmd

import (
	"kvorum/command"
	"kvorum/keyspace"
	"kvorum/object"
)

var appendSpec = &command.Spec{
	Name: "append", Since: "2.0.0", Group: "string",
	Complexity: "O(1). The amortized time complexity is O(1) assuming the appended value is small and the already present value is of any size, since the dynamic string library used by Redis will double the free space available on every reallocation.",
	Summary:    "Adds bytes at the end of the string stored under a key; an absent key counts as empty.",
	Arity:      3, Flags: command.Write | command.DenyOOM | command.Fast, Categories: command.CatString,
	Keys:    []command.KeySpec{{Flags: command.RW | command.Insert, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey, argValue},
	Handler: appendTo,
}

func appendTo(c *command.Ctx) {
	k, value := c.Keys[0], c.Args[2]
	e := c.Write(0)
	if !isString(c, e) {
		return
	}
	existed, size := e.OK(), 0
	if existed {
		size = object.StringLen(e.Rec)
		if !fits(c, int64(size), int64(len(value))) {
			return
		}
		e = c.DB.Resize(k, e, size+len(value))
		copy(object.WritableString(e.Rec)[size:], value)
	} else {
		c.DB.SetString(k, e, value, keyspace.NoTTL, c.Access)
	}
	written(c, existed, "append")
	c.W.Int(int64(size + len(value)))
}
