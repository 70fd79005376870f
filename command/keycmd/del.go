package keycmd

import "kvorum/command"

var delSpec = &command.Spec{
	Name: "del", Since: "1.0.0", Group: "generic",
	Complexity: "O(N) where N is the number of keys that will be removed. When a key to remove holds a value other than a string, the individual complexity for this key is O(M) where M is the number of elements in the list, set, sorted set or hash. Removing a single key that holds a string value is O(1).",
	Summary:    "Removes keys together with their values.",
	Arity:      -2, Flags: command.Write, Categories: command.CatKeyspace,
	Tips: []string{"request_policy:multi_shard", "response_policy:agg_sum"},
	Keys: allRemoved, Args: []command.Arg{keyArgs},
	Handler: del,
}

var unlinkSpec = &command.Spec{
	Name: "unlink", Since: "4.0.0", Group: "generic",
	Complexity: "O(1) for each key removed regardless of its size. Then the command does O(N) work in a different thread in order to reclaim memory, where N is the number of allocations the deleted objects where composed of.",
	Summary:    "Removes keys; their memory is given back in the background.",
	Arity:      -2, Flags: command.Write | command.Fast, Categories: command.CatKeyspace,
	Tips: []string{"request_policy:multi_shard", "response_policy:agg_sum"},
	Keys: allRemoved, Args: []command.Arg{keyArgs},
	Handler: del,
}

// del is the body of DEL and UNLINK: every removal takes constant time on the
// command's path, so they are the same.
func del(c *command.Ctx) {
	n := 0
	for i := range c.Keys {
		k := c.Keys[i]
		e := c.Peek(i)
		if !e.OK() {
			continue
		}
		c.DB.Delete(k, e)
		c.Notify(command.NotifyGeneric, "del", k.Bytes)
		n++
	}
	c.Dirty += n
	c.W.Int(int64(n))
}

var existsSpec = &command.Spec{
	Name: "exists", Since: "1.0.0", Group: "generic",
	Complexity: "O(N) where N is the number of keys to check.",
	Summary:    "Counts how many of the given keys exist.",
	Arity:      -2, Flags: command.ReadOnly | command.Fast, Categories: command.CatKeyspace,
	History: []command.Change{{Since: "3.0.3", Text: "Accepts multiple `key` arguments."}},
	Tips:    []string{"request_policy:multi_shard", "response_policy:agg_sum"},
	Keys:    allRead, Args: []command.Arg{keyArgs},
	Handler: exists,
}

func exists(c *command.Ctx) {
	n := int64(0)
	for i := range c.Keys {
		if c.ReadNoTouch(i).OK() {
			n++
		}
	}
	c.W.Int(n)
}

var touchSpec = &command.Spec{
	Name: "touch", Since: "3.2.1", Group: "generic",
	Complexity: "O(N) where N is the number of keys that will be touched.",
	Summary:    "Marks keys as just used and counts those that exist.",
	Arity:      -2, Flags: command.ReadOnly | command.Fast, Categories: command.CatKeyspace,
	Tips: []string{"request_policy:multi_shard", "response_policy:agg_sum"},
	Keys: allRead, Args: []command.Arg{keyArgs},
	Handler: touch,
}

func touch(c *command.Ctx) {
	n := int64(0)
	for i := range c.Keys {
		if c.Read(i).OK() {
			n++
		}
	}
	c.W.Int(n)
}

var typeSpec = &command.Spec{
	Name: "type", Since: "1.0.0", Group: "generic", Complexity: "O(1)",
	Summary: "Tells the type of the value stored under a key.",
	Arity:   2, Flags: command.ReadOnly | command.Fast, Categories: command.CatKeyspace,
	Keys: oneRead, Args: []command.Arg{keyArg},
	Handler: typeOf,
}

func typeOf(c *command.Ctx) {
	e := c.ReadNoTouch(0)
	if !e.OK() {
		c.W.Simple("none")
		return
	}
	c.W.Simple(e.Type().Name())
}
