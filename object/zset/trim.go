package zset

import (
	"kvorum/ds/btree"
	"kvorum/ds/table"
	"kvorum/mem"
	"kvorum/object"
)

// A range is removed member by member, which takes time for each: the table has to forget
// it. If nearly all members go, as from a board that is cut to its best, the others are
// copied to another table and tree, and the old ones are freed in slices.
const (
	trimMin   = 1024 // members to remove
	trimShare = 8    // times the members that stay
)

// DeleteRange removes count members from a rank on; there are as many. If it leaves their
// memory to a record without a key, it returns that, rest, which the caller has freed in
// slices: else 0.
func (s *Set) DeleteRange(rank, count int) (rest mem.Handle) {
	if stay := s.Len() - count; count >= trimMin && count >= stay*trimShare && !s.pack && !s.cut.On() {
		return s.trim(rank, count)
	}
	var c Cursor
	s.At(rank, &c)
	for range count {
		c.Delete()
	}
	return 0
}

// trim is DeleteRange by copying what stays.
func (s *Set) trim(rank, count int) (rest mem.Handle) {
	members, order := table.Table{}, btree.New(object.ElementName)
	copyMembers := func(from, to int) {
		c, _ := s.order.At(uint64(from))
		for ; from < to; from++ {
			old := mem.Handle(c.Entry().B)
			name := object.ElementName(old)
			e := object.NewMember(s.arena, name, object.ElementScore(old))
			members.Insert(s.arena, object.NameHash(name), e, object.ByName)
			end := order.End()
			end.Insert(s.arena, btree.Entry{A: c.Entry().A, B: uint64(e)})
			c.Next()
		}
	}
	copyMembers(0, rank)
	copyMembers(rank+count, s.Len())
	rest = object.NewNameless(object.ZSet, object.EncSkiplist, s.root)
	s.table, s.order = members, order
	s.root = object.NewRoot(s.arena, object.EncSkiplist)
	s.save()
	object.SetRoot(s.rec, s.root, object.EncSkiplist)
	return rest
}
