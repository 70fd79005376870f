package zsetcmd

import (
	"math"

	"kvorum/command"
	"kvorum/num"
	"kvorum/object/zset"
)

var zrandmemberSpec = &command.Spec{
	Name: "zrandmember", Since: "6.2.0", Group: "sorted-set", Complexity: "O(N) where N is the number of members returned",
	Summary: "Reads members of a sorted set at random.",
	Arity:   -2, Flags: command.ReadOnly, Categories: command.CatSortedSet,
	Tips: []string{"nondeterministic_output"},
	Keys: []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
	Args: []command.Arg{
		{Name: "key", Type: "key", Key: 1},
		{Name: "options", Type: "block", Optional: true, Args: []command.Arg{
			{Name: "count", Type: "integer"},
			{Name: "withscores", Type: "pure-token", Token: "WITHSCORES", Optional: true},
		}},
	},
	Handler: zrandmember,
}

const (
	errRandRange  = "-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"
	errRandScores = "-ERR value is out of range"
)

func zrandmember(c *command.Ctx) {
	if len(c.Args) > 2 {
		randomMany(c)
		return
	}
	e := c.Read(0)
	if !isZSet(c, e) {
		return
	}
	if !e.OK() {
		c.W.Null()
		return
	}
	var at zset.Cursor
	open(c, e).Random(c.Rng, &at)
	c.W.Bulk(at.Member())
}

// randomMany is ZRANDMEMBER with a count: that many different ones, or if it is
// negative as many as it says, with repetitions.
func randomMany(c *command.Ctx) {
	count, ok := num.ParseInt64(c.Args[2])
	withScores := len(c.Args) == 4
	switch {
	case !ok:
		c.Err(command.ErrNotInt)
		return
	case count == math.MinInt64:
		c.Err(errRandRange)
		return
	case len(c.Args) > 4 || withScores && !c.Is(3, "withscores"):
		c.Err(command.ErrSyntax)
		return
	case withScores && (count < -math.MaxInt64/2 || count > math.MaxInt64/2):
		c.Err(errRandScores)
		return
	}
	e := c.Read(0)
	if !isZSet(c, e) {
		return
	}
	if !e.OK() || count == 0 {
		c.W.Array(0)
		return
	}
	s := open(c, e)
	var at zset.Cursor
	if count < 0 {
		if c.Long(int(-count)) {
			return
		}
		pairs(c, int(-count), withScores)
		for ; count < 0 && c.Step(); count++ {
			s.Random(c.Rng, &at)
			member(c, at.Member(), at.Score(), withScores)
		}
		return
	}
	n := int(min(count, int64(s.Len())))
	if c.Long(n) {
		return
	}
	pairs(c, n, withScores)
	switch {
	case n == s.Len() && n > 1: // in Redis's order
		for s.At(n-1, &at); n > 0 && c.Step(); n-- {
			member(c, at.Member(), at.Score(), withScores)
			at.Prev()
		}
	case s.Packed():
		randomInOrder(c, s, n, withScores)
	default:
		randomRanks(c, s, n, withScores)
	}
}

// randomInOrder replies n different members, each choice of n with the same chance,
// in one walk: a member is taken with the chance of those still wanted among those
// still to come.
func randomInOrder(c *command.Ctx, s *zset.Set, n int, withScores bool) {
	var at zset.Cursor
	left := s.Len()
	for s.At(0, &at); n > 0; at.Next() {
		if c.Rng.Intn(left) < n {
			member(c, at.Member(), at.Score(), withScores)
			n--
		}
		left--
	}
}

// randomRanks replies n different members, each choice of n with the same chance.
// Of the ranks below left it draws one; where that was drawn before, the last of
// them is taken instead, which cannot have been (Floyd).
func randomRanks(c *command.Ctx, s *zset.Set, n int, withScores bool) {
	drawn := make(map[int]bool, n)
	var at zset.Cursor
	for left := s.Len() - n + 1; left <= s.Len() && c.Step(); left++ {
		rank := c.Rng.Intn(left)
		if drawn[rank] {
			rank = left - 1
		}
		drawn[rank] = true
		s.At(rank, &at)
		member(c, at.Member(), at.Score(), withScores)
	}
}
