package keycmd

import "kvorum/command"

var delSpec = &command.Spec{
	Name: "del", Since: "1.0.0", Group: "generic",
	Complexity: "O(N) where N is the number of keys that will be removed. When a key to remove holds a value other than a string, the individual complexity for this key is O(M) where M is the number of elements in the list, set, sorted set or hash. Removing a single key that holds a string value is O(1).",
	Summary:    "Removes keys together with their values.",
	Arity:      -2, Flags: command.Write, Categories: command.CatKeyspace,
	Tips: sumTips, Keys: allRemoved, Args: []command.Arg{argKeys},
	Handler: del,
}

var unlinkSpec = &command.Spec{
	Name: "unlink", Since: "4.0.0", Group: "generic",
	Complexity: "O(1) for each key removed regardless of its size. Then the command does O(N) work in a different thread in order to reclaim memory, where N is the number of allocations the deleted objects where composed of.",
	Summary:    "Removes keys; their memory is given back in the background.",
	Arity:      -2, Flags: command.Write | command.Fast, Categories: command.CatKeyspace,
	Tips: sumTips, Keys: allRemoved, Args: []command.Arg{argKeys},
	Handler: del,
}

// del is the body of DEL and UNLINK, which differ in their rows only.
func del(c *command.Ctx) {
	n := 0
	for i, k := range c.Keys {
		e := c.Peek(i)
		if !e.OK() {
			continue
		}
		c.Remove(k, e)
		n++
	}
	c.Dirty += n
	c.W.Int(int64(n))
}
