package strcmd

import (
	"kvorum/command"
	"kvorum/object"
)

var setrangeSpec = &command.Spec{
	Name: "setrange", Since: "2.2.0", Group: "string",
	Complexity: "O(1), not counting the time taken to copy the new string in place. Usually, this string is very small so the amortized complexity is O(1). Otherwise, complexity is O(M) with M being the length of the value argument.",
	Summary:    "Overwrites the string stored under a key from an offset on; what is missing before it becomes zero bytes.",
	Arity:      4, Flags: command.Write | command.DenyOOM, Categories: command.CatString,
	Keys:    []command.KeySpec{{Flags: command.RW | command.Update, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey, {Name: "offset", Type: "integer"}, argValue},
	Handler: setrange,
}

func setrange(c *command.Ctx) {
	offset, ok := c.Int(2)
	if !ok {
		return
	}
	if offset < 0 {
		c.Err("-ERR offset is out of range")
		return
	}
	k, value := c.Keys[0], c.Args[3]
	e := c.Write(0)
	if !isString(c, e) {
		return
	}
	existed, size := e.OK(), 0
	if existed {
		size = object.StringLen(e.Rec)
	}
	if len(value) == 0 {
		c.W.Int(int64(size))
		return
	}
	if !fits(c, offset, int64(len(value))) {
		return
	}
	at := int(offset)
	size = max(size, at+len(value))
	if existed {
		e = c.DB.Resize(k, e, size)
	} else {
		e = c.DB.Create(k, size, c.Access)
	}
	copy(object.WritableString(e.Rec)[at:], value)
	written(c, existed, "setrange")
	c.W.Int(int64(size))
}
