package setcmd

import (
	"kvorum/command"
	"kvorum/object/set"
)

var sscanSpec = &command.Spec{
	Name: "sscan", Since: "2.8.0", Group: "set",
	Complexity: "O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection.",
	Summary:    "Walks over the members of a set, some at each call.",
	Arity:      -3, Flags: command.ReadOnly, Categories: command.CatSet,
	Tips: []string{"nondeterministic_output"},
	Keys: []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
	Args: []command.Arg{
		argKey,
		{Name: "cursor", Type: "integer"},
		{Name: "pattern", Type: "pattern", Token: "MATCH", Optional: true},
		{Name: "count", Type: "integer", Token: "COUNT", Optional: true},
	},
	Handler: sscan,
}

func sscan(c *command.Ctx) {
	var scan command.ElementScan
	if !scan.Begin(c) {
		return
	}
	e := c.Read(0)
	if !isSet(c, e) {
		return
	}
	if !e.OK() {
		scan.Absent()
		return
	}
	if !scan.Options() {
		return
	}
	var s set.Set
	s.Open(e.Rec)
	for more := true; more; more = scan.More() {
		scan.Cursor = s.Scan(scan.Cursor, func(member []byte) {
			if scan.Wants(member, 1) {
				scan.Found.Bulk(member)
			}
		})
	}
	scan.Reply()
}
