package hashcmd

import (
	"kvorum/command"
	"kvorum/object/hash"
)

var hscanSpec = &command.Spec{
	Name: "hscan", Since: "2.8.0", Group: "hash",
	Complexity: command.ElementScanComplexity,
	Summary:    "Walks over the fields of a hash, some at each call.",
	Arity:      -3, Flags: command.ReadOnly, Categories: command.CatHash,
	Tips:    []string{"nondeterministic_output"},
	Keys:    []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
	Args:    command.ElementScanArgs,
	Handler: hscan,
}

func hscan(c *command.Ctx) {
	var s command.ElementScan
	if !s.Begin(c) {
		return
	}
	e := c.Read(0)
	var h hash.Hash
	if !openHash(c, &e, &h) {
		return
	}
	if !e.OK() {
		s.Absent()
		return
	}
	if !s.Options() {
		return
	}
	for more := true; more; more = s.More() {
		s.Cursor = h.Scan(s.Cursor, func(field, value []byte) {
			if s.Wants(field, 2) {
				s.Found.Bulk(field)
				s.Found.Bulk(value)
			}
		})
	}
	s.Reply()
}
