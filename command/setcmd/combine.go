package setcmd

import (
	"kvorum/command"
	"kvorum/mem"
	"kvorum/object"
	"kvorum/object/set"
)

// What the commands over several sets have in common.

// input is a set that is read; there is none if the key is absent.
type input struct {
	set.Set
	there bool
}

// inputs opens the sets of the keys from number from on, in order; ok is false after
// the error reply if one is of another type.
func inputs(c *command.Ctx, from int) (list []input, ok bool) {
	list = make([]input, len(c.Keys)-from)
	for i := range list {
		e := c.Read(from + i)
		if !isSet(c, e) {
			return nil, false
		}
		if e.OK() {
			list[i].there = true
			list[i].Open(e.Rec)
		}
	}
	return list, true
}

// members returns the number of members of all sets.
func members(list []input) (n int) {
	for i := range list {
		if list[i].there {
			n += list[i].Len()
		}
	}
	return n
}

// result makes the record of an empty set that members are to be added to, for the
// first key, and opens it.
func result(c *command.Ctx) (rec mem.Handle, s set.Set) {
	k := c.Keys[0]
	rec = set.NewAs(c.DB.ArenaOf(k), k.Bytes, object.EncIntset, c.Access)
	s.Open(rec)
	return rec, s
}

// replyAndDrop replies the members of a result and frees it.
func replyAndDrop(c *command.Ctx, rec mem.Handle) {
	var s set.Set
	s.Open(rec)
	replySet(c, &s)
	c.KS.Discard(rec)
}

// store puts a result in the place of what is under the first key, of whatever type,
// and replies its size. An empty result deletes the key.
func store(c *command.Ctx, rec mem.Handle, event string) {
	var s set.Set
	s.Open(rec)
	n := s.Len()
	if n == 0 {
		c.KS.Discard(rec)
		storeNothing(c)
		return
	}
	k := c.Keys[0]
	c.Store(k, rec)
	c.Notify(command.NotifySet, event, k.Bytes)
	c.W.Int(int64(n))
}

// storeNothing deletes the first key, expired or not, and replies 0.
func storeNothing(c *command.Ctx) {
	c.RemoveStored(c.Keys[0])
	c.W.Int(0)
}
