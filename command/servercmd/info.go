package servercmd

import (
	"strings"

	"kvorum/command"
	"kvorum/resp"
)

var infoSpec = &command.Spec{
	Name: "info", Since: "1.0.0", Group: "server", Complexity: "O(1)",
	Summary: "Tells facts and figures about the server, by section.",
	Arity:   -1, Flags: command.Loading | command.Stale, Categories: command.CatDangerous,
	Tips: []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"},
	History: []command.Change{
		{Since: "7.0.0", Text: "Added support for taking multiple section arguments."},
	},
	Args: []command.Arg{
		{Name: "section", Type: "string", Optional: true, Multiple: true},
	},
	Handler: info,
}

func info(c *command.Ctx) {
	want := sections(c.Args[1:])
	host := c.Host
	c.Sess.Task = func(w *resp.Writer) { w.Verbatim("txt", host.Info(want)) }
}

// sections returns which sections the arguments of INFO ask for.
func sections(args [][]byte) command.InfoFilter {
	if len(args) == 0 {
		return func(_ string, byDefault, _ bool) bool { return byDefault }
	}
	all, defaults, named := false, false, make(map[string]bool, len(args))
	for _, arg := range args {
		switch name := strings.ToLower(string(arg)); name {
		case "all", "everything":
			all = true
		case "default":
			defaults = true
		case "module_list":
			named["modules"] = true
		default:
			named[name] = true
		}
	}
	return func(name string, byDefault, mustName bool) bool {
		return all && !mustName || defaults && byDefault || named[name]
	}
}
