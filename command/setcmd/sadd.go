package setcmd

import (
	"kvorum/command"
	"kvorum/object/set"
)

var saddSpec = &command.Spec{
	Name: "sadd", Since: "1.0.0", Group: "set",
	Complexity: "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.",
	Summary:    "Adds members to a set.",
	Arity:      -3, Flags: command.Write | command.DenyOOM | command.Fast, Categories: command.CatSet,
	History: []command.Change{{Since: "2.4.0", Text: "Accepts multiple `member` arguments."}},
	Keys:    []command.KeySpec{{Flags: command.RW | command.Insert, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey, {Name: "member", Type: "string", Multiple: true}},
	Handler: sadd,
}

func sadd(c *command.Ctx) {
	e := c.Write(0)
	if !isSet(c, e) {
		return
	}
	members, lim := c.Args[2:], c.Packing.Set
	var s set.Set
	if e.OK() {
		s.Open(e.Rec)
		s.Prepare(len(members), lim)
	} else {
		create(c, &s, 0, members[0], len(members))
	}
	added := 0
	for _, m := range members {
		if s.Add(m, lim, &c.Buf) {
			added++
		}
	}
	if added > 0 {
		changed(c, 0, "sadd", added)
	}
	c.W.Int(int64(added))
}

// create makes the set of key i, which is absent, for count members, and opens it.
func create(c *command.Ctx, s *set.Set, i int, member []byte, count int) {
	k := c.Keys[i]
	rec := set.New(c.DB.ArenaOf(k), k.Bytes, member, count, c.Packing.Set, c.Access)
	c.DB.Add(k, rec)
	c.Notify(command.NotifyNew, "new", k.Bytes)
	s.Open(rec)
}
