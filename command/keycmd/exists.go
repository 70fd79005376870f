package keycmd

import "kvorum/command"

var existsSpec = &command.Spec{
	Name: "exists", Since: "1.0.0", Group: "generic",
	Complexity: "O(N) where N is the number of keys to check.",
	Summary:    "Counts how many of the given keys exist; a key given twice counts twice.",
	Arity:      -2, Flags: command.ReadOnly | command.Fast, Categories: command.CatKeyspace,
	History: []command.Change{{Since: "3.0.3", Text: "Accepts multiple `key` arguments."}},
	Tips:    sumTips, Keys: allRead, Args: []command.Arg{argKeys},
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
