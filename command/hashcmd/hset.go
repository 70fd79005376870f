package hashcmd

import (
	"kvorum/command"
	"kvorum/object/hash"
)

var hsetSpec = &command.Spec{
	Name: "hset", Since: "2.0.0", Group: "hash",
	Complexity: "O(1) for each field/value pair added, so O(N) to add N field/value pairs when the command is called with multiple field/value pairs.",
	Summary:    "Gives fields of a hash their values.",
	Arity:      -4, Flags: command.Write | command.DenyOOM | command.Fast, Categories: command.CatHash,
	History: []command.Change{{Since: "4.0.0", Text: "Accepts multiple `field` and `value` arguments."}},
	Keys:    []command.KeySpec{{Flags: command.RW | command.Update, Index: 1, Step: 1}},
	Args: []command.Arg{
		argKey,
		{Name: "data", Type: "block", Multiple: true, Args: []command.Arg{{Name: "field", Type: "string"}, {Name: "value", Type: "string"}}},
	},
	Handler: hset,
}

var hmsetSpec = &command.Spec{
	Name: "hmset", Since: "2.0.0", Group: "hash",
	Complexity: "O(N) where N is the number of fields being set.",
	Summary:    "Gives several fields of a hash their values.",
	Arity:      -4, Flags: command.Write | command.DenyOOM | command.Fast, Categories: command.CatHash,
	Deprecated: "4.0.0", ReplacedBy: "`HSET` with multiple field-value pairs",
	Keys: []command.KeySpec{{Flags: command.RW | command.Update, Index: 1, Step: 1}},
	Args: []command.Arg{
		argKey,
		{Name: "data", Type: "block", Multiple: true, Args: []command.Arg{{Name: "field", Type: "string"}, {Name: "value", Type: "string"}}},
	},
	Handler: hmset,
}

func hset(c *command.Ctx) {
	if len(c.Args)%2 != 0 {
		c.Err("-ERR wrong number of arguments for 'hset' command")
		return
	}
	if created, ok := setAll(c); ok {
		c.W.Int(int64(created))
	}
}

func hmset(c *command.Ctx) {
	if len(c.Args)%2 != 0 {
		c.Err("-ERR wrong number of arguments for 'hmset' command")
		return
	}
	if _, ok := setAll(c); ok {
		c.W.OK()
	}
}

// setAll sets the fields from argument 2 on and returns how many are new; ok is
// false after the error reply.
func setAll(c *command.Ctx) (created int, ok bool) {
	e := c.Write(0)
	var h hash.Hash
	if !openHash(c, &e, &h) {
		return 0, false
	}
	orNew(c, e, &h)
	pairs := c.Args[2:]
	h.Prepare(pairs, c.Packing.Hash)
	for i := 0; i < len(pairs); i += 2 {
		if h.Set(pairs[i], pairs[i+1], c.Packing.Hash, &c.Buf) {
			created++
		}
	}
	changed(c, "hset", len(pairs)/2)
	return created, true
}
