package setcmd

import (
	"kvorum/command"
	"kvorum/object/set"
)

var sscanSpec = &command.Spec{
	Name: "sscan", Since: "2.8.0", Group: "set",
	Complexity: command.ElementScanComplexity,
	Summary:    "Walks over the members of a set, some at each call.",
	Arity:      -3, Flags: command.ReadOnly, Categories: command.CatSet,
	Tips:    []string{"nondeterministic_output"},
	Keys:    []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
	Args:    command.ElementScanArgs,
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
