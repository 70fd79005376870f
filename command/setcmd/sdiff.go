package setcmd

import (
	"kvorum/command"
	"kvorum/mem"
	"kvorum/object/set"
)

var sdiffSpec = &command.Spec{
	Name: "sdiff", Since: "1.0.0", Group: "set",
	Complexity: "O(N) where N is the total number of elements in all given sets.",
	Summary:    "Reads the members of a set that no other of several sets has.",
	Arity:      -2, Flags: command.ReadOnly, Categories: command.CatSet,
	Tips:    []string{"nondeterministic_output_order"},
	Keys:    []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, LastKey: -1, Step: 1}},
	Args:    []command.Arg{{Name: "key", Type: "key", Key: 1, Multiple: true}},
	Handler: sdiff,
}

var sdiffstoreSpec = &command.Spec{
	Name: "sdiffstore", Since: "1.0.0", Group: "set",
	Complexity: "O(N) where N is the total number of elements in all given sets.",
	Summary:    "Stores the members of a set that no other of several sets has as a set.",
	Arity:      -3, Flags: command.Write | command.DenyOOM, Categories: command.CatSet,
	Keys:    []command.KeySpec{{Flags: command.OW | command.Update, Index: 1, Step: 1}, {Flags: command.RO | command.Access, Index: 2, LastKey: -1, Step: 1}},
	Args:    []command.Arg{{Name: "destination", Type: "key", Key: 1}, {Name: "key", Type: "key", Key: 2, Multiple: true}},
	Handler: sdiffstore,
}

func sdiff(c *command.Ctx) {
	if list, ok := inputs(c, 0); ok && !c.Long(effort(list)) {
		replyAndDrop(c, difference(c, list))
	}
}

func sdiffstore(c *command.Ctx) {
	if list, ok := inputs(c, 1); ok && !c.Long(effort(list)) {
		store(c, difference(c, list), "sdiffstore")
	}
}

// effort returns about how many members or lookups difference takes.
func effort(list []input) int {
	if !list[0].there {
		return 0
	}
	return min(list[0].Len()*len(list), members(list))
}

// difference returns the record of a set of the members of the first set that no
// other has.
//
// Either each member of the first set is looked up in the others, or all members of
// the others are taken out of a copy of the first. The encoding of the result can
// depend on the way, so the choice is that of Redis: the first way is taken as half as
// dear as the lookups that it needs at most.
func difference(c *command.Ctx, list []input) mem.Handle {
	rec, to := result(c)
	if !list[0].there {
		return rec
	}
	lookups, members := 0, 0
	for i := range list {
		if list[i].there {
			if i > 0 && list[i].Same(&list[0].Set) {
				return rec
			}
			lookups += list[0].Len()
			members += list[i].Len()
		}
	}
	if lookups/2 <= members {
		lookUp(c, list, &to)
	} else {
		takeOut(c, list, &to)
	}
	return rec
}

// lookUp adds the members of the first set that no other has.
func lookUp(c *command.Ctx, list []input, to *set.Set) {
	var it set.Iter
	for it.Start(&list[0].Set); it.Next() && c.Step(); {
		if !inAny(list[1:], &it) {
			to.Add(it.Member(), c.Packing.Set, &c.Buf)
		}
	}
}

func inAny(list []input, it *set.Iter) bool {
	for i := range list {
		if list[i].there && list[i].HasMemberOf(it) {
			return true
		}
	}
	return false
}

// takeOut adds the members of the first set and removes those of the others.
func takeOut(c *command.Ctx, list []input, to *set.Set) {
	var it set.Iter
	for i := range list {
		if !list[i].there {
			continue
		}
		for it.Start(&list[i].Set); it.Next() && c.Step(); {
			if i == 0 {
				to.Add(it.Member(), c.Packing.Set, &c.Buf)
			} else {
				to.Delete(it.Member())
			}
		}
		if to.Len() == 0 {
			break
		}
	}
}
