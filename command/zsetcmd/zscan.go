package zsetcmd

import (
	"kvorum/command"
	"kvorum/num"
	"kvorum/object/zset"
	"kvorum/resp"
)

var zscanSpec = &command.Spec{
	Name: "zscan", Since: "2.8.0", Group: "sorted-set", Complexity: command.ElementScanComplexity,
	Summary: "Walks over the members of a sorted set with their scores, some at each call.",
	Arity:   -3, Flags: command.ReadOnly, Categories: command.CatSortedSet,
	Tips:    []string{"nondeterministic_output"},
	Keys:    []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
	Args:    command.ElementScanArgs,
	Handler: zscan,
}

func zscan(c *command.Ctx) {
	var s command.ElementScan
	if !s.Begin(c) {
		return
	}
	e := c.Read(0)
	if !isZSet(c, e) {
		return
	}
	if !e.OK() {
		s.Absent()
		return
	}
	if !s.Options() {
		return
	}
	if set := open(c, e); set.Packed() {
		scanPacked(&s, set)
	} else {
		scanTable(&s, set)
	}
	s.Reply()
}

// scoreDigits is room for a score.
const scoreDigits = 40

// scanPacked takes all members of a packed set.
func scanPacked(s *command.ElementScan, set *zset.Set) {
	var digits [scoreDigits]byte
	var at zset.Cursor
	for set.At(0, &at); at.Valid(); at.Next() {
		if s.Wants(at.Member(), 2) {
			s.Found.Bulk(at.Member())
			s.Found.Bulk(num.AppendFloat(digits[:0], at.Score()))
		}
	}
	s.Cursor = 0
}

// scanTable goes on from the cursor until enough members were looked at. Redis writes
// their scores with 17 digits here.
func scanTable(s *command.ElementScan, set *zset.Set) {
	var digits [scoreDigits]byte
	for more := true; more; more = s.More() {
		s.Cursor = set.Scan(s.Cursor, func(member []byte, score float64) {
			if s.Wants(member, 2) {
				s.Found.Bulk(member)
				s.Found.Bulk(resp.AppendDouble17(digits[:0], score))
			}
		})
	}
}
