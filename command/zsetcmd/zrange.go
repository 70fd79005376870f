package zsetcmd

import (
	"kvorum/command"
	"kvorum/object/zset"
)

const limitedComplexity = "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements being returned. If M is constant (e.g. always asking for the first 10 elements with LIMIT), you can consider it O(log(N))."

// Parts of the rows.
var (
	oneSource = []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}}
	argLimit  = command.Arg{Name: "limit", Type: "block", Token: "LIMIT", Optional: true, Args: []command.Arg{
		{Name: "offset", Type: "integer"},
		{Name: "count", Type: "integer"},
	}}
)

var zrangeSpec = &command.Spec{
	Name: "zrange", Since: "1.2.0", Group: "sorted-set", Complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements returned.",
	Summary: "Reads members of a sorted set by rank, score or name.",
	Arity:   -4, Flags: command.ReadOnly, Categories: command.CatSortedSet,
	History: []command.Change{
		{Since: "6.2.0", Text: "Added the `REV`, `BYSCORE`, `BYLEX` and `LIMIT` options."},
	},
	Keys: oneSource,
	Args: []command.Arg{
		{Name: "key", Type: "key", Key: 1},
		{Name: "start", Type: "string"},
		{Name: "stop", Type: "string"},
		{Name: "sortby", Type: "oneof", Since: "6.2.0", Optional: true, Args: []command.Arg{
			{Name: "byscore", Type: "pure-token", Token: "BYSCORE"},
			{Name: "bylex", Type: "pure-token", Token: "BYLEX"},
		}},
		{Name: "rev", Type: "pure-token", Token: "REV", Since: "6.2.0", Optional: true},
		{Name: "limit", Type: "block", Token: "LIMIT", Since: "6.2.0", Optional: true, Args: []command.Arg{
			{Name: "offset", Type: "integer"},
			{Name: "count", Type: "integer"},
		}},
		argWithScores,
	},
	Handler: zrange,
}

var zrevrangeSpec = &command.Spec{
	Name: "zrevrange", Since: "1.2.0", Group: "sorted-set", Complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements returned.",
	Summary: "Reads members of a sorted set by rank, from the highest score on.",
	Arity:   -4, Flags: command.ReadOnly, Categories: command.CatSortedSet,
	Deprecated: "6.2.0", ReplacedBy: "`ZRANGE` with the `REV` argument",
	Keys: oneSource,
	Args: []command.Arg{
		{Name: "key", Type: "key", Key: 1},
		{Name: "start", Type: "integer"},
		{Name: "stop", Type: "integer"},
		argWithScores,
	},
	Handler: zrevrange,
}

var zrangebyscoreSpec = &command.Spec{
	Name: "zrangebyscore", Since: "1.0.5", Group: "sorted-set", Complexity: limitedComplexity,
	Summary: "Reads members of a sorted set with scores in a range.",
	Arity:   -4, Flags: command.ReadOnly, Categories: command.CatSortedSet,
	History: []command.Change{
		{Since: "2.0.0", Text: "Added the `WITHSCORES` modifier."},
	},
	Deprecated: "6.2.0", ReplacedBy: "`ZRANGE` with the `BYSCORE` argument",
	Keys: oneSource,
	Args: []command.Arg{
		{Name: "key", Type: "key", Key: 1},
		{Name: "min", Type: "double"},
		{Name: "max", Type: "double"},
		{Name: "withscores", Type: "pure-token", Token: "WITHSCORES", Since: "2.0.0", Optional: true},
		argLimit,
	},
	Handler: zrangebyscore,
}

var zrevrangebyscoreSpec = &command.Spec{
	Name: "zrevrangebyscore", Since: "2.2.0", Group: "sorted-set", Complexity: limitedComplexity,
	Summary: "Reads members of a sorted set with scores in a range, highest first.",
	Arity:   -4, Flags: command.ReadOnly, Categories: command.CatSortedSet,
	History: []command.Change{
		{Since: "2.1.6", Text: "`min` and `max` can be exclusive."},
	},
	Deprecated: "6.2.0", ReplacedBy: "`ZRANGE` with the `REV` and `BYSCORE` arguments",
	Keys: oneSource,
	Args: []command.Arg{
		{Name: "key", Type: "key", Key: 1},
		{Name: "max", Type: "double"},
		{Name: "min", Type: "double"},
		argWithScores,
		argLimit,
	},
	Handler: zrevrangebyscore,
}

var zrangebylexSpec = &command.Spec{
	Name: "zrangebylex", Since: "2.8.9", Group: "sorted-set", Complexity: limitedComplexity,
	Summary: "Reads members of a sorted set of equal scores in a range of names.",
	Arity:   -4, Flags: command.ReadOnly, Categories: command.CatSortedSet,
	Deprecated: "6.2.0", ReplacedBy: "`ZRANGE` with the `BYLEX` argument",
	Keys: oneSource,
	Args: []command.Arg{
		{Name: "key", Type: "key", Key: 1},
		{Name: "min", Type: "string"},
		{Name: "max", Type: "string"},
		argLimit,
	},
	Handler: zrangebylex,
}

