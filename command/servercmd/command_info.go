package servercmd

import (
	"kvorum/command"
	"kvorum/resp"
)

var commandInfoSpec = &command.Spec{
	Name: "info", Since: "2.8.13", Group: "server", Complexity: "O(N) where N is the number of commands to look up",
	Summary: "Describes the named commands, or all, as COMMAND does.",
	Arity:   -2, Flags: command.Loading | command.Stale, Categories: command.CatConnection,
	Tips: []string{"nondeterministic_output_order"},
	History: []command.Change{
		{Since: "7.0.0", Text: "Allowed to be called with no argument to get info on all commands."},
	},
	Args: []command.Arg{
		{Name: "command-name", Type: "string", Optional: true, Multiple: true},
	},
	Handler: commandInfo,
}

func commandInfo(c *command.Ctx) {
	if len(c.Args) == 2 {
		commandAll(c)
		return
	}
	c.W.Array(len(c.Args) - 2)
	for _, name := range c.Args[2:] {
		if s := find(c.Host.Table(), name); s != nil {
			writeInfo(c.W, s)
			continue
		}
		c.W.Null()
	}
}

// writeInfo replies the ten elements that describe a command to clients.
func writeInfo(w *resp.Writer, s *command.Spec) {
	first, last, step := s.LegacyRange()
	w.Array(10)
	w.BulkString(s.FullName())
	w.Int(int64(s.Arity))
	writeNames(w, infoFlags(s).Names())
	w.Int(int64(first))
	w.Int(int64(last))
	w.Int(int64(step))
	writeNames(w, s.AllCategories().Names())
	w.Set(len(s.Tips))
	for _, tip := range s.Tips {
		w.BulkString(tip)
	}
	w.Set(len(s.Keys))
	for i := range s.Keys {
		writeKeySpec(w, &s.Keys[i])
	}
	if len(s.Subs) == 0 {
		w.Set(0)
		return
	}
	w.Array(len(s.Subs))
	for _, sub := range s.Subs {
		writeInfo(w, sub)
	}
}

// infoFlags returns the flags of a row with the one that follows from its keys,
// and without the one that Redis keeps to itself.
func infoFlags(s *command.Spec) command.Flags {
	flags := s.Flags &^ command.MayReplicate
	if _, _, _, simple := s.KeyRange(0); !simple {
		flags |= command.MovableKeys
	}
	return flags
}

func writeNames(w *resp.Writer, names []string) {
	w.Set(len(names))
	for _, name := range names {
		w.Simple(name)
	}
}

func writeKeySpec(w *resp.Writer, k *command.KeySpec) {
	if k.Notes != "" {
		w.Map(4)
		w.BulkString("notes")
		w.BulkString(k.Notes)
	} else {
		w.Map(3)
	}
	w.BulkString("flags")
	writeNames(w, k.Flags.Names())
	w.BulkString("begin_search")
	if k.Unknown {
		writeTyped(w, "unknown", 0)
		w.BulkString("find_keys")
		writeTyped(w, "unknown", 0)
		return
	}
	if k.Keyword != "" {
		writeTyped(w, "keyword", 2)
		w.BulkString("keyword")
		w.BulkString(k.Keyword)
		writePair(w, "startfrom", k.StartFrom)
	} else {
		writeTyped(w, "index", 1)
		writePair(w, "index", k.Index)
	}
	w.BulkString("find_keys")
	if k.KeyNum {
		writeTyped(w, "keynum", 3)
		writePair(w, "keynumidx", k.NumIndex)
		writePair(w, "firstkey", k.FirstKey)
		writePair(w, "keystep", k.NumStep)
		return
	}
	writeTyped(w, "range", 3)
	writePair(w, "lastkey", k.LastKey)
	writePair(w, "keystep", k.Step)
	writePair(w, "limit", k.Limit)
}

// writeTyped begins a part of a key spec: its type, and a map of pairs to come.
func writeTyped(w *resp.Writer, kind string, pairs int) {
	w.Map(2)
	w.BulkString("type")
	w.BulkString(kind)
	w.BulkString("spec")
	w.Map(pairs)
}

func writePair(w *resp.Writer, name string, n int) {
	w.BulkString(name)
	w.Int(int64(n))
}
