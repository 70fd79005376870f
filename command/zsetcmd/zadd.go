package zsetcmd

import (
	"math"

	"kvorum/command"
	"kvorum/num"
	"kvorum/object/zset"
)

var zaddSpec = &command.Spec{
	Name: "zadd", Since: "1.2.0", Group: "sorted-set", Complexity: "O(log(N)) for each item added, where N is the number of elements in the sorted set.",
	Summary: "Gives members of a sorted set their scores, optionally with conditions.",
	Arity:   -4, Flags: command.Write | command.DenyOOM | command.Fast, Categories: command.CatSortedSet,
	History: []command.Change{
		{Since: "2.4.0", Text: "Accepts multiple elements."},
		{Since: "3.0.2", Text: "Added the `XX`, `NX`, `CH` and `INCR` options."},
		{Since: "6.2.0", Text: "Added the `GT` and `LT` options."},
	},
	Keys: []command.KeySpec{{Flags: command.RW | command.Update, Index: 1, Step: 1}},
	Args: []command.Arg{
		{Name: "key", Type: "key", Key: 1},
		{Name: "condition", Type: "oneof", Since: "3.0.2", Optional: true, Args: []command.Arg{
			{Name: "nx", Type: "pure-token", Token: "NX"},
			{Name: "xx", Type: "pure-token", Token: "XX"},
		}},
		{Name: "comparison", Type: "oneof", Since: "6.2.0", Optional: true, Args: []command.Arg{
			{Name: "gt", Type: "pure-token", Token: "GT"},
			{Name: "lt", Type: "pure-token", Token: "LT"},
		}},
		{Name: "change", Type: "pure-token", Token: "CH", Since: "3.0.2", Optional: true},
		{Name: "increment", Type: "pure-token", Token: "INCR", Since: "3.0.2", Optional: true},
		{Name: "data", Type: "block", Multiple: true, Args: []command.Arg{
			{Name: "score", Type: "double"},
			{Name: "member", Type: "string"},
		}},
	},
	Ahead:   3,
	Handler: zadd,
}

var zincrbySpec = &command.Spec{
	Name: "zincrby", Since: "1.2.0", Group: "sorted-set", Complexity: "O(log(N)) where N is the number of elements in the sorted set.",
	Summary: "Adds to the score of a member of a sorted set.",
	Arity:   4, Flags: command.Write | command.DenyOOM | command.Fast, Categories: command.CatSortedSet,
	Keys: []command.KeySpec{{Flags: command.RW | command.Access | command.Update, Index: 1, Step: 1}},
	Args: []command.Arg{
		{Name: "key", Type: "key", Key: 1},
		{Name: "increment", Type: "integer"},
		{Name: "member", Type: "string"},
	},
	Handler: zincrby,
}

const (
	errNXandXX = "-ERR XX and NX options at the same time are not compatible"
	errGTLTNX  = "-ERR GT, LT, and/or NX options at the same time are not compatible"
	errOnePair = "-ERR INCR option supports a single increment-element pair"
	errNaN     = "-ERR resulting score is not a number (NaN)"
)

// addFlags are the options of ZADD.
type addFlags uint8

const (
	addNX addFlags = 1 << iota
	addXX
	addGT
	addLT
	addCH
	addIncr
)

func zadd(c *command.Ctx) { add(c, 0) }

func zincrby(c *command.Ctx) { add(c, addIncr) }

// parseAdd reads the options from argument 2 on, and checks them and all scores. It
// returns the number of the first score and the last score itself; ok is false after
// the error reply.
func parseAdd(c *command.Ctx, flags addFlags) (at int, last float64, _ addFlags, ok bool) {
	for at = 2; at < len(c.Args); at++ {
		f := addOption(c, at)
		if f == 0 {
			break
		}
		flags |= f
	}
	n := len(c.Args) - at
	text := ""
	switch {
	case n == 0 || n%2 != 0:
		text = command.ErrSyntax
	case flags&addNX != 0 && flags&addXX != 0:
		text = errNXandXX
	case flags&addNX != 0 && flags&(addGT|addLT) != 0, flags&addGT != 0 && flags&addLT != 0:
		text = errGTLTNX
	case flags&addIncr != 0 && n > 2:
		text = errOnePair
	}
	for i := at; text == "" && i < len(c.Args); i += 2 {
		if last, ok = num.ParseFloat(c.Args[i]); !ok {
			text = command.ErrNotFloat
		}
	}
	if text != "" {
		c.Err(text)
		return 0, 0, 0, false
	}
	return at, last, flags, true
}