var zrevrangebylexSpec = &command.Spec{
	Name: "zrevrangebylex", Since: "2.8.9", Group: "sorted-set", Complexity: limitedComplexity,
	Summary: "Reads members of a sorted set of equal scores in a range of names, last first.",
	Arity:   -4, Flags: command.ReadOnly, Categories: command.CatSortedSet,
	Deprecated: "6.2.0", ReplacedBy: "`ZRANGE` with the `REV` and `BYLEX` arguments",
	Keys: oneSource,
	Args: []command.Arg{
		{Name: "key", Type: "key", Key: 1},
		{Name: "max", Type: "string"},
		{Name: "min", Type: "string"},
		argLimit,
	},
	Handler: zrevrangebylex,
}

const (
	errLimitRank = "-ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX"
	errScoresLex = "-ERR syntax error, WITHSCORES not supported in combination with BYLEX"
)

// order is what a range is a range of.
type order uint8

const (
	byAny order = iota // as options say
	byRank
	byScore
	byLex
)

// query is what the arguments of ZRANGE and its relatives say.
type query struct {
	order      order
	anyWay     bool // REV is an option
	reverse    bool
	withScores bool
	offset     int64
	limit      int64 // negative: none

	rank  rankRange
	score scoreRange
	lex   lexRange
}

func zrange(c *command.Ctx) { replyRange(c, &query{anyWay: true}) }

func zrevrange(c *command.Ctx) { replyRange(c, &query{order: byRank, reverse: true}) }

func zrangebyscore(c *command.Ctx) { replyRange(c, &query{order: byScore}) }

func zrevrangebyscore(c *command.Ctx) { replyRange(c, &query{order: byScore, reverse: true}) }

func zrangebylex(c *command.Ctx) { replyRange(c, &query{order: byLex}) }

func zrevrangebylex(c *command.Ctx) { replyRange(c, &query{order: byLex, reverse: true}) }

// parse reads the arguments behind the key, which is argument key; ok is false after
// the error reply.
func (q *query) parse(c *command.Ctx, key int, store bool) (ok bool) {
	if !q.options(c, key+3, store) {
		return false
	}
	if q.order == byAny {
		q.order = byRank
	}
	if q.limit != -1 && q.order == byRank {
		c.Err(errLimitRank)
		return false
	}
	if q.withScores && q.order == byLex {
		c.Err(errScoresLex)
		return false
	}
	low, high := key+1, key+2
	if q.reverse && q.order != byRank {
		low, high = high, low
	}
	switch q.order {
	case byScore:
		return q.score.parse(c, low, high)
	case byLex:
		return q.lex.parse(c, low, high)
	}
	return q.rank.parse(c, low, high)
}

// options reads the options from argument i on.
func (q *query) options(c *command.Ctx, i int, store bool) (ok bool) {
	q.limit = -1
	for ; i < len(c.Args); i++ {
		switch {
		case !store && c.Is(i, "withscores"):
			q.withScores = true
		case c.Is(i, "limit") && i+2 < len(c.Args):
			if q.offset, ok = c.Int(i + 1); !ok {
				return false
			}
			if q.limit, ok = c.Int(i + 2); !ok {
				return false
			}
			i += 2
		case q.anyWay && !q.reverse && c.Is(i, "rev"):
			q.reverse = true
		case q.order == byAny && c.Is(i, "bylex"):
			q.order = byLex
		case q.order == byAny && c.Is(i, "byscore"):
			q.order = byScore
		default:
			c.Err(command.ErrSyntax)
			return false
		}
	}
	return true
}

// find returns the rank of the first member to read and how many follow, in the
// direction of the query.
func (q *query) find(s *zset.Set) (first, count int) {
	from, to := q.ranks(s)
	count = to - from
	if q.order == byRank { // LIMIT with a count of -1 passes, and does nothing
		q.offset = 0
	}
	if q.offset < 0 || q.offset >= int64(count) {
		return 0, 0
	}
	count -= int(q.offset)
	if q.limit >= 0 {
		count = int(min(int64(count), q.limit))
	}
	if q.reverse {
		return to - 1 - int(q.offset), count
	}
	return from + int(q.offset), count
}

// ranks returns the ranks from the first member in the range to the one after the
// last: equal when there are none.
func (q *query) ranks(s *zset.Set) (from, to int) {
	switch q.order {
	case byScore:
		return q.score.ranks(s)
	case byLex:
		return q.lex.ranks(s, q.reverse)
	}
	return q.rank.ranks(s, q.reverse)
}

func replyRange(c *command.Ctx, q *query) {
	if !q.parse(c, 1, false) {
		return
	}
	e := c.Read(0)
	if !isZSet(c, e) {
		return
	}
	if !e.OK() {
		c.W.Array(0)
		return
	}
	s := open(c, e)
	first, count := q.find(s)
	if c.Long(count) {
		return
	}
	pairs(c, count, q.withScores)
	if count == 0 {
		return
	}
	var at zset.Cursor
	for s.At(first, &at); count > 0 && c.Step(); count-- {
		if q.withScores {
			member(c, at.Member(), at.Score(), true)
		} else {
			c.W.Bulk(at.Member())
		}
		at.Step(q.reverse)
	}
}
