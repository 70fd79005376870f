package servercmd

import (
	"kvorum/command"
	"kvorum/resp"
)

var commandDocsSpec = &command.Spec{
	Name: "docs", Since: "7.0.0", Group: "server", Complexity: "O(N) where N is the number of commands to look up",
	Summary: "Documents the named commands, or all.",
	Arity:   -2, Flags: command.Loading | command.Stale, Categories: command.CatConnection,
	Tips: []string{"nondeterministic_output_order"},
	Args: []command.Arg{
		{Name: "command-name", Type: "string", Optional: true, Multiple: true},
	},
	Handler: commandDocs,
}

func commandDocs(c *command.Ctx) {
	t := c.Host.Table()
	rows := t.All()
	if len(c.Args) > 2 {
		rows = nil
		for _, name := range c.Args[2:] {
			if s := find(t, name); s != nil {
				rows = append(rows, s)
			}
		}
	}
	c.W.Map(len(rows))
	for _, s := range rows {
		c.W.BulkString(s.FullName())
		writeDocs(c.W, s)
	}
}

// writeDocs replies the map that documents a command. Parts it does not have
// are left out.
func writeDocs(w *resp.Writer, s *command.Spec) {
	m := docsMap{w: w, at: w.DeferLen()}
	m.text("summary", s.Summary)
	m.text("since", s.Since)
	m.text("group", s.Group)
	m.text("complexity", s.Complexity)
	if s.Deprecated != "" || s.SysCmd {
		m.name("doc_flags")
		writeNames(w, docFlags(s))
	}
	m.text("deprecated_since", s.Deprecated)
	m.text("replaced_by", s.ReplacedBy)
	if len(s.History) > 0 {
		m.name("history")
		w.Set(len(s.History))
		for _, h := range s.History {
			w.Array(2)
			w.BulkString(h.Since)
			w.BulkString(h.Text)
		}
	}
	if len(s.Args) > 0 {
		m.name("arguments")
		writeArgs(w, s.Args)
	}
	if len(s.Subs) > 0 {
		m.name("subcommands")
		w.Map(len(s.Subs))
		for _, sub := range s.Subs {
			w.BulkString(sub.FullName())
			writeDocs(w, sub)
		}
	}
	m.end()
}

func docFlags(s *command.Spec) []string {
	var flags []string
	if s.Deprecated != "" {
		flags = append(flags, "deprecated")
	}
	if s.SysCmd {
		flags = append(flags, "syscmd")
	}
	return flags
}

func writeArgs(w *resp.Writer, args []command.Arg) {
	w.Array(len(args))
	for i := range args {
		writeArg(w, &args[i])
	}
}

func writeArg(w *resp.Writer, a *command.Arg) {
	m := docsMap{w: w, at: w.DeferLen()}
	m.text("name", a.Name)
	m.text("type", a.Type)
	nested := a.Type == "oneof" || a.Type == "block"
	switch {
	case nested:
	case a.Display != "":
		m.text("display_text", a.Display)
	default:
		m.text("display_text", a.Name)
	}
	if a.Key > 0 {
		m.name("key_spec_index")
		w.Int(int64(a.Key - 1))
	}
	if a.Token != "" {
		m.name("token")
		w.BulkString(a.Token)
	}
	m.text("since", a.Since)
	m.text("deprecated_since", a.DeprecatedSince)
	if flags := argFlags(a); len(flags) > 0 {
		m.name("flags")
		writeNames(w, flags)
	}
	if nested {
		m.name("arguments")
		writeArgs(w, a.Args)
	}
	m.end()
}

func argFlags(a *command.Arg) []string {
	var flags []string
	if a.Optional {
		flags = append(flags, "optional")
	}
	if a.Multiple {
		flags = append(flags, "multiple")
	}
	if a.MultiTok {
		flags = append(flags, "multiple_token")
	}
	return flags
}

// docsMap writes a map whose number of pairs shows at the end.
type docsMap struct {
	w  *resp.Writer
	at resp.Deferred
	n  int
}

// name writes the name of a pair; the value follows.
func (m *docsMap) name(name string) {
	m.w.BulkString(name)
	m.n++
}

// text writes a pair unless the value is empty.
func (m *docsMap) text(name, value string) {
	if value != "" {
		m.name(name)
		m.w.BulkString(value)
	}
}

func (m *docsMap) end() { m.w.SetDeferredMap(m.at, m.n) }
