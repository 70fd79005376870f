package servercmd

import (
	"slices"

	"kvorum/command"
)

var commandGetkeysSpec = &command.Spec{
	Name: "getkeys", Since: "2.8.13", Group: "server", Complexity: "O(N) where N is the number of arguments to the command",
	Summary: "Finds the keys in a command with its arguments.",
	Arity:   -3, Flags: command.Loading | command.Stale, Categories: command.CatConnection,
	Args: []command.Arg{
		{Name: "command", Type: "string"},
		{Name: "arg", Type: "string", Optional: true, Multiple: true},
	},
	Handler: commandGetkeys,
}

var commandGetkeysandflagsSpec = &command.Spec{
	Name: "getkeysandflags", Since: "7.0.0", Group: "server", Complexity: "O(N) where N is the number of arguments to the command",
	Summary: "Finds the keys in a command with its arguments, and tells what would be done to each.",
	Arity:   -3, Flags: command.Loading | command.Stale, Categories: command.CatConnection,
	Args: []command.Arg{
		{Name: "command", Type: "string"},
		{Name: "arg", Type: "string", Optional: true, Multiple: true},
	},
	Handler: commandGetkeysandflags,
}

const (
	errNoSuchCommand = "-ERR Invalid command specified"
	errNoKeys        = "-ERR The command has no key arguments"
	errKeysArity     = "-ERR Invalid number of arguments specified for command"
	errKeysArgs      = "-ERR Invalid arguments specified for command"
)

func commandGetkeys(c *command.Ctx) { getKeys(c, false) }

func commandGetkeysandflags(c *command.Ctx) { getKeys(c, true) }

// hasKeys reports whether a command has keys, and not only channels.
func hasKeys(s *command.Spec) bool {
	isKey := func(k command.KeySpec) bool { return k.Flags&command.NotKey == 0 }
	return s.GetKeys != nil || slices.ContainsFunc(s.Keys, isKey)
}

func getKeys(c *command.Ctx, withFlags bool) {
	args := c.Args[2:]
	s := c.Host.Table().Lookup(args[0])
	if s != nil && len(s.Subs) > 0 && len(args) > 1 {
		s = s.Sub(args[1])
	}
	switch {
	case s == nil:
		c.Err(errNoSuchCommand)
		return
	case !hasKeys(s):
		c.Err(errNoKeys)
		return
	case !s.ArityOK(len(args)):
		c.Err(errKeysArity)
		return
	}
	refs, ok := s.AppendKeys(args, nil)
	if (!ok || len(refs) == 0) && s.Flags&command.NoMandatoryKeys == 0 {
		c.Err(errKeysArgs)
		return
	}
	if s.VaryFlags != nil {
		s.VaryFlags(args, refs)
	}
	c.W.Array(len(refs))
	for _, r := range refs {
		if withFlags {
			c.W.Array(2)
		}
		c.W.Bulk(args[r.Arg])
		if withFlags {
			writeNames(c.W, r.Flags.Names())
		}
	}
}
