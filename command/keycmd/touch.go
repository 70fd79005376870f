package keycmd

import "kvorum/command"

var touchSpec = &command.Spec{
	Name: "touch", Since: "3.2.1", Group: "generic",
	Complexity: "O(N) where N is the number of keys that will be touched.",
	Summary:    "Marks keys as just used and counts those that exist.",
	Arity:      -2, Flags: command.ReadOnly | command.Fast, Categories: command.CatKeyspace,
	Tips: sumTips, Keys: allRead, Args: []command.Arg{argKeys},
	Handler: touch,
}

// touch records accesses even for a client in the mode CLIENT NO-TOUCH: it is
// what the client asks for.
func touch(c *command.Ctx) {
	n := int64(0)
	for i := range c.Keys {
		if e := c.ReadNoTouch(i); e.OK() {
			c.Accessed(e)
			n++
		}
	}
	c.W.Int(n)
}
