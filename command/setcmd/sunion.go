package setcmd

import (
	"kvorum/command"
	"kvorum/mem"
	"kvorum/object/set"
)

var sunionSpec = &command.Spec{
	Name: "sunion", Since: "1.0.0", Group: "set",
	Complexity: "O(N) where N is the total number of elements in all given sets.",
	Summary:    "Reads the members that any of several sets has.",
	Arity:      -2, Flags: command.ReadOnly, Categories: command.CatSet,
	Tips:    []string{"nondeterministic_output_order"},
	Keys:    []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, LastKey: -1, Step: 1}},
	Args:    []command.Arg{{Name: "key", Type: "key", Key: 1, Multiple: true}},
	Handler: sunion,
}

var sunionstoreSpec = &command.Spec{
	Name: "sunionstore", Since: "1.0.0", Group: "set",
	Complexity: "O(N) where N is the total number of elements in all given sets.",
	Summary:    "Stores the members that any of several sets has as a set.",
	Arity:      -3, Flags: command.Write | command.DenyOOM, Categories: command.CatSet,
	Keys:    []command.KeySpec{{Flags: command.OW | command.Update, Index: 1, Step: 1}, {Flags: command.RO | command.Access, Index: 2, LastKey: -1, Step: 1}},
	Args:    []command.Arg{{Name: "destination", Type: "key", Key: 1}, {Name: "key", Type: "key", Key: 2, Multiple: true}},
	Handler: sunionstore,
}

func sunion(c *command.Ctx) {
	if list, ok := inputs(c, 0); ok && !c.Long(members(list)) {
		replyAndDrop(c, union(c, list))
	}
}

func sunionstore(c *command.Ctx) {
	if list, ok := inputs(c, 1); ok && !c.Long(members(list)) {
		store(c, union(c, list), "sunionstore")
	}
}

// union returns the record of a set of the members of all sets.
func union(c *command.Ctx, list []input) mem.Handle {
	rec, to := result(c)
	var it set.Iter
	for i := range list {
		if !list[i].there {
			continue
		}
		for it.Start(&list[i].Set); it.Next() && c.Step(); {
			to.Add(it.Member(), c.Packing.Set, &c.Buf)
		}
	}
	return rec
}