func addOption(c *command.Ctx, i int) addFlags {
	switch {
	case c.Is(i, "nx"):
		return addNX
	case c.Is(i, "xx"):
		return addXX
	case c.Is(i, "gt"):
		return addGT
	case c.Is(i, "lt"):
		return addLT
	case c.Is(i, "ch"):
		return addCH
	case c.Is(i, "incr"):
		return addIncr
	}
	return 0
}

func add(c *command.Ctx, flags addFlags) {
	at, last, flags, ok := parseAdd(c, flags)
	if !ok {
		return
	}
	k, e := c.Keys[0], c.Write(0)
	if !isZSet(c, e) {
		return
	}
	if !e.OK() && flags&addXX != 0 {
		if flags&addIncr != 0 {
			c.W.Null()
		} else {
			c.W.Int(0)
		}
		return
	}
	lim := c.Packing.ZSet
	var s *zset.Set
	if e.OK() {
		s = open(c, e)
	} else {
		s = openNew(c, k)
	}
	if s.Packed() && ((len(c.Args)-at)/2 > lim.Entries || !e.OK() && len(c.Args[at+1]) > lim.Value) {
		s.Unpack()
	}
	a := adding{flags: flags}
	var next uint64
	if c.Next != nil {
		next = s.Touch(c.Next)
	}
	for i := at; i < len(c.Args); i += 2 {
		score := last // most often there is but one
		if i+2 < len(c.Args) {
			score, _ = num.ParseFloat(c.Args[i])
		}
		if !a.put(c, s, c.Args[i+1], score) {
			c.Err(errNaN)
			return
		}
	}
	a.finish(c)
	if c.Next != nil {
		s.Approach(next)
	}
}

// adding is a ZADD on its way.
type adding struct {
	flags          addFlags
	added, updated int
	score          float64 // of the last member, if its conditions held
	held           bool
}

// put gives a member its score if the conditions hold; ok is false if that is not a
// number.
func (a *adding) put(c *command.Ctx, s *zset.Set, member []byte, score float64) (ok bool) {
	if a.flags&^addCH != 0 {
		old, exists := s.Score(member)
		if exists && a.flags&addIncr != 0 {
			if score += old; math.IsNaN(score) && a.flags&addNX == 0 {
				return false
			}
		}
		a.held = false
		switch {
		case !exists && a.flags&addXX != 0, exists && a.flags&addNX != 0,
			exists && a.flags&addLT != 0 && score >= old, exists && a.flags&addGT != 0 && score <= old:
			return true
		}
	}
	a.held, a.score = true, score
	switch s.Put(member, score, c.Packing.ZSet, &c.Buf) {
	case zset.Added:
		a.added++
	case zset.Updated:
		a.updated++
	}
	return true
}

// finish replies and tells what changed.
func (a *adding) finish(c *command.Ctx) {
	switch {
	case a.flags&addIncr == 0:
		n := a.added
		if a.flags&addCH != 0 {
			n += a.updated
		}
		c.W.Int(int64(n))
	case a.held:
		c.W.Double(a.score)
	default:
		c.W.Null()
	}
	if a.added+a.updated == 0 {
		return
	}
	c.Dirty += a.added + a.updated
	k := c.Keys[0]
	c.DB.Modified(k)
	if a.flags&addIncr != 0 {
		c.Notify(command.NotifyZSet, "zincr", k.Bytes)
	} else {
		c.Notify(command.NotifyZSet, "zadd", k.Bytes)
	}
}

// Add is ZADD, and reports whether it changed anything.
func Add(c *command.Ctx) bool {
	before := c.Dirty
	add(c, 0)
	return c.Dirty != before
}
