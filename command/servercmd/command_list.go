package servercmd

import (
	"slices"
	"strings"

	"kvorum/command"
	"kvorum/glob"
)

var commandListSpec = &command.Spec{
	Name: "list", Since: "7.0.0", Group: "server", Complexity: "O(N) where N is the total number of Redis commands",
	Summary: "Lists the names of commands, all or those that pass a filter.",
	Arity:   -2, Flags: command.Loading | command.Stale, Categories: command.CatConnection,
	Tips: []string{"nondeterministic_output_order"},
	Args: []command.Arg{
		{Name: "filterby", Type: "oneof", Token: "FILTERBY", Optional: true, Args: []command.Arg{
			{Name: "module-name", Type: "string", Token: "MODULE"},
			{Name: "category", Type: "string", Token: "ACLCAT"},
			{Name: "pattern", Type: "pattern", Token: "PATTERN"},
		}},
	},
	Handler: commandList,
}

func commandList(c *command.Ctx) {
	pass := func(*command.Spec) bool { return true }
	if len(c.Args) > 2 {
		if len(c.Args) != 5 || !c.Is(2, "filterby") {
			c.Err(command.ErrSyntax)
			return
		}
		if pass = listFilter(c); pass == nil {
			c.Err(command.ErrSyntax)
			return
		}
	}
	n, at := 0, c.W.DeferLen()
	for _, s := range c.Host.Table().All() {
		n += listNames(c, pass, s)
		n += listNames(c, pass, s.Subs...)
	}
	c.W.SetDeferredArray(at, n)
}

// listNames replies the names of the rows that pass and returns their number.
func listNames(c *command.Ctx, pass func(*command.Spec) bool, rows ...*command.Spec) (n int) {
	for _, s := range rows {
		if pass(s) {
			c.W.BulkString(s.FullName())
			n++
		}
	}
	return n
}

// listFilter returns the filter that arguments 3 and 4 describe, nil when there
// is no such kind.
func listFilter(c *command.Ctx) func(*command.Spec) bool {
	what := c.Args[4]
	switch {
	case c.Is(3, "module"):
		return func(*command.Spec) bool { return false } // there are no modules
	case c.Is(3, "aclcat"):
		cat := "@" + strings.ToLower(string(what))
		return func(s *command.Spec) bool { return slices.Contains(s.AllCategories().Names(), cat) }
	case c.Is(3, "pattern"):
		return func(s *command.Spec) bool { return glob.MatchFold(what, []byte(s.FullName())) }
	}
	return nil
}
