package setcmd

import (
	"kvorum/command"
	"kvorum/object"
	"kvorum/object/set"
)

var sinterSpec = &command.Spec{
	Name: "sinter", Since: "1.0.0", Group: "set",
	Complexity: "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets.",
	Summary:    "Reads the members that all sets have.",
	Arity:      -2, Flags: command.ReadOnly, Categories: command.CatSet,
	Tips:    []string{"nondeterministic_output_order"},
	Keys:    []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, LastKey: -1, Step: 1}},
	Args:    []command.Arg{{Name: "key", Type: "key", Key: 1, Multiple: true}},
	Handler: sinter,
}

var sinterstoreSpec = &command.Spec{
	Name: "sinterstore", Since: "1.0.0", Group: "set",
	Complexity: "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets.",
	Summary:    "Stores the members that all sets have as a set.",
	Arity:      -3, Flags: command.Write | command.DenyOOM, Categories: command.CatSet,
	Keys:    []command.KeySpec{{Flags: command.RW | command.Update, Index: 1, Step: 1}, {Flags: command.RO | command.Access, Index: 2, LastKey: -1, Step: 1}},
	Args:    []command.Arg{{Name: "destination", Type: "key", Key: 1}, {Name: "key", Type: "key", Key: 2, Multiple: true}},
	Handler: sinterstore,
}

func sinter(c *command.Ctx) {
	list, ok := inputs(c, 0)
	if !ok {
		return
	}
	if !allThere(list) {
		c.W.Set(0)
		return
	}
	sortBySize(list)
	if c.Long(list[0].Len() * len(list)) {
		return
	}
	head := c.W.DeferLen()
	n := 0
	var it set.Iter
	for it.Start(&list[0].Set); it.Next() && c.Step(); {
		if inAll(list, &it) {
			c.W.Bulk(it.Member())
			n++
		}
	}
	c.W.SetDeferredSet(head, n)
}

func sinterstore(c *command.Ctx) {
	list, ok := inputs(c, 1)
	if !ok {
		return
	}
	if !allThere(list) {
		storeNothing(c)
		return
	}
	sortBySize(list)
	if c.Long(list[0].Len() * len(list)) {
		return
	}
	k, lim := c.Keys[0], c.Packing.Set
	enc := object.EncListpack
	if list[0].Encoding() == object.EncIntset {
		enc = object.EncIntset
	}
	rec := set.NewAs(c.DB.ArenaOf(k), k.Bytes, enc, c.Access)
	var to set.Set
	to.Open(rec)
	integers := true
	var it set.Iter
	for it.Start(&list[0].Set); it.Next() && c.Step(); {
		if inAll(list, &it) {
			integers = integers && it.IsInteger()
			to.Add(it.Member(), lim, &c.Buf)
		}
	}
	if integers {
		to.PackIntegers(lim)
	}
	store(c, rec, "sinterstore")
}

func allThere(list []input) bool {
	for i := range list {
		if !list[i].there {
			return false
		}
	}
	return true
}

// sortBySize puts small sets first and leaves those of a size in their order.
func sortBySize(list []input) {
	for i := 1; i < len(list); i++ {
		for j := i; j > 0 && list[j].Len() < list[j-1].Len(); j-- {
			list[j], list[j-1] = list[j-1], list[j]
		}
	}
}

// inAll reports whether the present member of a walk over the first set is in the
// others.
func inAll(list []input, it *set.Iter) bool {
	for i := 1; i < len(list); i++ {
		if !list[i].Same(&list[0].Set) && !list[i].HasMemberOf(it) {
			return false
		}
	}
	return true
}
