package zsetcmd

import (
	"bytes"

	"kvorum/command"
	"kvorum/num"
	"kvorum/object/zset"
)

const (
	errNotScore = "-ERR min or max is not a float"
	errNotLex   = "-ERR min or max not valid string range item"
)

// scoreRange is a range of scores.
type scoreRange struct {
	min, max         float64
	minOpen, maxOpen bool // the bound is not in the range
}

// parse reads the bounds from arguments min and max; ok is false after the error
// reply.
func (r *scoreRange) parse(c *command.Ctx, min, max int) (ok bool) {
	var okMin, okMax bool
	r.min, r.minOpen, okMin = scoreBound(c.Args[min])
	r.max, r.maxOpen, okMax = scoreBound(c.Args[max])
	if !okMin || !okMax {
		c.Err(errNotScore)
		return false
	}
	return true
}

func scoreBound(b []byte) (score float64, open, ok bool) {
	if len(b) > 0 && b[0] == '(' {
		b, open = b[1:], true
	}
	score, ok = num.ParseFloatLoose(b)
	return score, open, ok
}

// ranks returns the ranks from the first member in the range to the one after the
// last: equal when there are none.
func (r *scoreRange) ranks(s *zset.Set) (from, to int) {
	if r.min > r.max {
		return 0, 0
	}
	var c zset.Cursor
	s.SeekScore(r.min, r.minOpen, &c)
	if !c.Valid() {
		return 0, 0
	}
	from = c.Rank()
	s.SeekScore(r.max, !r.maxOpen, &c)
	return from, max(from, c.Rank())
}

// lexBound is a bound of a range of names: a name, or what comes before or after
// all names.
type lexBound struct {
	name []byte
	side int8 // -1 before all, 1 after all, 0 the name
	open bool // the bound is not in the range
}

func (b *lexBound) parse(arg []byte) (ok bool) {
	if len(arg) == 0 {
		return false
	}
	alone := len(arg) == 1 || arg[1] == 0
	*b = lexBound{name: arg[1:]}
	switch arg[0] {
	case '+':
		b.side, b.open = 1, true
		return alone
	case '-':
		b.side, b.open = -1, true
		return alone
	case '(':
		b.open = true
		return true
	}
	return arg[0] == '['
}

// compare compares a bound with a name.
func (b *lexBound) compare(name []byte) int {
	if b.side != 0 {
		return int(b.side)
	}
	return bytes.Compare(b.name, name)
}

// lexRange is a range of names, of members that all have one score. Of others Redis
// finds some that depend on chance.
type lexRange struct{ min, max lexBound }

// parse reads the bounds from arguments min and max; ok is false after the error
// reply.
func (r *lexRange) parse(c *command.Ctx, min, max int) (ok bool) {
	if !r.min.parse(c.Args[min]) || !r.max.parse(c.Args[max]) {
		c.Err(errNotLex)
		return false
	}
	return true
}

func (r *lexRange) aboveMin(name []byte) bool {
	cmp := r.min.compare(name)
	return cmp < 0 || cmp == 0 && !r.min.open
}

func (r *lexRange) belowMax(name []byte) bool {
	cmp := r.max.compare(name)
	return cmp > 0 || cmp == 0 && !r.max.open
}

func (r *lexRange) empty() bool {
	if r.min.side > 0 || r.max.side < 0 {
		return true
	}
	if r.min.side < 0 || r.max.side > 0 {
		return false
	}
	cmp := bytes.Compare(r.min.name, r.max.name)
	return cmp > 0 || cmp == 0 && (r.min.open || r.max.open)
}

// ranks returns the ranks from the first member in the range to the one after the
// last: equal when there are none. reverse tells that the range will be read from
// its end, which matters where scores differ.
func (r *lexRange) ranks(s *zset.Set, reverse bool) (from, to int) {
	if r.empty() {
		return 0, 0
	}
	if s.Packed() {
		return r.packedRanks(s, reverse)
	}
	var c zset.Cursor
	if r.min.side == 0 {
		s.SeekMember(r.min.name, r.min.open, &c)
		from = c.Rank()
	}
	to = s.Len()
	if r.max.side == 0 {
		s.SeekMember(r.max.name, !r.max.open, &c)
		to = c.Rank()
	}
	return from, max(from, to)
}

// packedRanks walks a packed set as Redis does, so that sets of different scores
// have the same members in the range.
func (r *lexRange) packedRanks(s *zset.Set, reverse bool) (from, to int) {
	n := s.Len()
	var c zset.Cursor
	s.At(n-1, &c)
	last := r.aboveMin(c.Member())
	s.At(0, &c)
	if !last || !r.belowMax(c.Member()) {
		return 0, 0
	}
	if reverse {
		s.At(n-1, &c)
		for to = n; !r.belowMax(c.Member()); to-- {
			c.Prev()
		}
		for from = to; from > 0 && r.aboveMin(c.Member()); from-- {
			c.Prev()
		}
		return from, to
	}
	for ; !r.aboveMin(c.Member()); from++ {
		c.Next()
	}
	for to = from; c.Valid() && r.belowMax(c.Member()); to++ {
		c.Next()
	}
	return from, to
}

// rankRange is a range of ranks, counted from the end where negative.
type rankRange struct{ start, stop int64 }

// parse reads the ranks from arguments start and stop; ok is false after the error
// reply.
func (r *rankRange) parse(c *command.Ctx, start, stop int) (ok bool) {
	if r.start, ok = c.Int(start); !ok {
		return false
	}
	r.stop, ok = c.Int(stop)
	return ok
}

// ranks returns the ranks from the first member in the range to the one after the
// last: equal when there are none. The range counts from the highest score on if
// reverse.
func (r *rankRange) ranks(s *zset.Set, reverse bool) (from, to int) {
	n := int64(s.Len())
	start, stop := r.start, r.stop
	if start < 0 {
		start = max(start+n, 0)
	}
	if stop < 0 {
		stop += n
	}
	stop = min(stop, n-1)
	if start > stop {
		return 0, 0
	}
	if reverse {
		return int(n - 1 - stop), int(n - start)
	}
	return int(start), int(stop + 1)
}
