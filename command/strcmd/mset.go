package strcmd

import (
	"kvorum/command"
	"kvorum/keyspace"
)

var msetSpec = &command.Spec{
	Name: "mset", Since: "1.0.1", Group: "string", Complexity: "O(N) where N is the number of keys to set.",
	Summary: "Stores strings under several keys at one moment, whatever the keys held before.",
	Arity:   -3, Flags: command.Write | command.DenyOOM, Categories: command.CatString,
	Tips:    []string{"request_policy:multi_shard", "response_policy:all_succeeded"},
	Keys:    []command.KeySpec{{Flags: command.OW | command.Update, Index: 1, LastKey: -1, Step: 2}},
	Args:    argPairs,
	Handler: mset,
}

var msetnxSpec = &command.Spec{
	Name: "msetnx", Since: "1.0.1", Group: "string", Complexity: "O(N) where N is the number of keys to set.",
	Summary: "Stores strings under several keys at one moment, unless one of the keys exists.",
	Arity:   -3, Flags: command.Write | command.DenyOOM, Categories: command.CatString,
	Keys:    []command.KeySpec{{Flags: command.OW | command.Insert, Index: 1, LastKey: -1, Step: 2}},
	Args:    argPairs,
	Handler: msetnx,
}

var argPairs = []command.Arg{{Name: "data", Type: "block", Multiple: true, Args: []command.Arg{argKey, argValue}}}

// areEven reports whether every key has a value, and replies the error if not.
func areEven(c *command.Ctx) bool {
	if len(c.Args)%2 == 0 {
		c.Err("-ERR wrong number of arguments for '" + c.Spec.FullName() + "' command")
		return false
	}
	return true
}

func mset(c *command.Ctx) {
	if areEven(c) {
		storePairs(c)
		c.W.OK()
	}
}

func msetnx(c *command.Ctx) {
	if !areEven(c) {
		return
	}
	for i := range c.Keys {
		if c.Write(i).OK() {
			c.W.Int(0)
			return
		}
	}
	storePairs(c)
	c.W.Int(1)
}

// storePairs writes all pairs in order. The same key may stand in several, so
// each is looked up when its turn comes.
func storePairs(c *command.Ctx) {
	for i, k := range c.Keys {
		e := c.Write(i)
		existed := e.OK()
		c.DB.SetString(k, e, c.Args[2+2*i], keyspace.NoTTL, c.Access)
		if !existed {
			c.Notify(command.NotifyNew, "new", k.Bytes)
		}
		c.Notify(command.NotifyString, "set", k.Bytes)
	}
	c.Dirty += len(c.Keys)
}
