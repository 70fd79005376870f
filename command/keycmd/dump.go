package keycmd

import "kvorum/command"

var dumpSpec = &command.Spec{
	Name: "dump", Since: "2.6.0", Group: "generic",
	Complexity: "O(1) to access the key and additional O(N*M) to serialize it, where N is the number of Redis objects composing the value and M their average size. For small string values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1).",
	Summary:    "Replies the value of a key in the form that RESTORE takes.",
	Arity:      2, Flags: command.ReadOnly, Categories: command.CatKeyspace,
	Tips:    []string{"nondeterministic_output"},
	Keys:    oneAccess,
	Args:    []command.Arg{argKey},
	Handler: dump,
}

func dump(c *command.Ctx) {
	e := c.Read(0)
	if !e.OK() {
		c.W.Null()
		return
	}
	c.W.Bulk(c.AppendPayload(e))
}
