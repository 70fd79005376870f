package keycmd

import (
	"math"

	"kvorum/command"
	"kvorum/keyspace"
	"kvorum/object"
)

var objectSpec = &command.Spec{
	Name: "object", Since: "2.2.3", Group: "generic", Complexity: "Depends on subcommand.",
	Summary: "Groups the commands that look at how a value is stored.",
	Arity:   -2,
	Subs: []*command.Spec{
		objectRow("encoding", "2.2.3", "Tells the representation of a value in memory.", objectEncoding),
		objectRow("freq", "4.0.0", "Tells a key's counter of accesses, which grows with their logarithm.", objectFreq),
		{
			Name: "help", Since: "6.2.0", Group: "generic", Complexity: "O(1)",
			Summary: "Lists the subcommands.",
			Arity:   2, Flags: command.Loading | command.Stale, Categories: command.CatKeyspace,
			Handler: command.HelpOfRows,
		},
		objectRow("idletime", "2.2.3", "Tells how many seconds ago a key was last used.", objectIdletime),
		objectRow("refcount", "2.2.3", "Tells the number of references to a value.", objectRefcount),
	},
}

// objectRow makes the row of a subcommand that looks at a value.
func objectRow(name, since, summary string, handler command.Handler) *command.Spec {
	return &command.Spec{
		Name: name, Since: since, Group: "generic", Complexity: "O(1)", Summary: summary,
		Arity: 3, Flags: command.ReadOnly, Categories: command.CatKeyspace, Tips: []string{"nondeterministic_output"},
		Keys: []command.KeySpec{{Flags: command.RO, Index: 2, Step: 1}},
		Args: []command.Arg{argKey}, Handler: handler,
	}
}

// inspect finds the key without a trace but for the counts of hits and misses,
// and replies null if there is none.
func inspect(c *command.Ctx) (e keyspace.Entry, ok bool) {
	if e = c.Peek(0); !e.OK() {
		c.St.Misses++
		c.W.Null()
		return e, false
	}
	c.St.Hits++
	return e, true
}

func objectEncoding(c *command.Ctx) {
	if e, ok := inspect(c); ok {
		c.W.BulkString(object.Load(e.Rec).Encoding().Name())
	}
}

const (
	errNoLFU = "-ERR An LFU maxmemory policy is not selected, access frequency not tracked." + policyNote
	errLFU   = "-ERR An LFU maxmemory policy is selected, idle time not tracked." + policyNote

	policyNote = " Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust."
)

func objectFreq(c *command.Ctx) {
	e, ok := inspect(c)
	if !ok {
		return
	}
	if c.LFU == nil {
		c.Err(errNoLFU)
		return
	}
	c.W.Int(int64(c.LFU.Counter(object.Load(e.Rec).Access(), c.Now)))
}

func objectIdletime(c *command.Ctx) {
	e, ok := inspect(c)
	if !ok {
		return
	}
	if c.LFU != nil {
		c.Err(errLFU)
		return
	}
	c.W.Int(command.IdleSec(object.Load(e.Rec).Access(), c.Now))
}

// sharedInts is the number of small integers that Redis keeps as shared objects,
// whose reference count it gives as the largest int.
const sharedInts = 10000

// objectRefcount replies what Redis would, though records are never shared.
func objectRefcount(c *command.Ctx) {
	e, ok := inspect(c)
	if !ok {
		return
	}
	if d := object.Load(e.Rec); d.Type() == object.String && d.Encoding() == object.EncInt {
		// COMPAT: refcount: whether a small integer came from COPY is not known.
		if n := object.IntAt(e.Rec); n >= 0 && n < sharedInts && !c.Unshared {
			c.W.Int(math.MaxInt32)
			return
		}
	}
	c.W.Int(1)
}
