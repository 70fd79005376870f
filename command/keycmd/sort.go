package keycmd

import (
	"bytes"

	"kvorum/command"
	"kvorum/keyspace"
	"kvorum/object"
	"kvorum/object/zset"
)

const (
	sortSummary    = "Sorts the elements of a list, a set or a sorted set, and optionally stores the result."
	sortROSummary  = "Sorts the elements of a list, a set or a sorted set."
	sortComplexity = "O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M the number of returned elements. When the elements are not sorted, complexity is O(N)."

	sortCategories = command.CatSet | command.CatSortedSet | command.CatList | command.CatDangerous
)

// Parts of the rows of SORT and SORT_RO.
var (
	sortSource  = command.KeySpec{Flags: command.RO | command.Access, Index: 1, Step: 1}
	sortDerived = command.KeySpec{
		Flags: command.RO | command.Access, Unknown: true,
		Notes: "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the content of the key we sort",
	}
	sortTarget = command.KeySpec{
		Flags: command.OW | command.Update, Unknown: true,
		Notes: "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere in the argument array",
	}
	sortArgs = []command.Arg{
		argKey,
		{Name: "by-pattern", Type: "pattern", Display: "pattern", Key: 2, Token: "BY", Optional: true},
		{Name: "limit", Type: "block", Token: "LIMIT", Optional: true, Args: []command.Arg{
			{Name: "offset", Type: "integer"},
			{Name: "count", Type: "integer"},
		}},
		{Name: "get-pattern", Type: "pattern", Display: "pattern", Key: 2, Token: "GET", Optional: true, Multiple: true, MultiTok: true},
		{Name: "order", Type: "oneof", Optional: true, Args: []command.Arg{
			{Name: "asc", Type: "pure-token", Token: "ASC"},
			{Name: "desc", Type: "pure-token", Token: "DESC"},
		}},
		{Name: "sorting", Type: "pure-token", Token: "ALPHA", Optional: true},
		{Name: "destination", Type: "key", Key: 3, Token: "STORE", Optional: true},
	}
)

var sortSpec = &command.Spec{
	Name: "sort", Since: "1.0.0", Group: "generic", Summary: sortSummary, Complexity: sortComplexity,
	Arity: -2, Flags: command.Write | command.DenyOOM, Categories: sortCategories,
	Keys: []command.KeySpec{sortSource, sortDerived, sortTarget},
	Args: sortArgs,
	Mode: command.FindsKeys, Finds: sortFinds, GetKeys: sortKeys,
	Handler: func(c *command.Ctx) { sortCommand(c, true) },
}

var sortROSpec = &command.Spec{
	Name: "sort_ro", Since: "7.0.0", Group: "generic", Summary: sortROSummary, Complexity: sortComplexity,
	Arity: -2, Flags: command.ReadOnly, Categories: sortCategories,
	Keys: []command.KeySpec{sortSource, sortDerived},
	Args: sortArgs[:len(sortArgs)-1],
	Mode: command.FindsKeys, Finds: sortFinds, GetKeys: sortROKeys,
	Handler: func(c *command.Ctx) { sortCommand(c, false) },
}

// sortKeys finds the keys that a SORT names: the source, and what stands behind the
// last STORE.
//
// COMPAT: sort-getkeys: a STORE whose key is called like an option does not hide
// the next one.
func sortKeys(args [][]byte, dst []command.KeyRef) ([]command.KeyRef, bool) {
	dst, _ = sortROKeys(args, dst)
	store := 0
	for i := 2; i < len(args); i++ {
		switch {
		case isOption(args[i], "limit"):
			i += 2
		case isOption(args[i], "get"), isOption(args[i], "by"):
			i++
		case isOption(args[i], "store") && i+1 < len(args):
			i++
			store = i
		}
	}
	if store > 0 {
		dst = append(dst, command.KeyRef{Arg: store, Flags: command.OW | command.Update})
	}
	return dst, true
}

func sortROKeys(_ [][]byte, dst []command.KeyRef) ([]command.KeyRef, bool) {
	return append(dst, command.KeyRef{Arg: 1, Flags: command.RO | command.Access}), true
}

// sortFinds reports whether a request may need keys that it derives from elements.
func sortFinds(args [][]byte) bool {
	for i := 2; i+1 < len(args); i++ {
		if (isOption(args[i], "by") || isOption(args[i], "get")) && bytes.IndexByte(args[i+1], '*') >= 0 {
			return true
		}
	}
	return false
}

func isOption(arg []byte, name string) bool {
	return len(arg) == len(name) && bytes.EqualFold(arg, []byte(name))
}

// longSort is the number of elements, and of look-ups for them, from which a SORT
// leaves the loop.
const longSort = longWalk

func sortCommand(c *command.Ctx, mayStore bool) {
	s := sorter{db: c.DB, ks: c.KS, now: c.Now}
	if !s.parse(c, mayStore) {
		return
	}
	if s.derives() && !s.holdsAll(c) {
		return
	}
	e := c.Read(0)
	if e.OK() && !sortable(e) {
		c.WrongType()
		return
	}
	if e.OK() && e.Type() == object.ZSet && !c.KS.Pinned(c.Keys[0]) {
		unpack(e) // not under the eyes of a long command that reads it, too
	}
	if s.work(e) >= longSort && s.store == 0 && c.Sess.Flags&command.InExec == 0 {
		s.leave(c)
		return
	}
	if e.OK() {
		s.loadAll(e)
	}
	here := &lookupHere{c: c}
	if !s.arrange(here) {
		c.Err(errNotDouble)
		return
	}
	if s.store > 0 {
		s.storeResult(c, here)
		return
	}
	s.reply(c.W, here)
}

// sortable reports whether a value is of a type that SORT takes.
func sortable(e keyspace.Entry) bool {
	switch e.Type() {
	case object.List, object.Set, object.ZSet:
		return true
	}
	return false
}

// unpack turns a packed sorted set into a table, as Redis does before it sorts one.
func unpack(e keyspace.Entry) {
	var z zset.Set
	if z.Open(e.Rec); z.Packed() {
		z.Unpack()
	}
}

// work returns about how many elements and keys a SORT looks at.
func (s *sorter) work(e keyspace.Entry) int {
	if !e.OK() {
		return 0
	}
	var v sortView
	v.open(e)
	n := v.len()
	if s.unsorted && v.kind != object.Set {
		from, to := s.window(n)
		n = to - from
	}
	return n * (1 + s.patterns())
}

// holdsAll reports whether the shards of all keys that the request needs are locked.
// If not it asks for them.
func (s *sorter) holdsAll(c *command.Ctx) bool {
	e := c.Peek(0)
	if !e.OK() || !sortable(e) {
		return true
	}
	var want [keyspace.ShardCount]bool
	work := s.work(e)
	switch {
	case work >= longSort && s.store == 0 && c.Sess.Flags&command.InExec == 0:
		return true // goes on without locks
	case work >= longSort || c.NeedCount() > sortTries:
		for i := range want {
			want[i] = true
		}
	default:
		s.loadAll(e)
		s.shards(&want)
		s.forget()
	}
	missing := false
	for i := range want {
		missing = missing || want[i] && !c.Held(i)
	}
	if missing {
		c.Need(keysOf(&want))
	}
	return !missing
}

// sortTries is how often a SORT may find that its source has got other elements while
// it waited for locks, before it takes all.
const sortTries = 2

// keysOf returns a key of each shard wanted.
func keysOf(want *[keyspace.ShardCount]bool) (keys []keyspace.Key) {
	for i := range want {
		if want[i] {
			keys = append(keys, keyspace.KeyIn(i))
		}
	}
	return keys
}
