package keycmd

import (
	"math"

	"kvorum/command"
	"kvorum/keyspace"
	"kvorum/object"
)

var objectKeys = []command.KeySpec{{Flags: command.RO, Index: 2, Step: 1}}

func objectRow(name, since, summary string, tips []string, handler command.Handler) *command.Spec {
	return &command.Spec{
		Name: name, Since: since, Group: "generic", Complexity: "O(1)", Summary: summary,
		Arity: 3, Flags: command.ReadOnly, Categories: command.CatKeyspace, Tips: tips,
		Keys: objectKeys, Args: []command.Arg{keyArg}, Handler: handler,
	}
}

var objectSpec = &command.Spec{
	Name: "object", Since: "2.2.3", Group: "generic", Complexity: "Depends on subcommand.",
	Summary: "Groups the commands that look at how a value is stored.",
	Arity:   -2, Categories: 0,
	Subs: []*command.Spec{
		objectRow("encoding", "2.2.3", "Tells the representation of a value.", []string{"nondeterministic_output"}, objectEncoding),
		objectRow("freq", "4.0.0", "Tells the logarithmic counter of how often a key is used.", []string{"nondeterministic_output"}, objectFreq),
		{
			Name: "help", Since: "6.2.0", Group: "generic", Complexity: "O(1)",
			Summary: "Describes the subcommands of OBJECT.",
			Arity:   2, Flags: command.Loading | command.Stale, Categories: command.CatKeyspace,
			Handler: objectHelp,
		},
		objectRow("idletime", "2.2.3", "Tells how long ago a key was last used.", []string{"nondeterministic_output"}, objectIdletime),
		objectRow("refcount", "2.2.3", "Tells the number of references to a value.", []string{"nondeterministic_output"}, objectRefcount),
	},
}

// look finds the key of an OBJECT subcommand and replies null without one.
func look(c *command.Ctx) (keyspace.Entry, bool) {
	e := c.ReadNoTouch(0)
	if !e.OK() {
		c.W.Null()
	}
	return e, e.OK()
}

func objectEncoding(c *command.Ctx) {
	if e, ok := look(c); ok {
		c.W.BulkString(object.Load(e.Rec).Encoding().Name())
	}
}

const policyNote = " Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust."

func objectFreq(c *command.Ctx) {
	e, ok := look(c)
	if !ok {
		return
	}
	if c.LFU == nil {
		c.Err("-ERR An LFU maxmemory policy is not selected, access frequency not tracked." + policyNote)
		return
	}
	c.W.Int(int64(c.LFU.Counter(object.Load(e.Rec).Access(), c.Now)))
}

func objectIdletime(c *command.Ctx) {
	e, ok := look(c)
	if !ok {
		return
	}
	if c.LFU != nil {
		c.Err("-ERR An LFU maxmemory policy is selected, idle time not tracked." + policyNote)
		return
	}
	c.W.Int(command.IdleMs(object.Load(e.Rec).Access(), c.Now) / 1000)
}

// sharedInts is the number of small integers that Redis keeps as shared
// objects, whose reference count it reports as the largest int.
const sharedInts = 10000

func objectRefcount(c *command.Ctx) {
	e, ok := look(c)
	if !ok {
		return
	}
	if d := object.Load(e.Rec); d.Type() == object.String && d.Encoding() == object.EncInt {
		if n := object.IntAt(e.Rec); n >= 0 && n < sharedInts {
			c.W.Int(math.MaxInt32)
			return
		}
	}
	c.W.Int(1)
}

func objectHelp(c *command.Ctx) {
	c.Help(
		"ENCODING <key>",
		"    Tell how the value of <key> is represented in memory.",
		"FREQ <key>",
		"    Tell the access counter of <key>; it grows with the logarithm of the accesses.",
		"IDLETIME <key>",
		"    Tell the seconds since <key> was last used.",
		"REFCOUNT <key>",
		"    Tell the number of references to the value of <key>.",
	)
}
