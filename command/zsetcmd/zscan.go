package zsetcmd

import (
	"kvorum/command"
	"kvorum/glob"
	"kvorum/num"
	"kvorum/object/zset"
	"kvorum/resp"
)

var zscanSpec = &command.Spec{
	Name: "zscan", Since: "2.8.0", Group: "sorted-set", Complexity: "O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection.",
	Summary: "Walks over the members of a sorted set with their scores, some at each call.",
	Arity:   -3, Flags: command.ReadOnly, Categories: command.CatSortedSet,
	Tips: []string{"nondeterministic_output"},
	Keys: []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
	Args: []command.Arg{
		{Name: "key", Type: "key", Key: 1},
		{Name: "cursor", Type: "integer"},
		{Name: "pattern", Type: "pattern", Token: "MATCH", Optional: true},
		{Name: "count", Type: "integer", Token: "COUNT", Optional: true},
	},
	Handler: zscan,
}

const (
	scanCount     = 10 // members asked for unless COUNT says otherwise
	scanEffort    = 10 // buckets looked at for each member asked for
	scanEffortMax = 1 << 40
)

// scanner is a ZSCAN on its way.
type scanner struct {
	cursor  uint64
	count   int64
	pattern []byte // nil: all
	out     resp.Writer
	found   int
	visited int64
	digits  [40]byte // of a score
}

func zscan(c *command.Ctx) {
	s := scanner{count: scanCount}
	var ok bool
	if s.cursor, ok = num.ParseCursor(c.Args[2]); !ok {
		c.Err("-ERR invalid cursor")
		return
	}
	e := c.Read(0)
	if !isZSet(c, e) {
		return
	}
	if !e.OK() {
		c.W.Array(2)
		c.W.BulkInt(0)
		c.W.Array(0)
		return
	}
	if !s.parse(c) {
		return
	}
	s.out.B = c.Buf[:0]
	s.walk(open(c, e))
	c.W.Array(2)
	c.W.Bulk(num.AppendUint(c.Scratch[:0], s.cursor))
	c.W.Array(2 * s.found)
	c.W.Raw(s.out.B)
	c.Buf = s.out.B
}

// parse reads the options and reports whether they are good; if not it has replied.
func (s *scanner) parse(c *command.Ctx) (ok bool) {
	for i := 3; i < len(c.Args); i += 2 {
		more := i+1 < len(c.Args)
		switch {
		case more && c.Is(i, "count"):
			if s.count, ok = c.Int(i + 1); !ok {
				return false
			}
			if s.count < 1 {
				c.Err(command.ErrSyntax)
				return false
			}
		case more && c.Is(i, "match"):
			s.pattern = c.Args[i+1]
			if string(s.pattern) == "*" { // matches also where a pattern does not: nothing
				s.pattern = nil
			}
		default:
			c.Err(command.ErrSyntax)
			return false
		}
	}
	return true
}

// walk goes over all of a packed set, or on from the cursor until enough members
// were looked at.
func (s *scanner) walk(set *zset.Set) {
	if set.Packed() {
		var at zset.Cursor
		for set.At(0, &at); at.Valid(); at.Next() {
			if s.matches(at.Member()) {
				s.out.Bulk(at.Member())
				s.out.Bulk(num.AppendFloat(s.digits[:0], at.Score()))
			}
		}
		s.cursor = 0
		return
	}
	for effort := min(s.count, scanEffortMax) * scanEffort; effort >= 0; effort-- {
		s.cursor = set.Scan(s.cursor, s.visit)
		if s.cursor == 0 || s.visited >= s.count {
			return
		}
	}
}

// visit takes a member of a set that is not packed, whose score Redis writes with 17
// digits here.
func (s *scanner) visit(member []byte, score float64) {
	s.visited++
	if s.matches(member) {
		s.out.Bulk(member)
		s.out.Bulk(resp.AppendDouble17(s.digits[:0], score))
	}
}

func (s *scanner) matches(member []byte) bool {
	if s.pattern != nil && !glob.Match(s.pattern, member) {
		return false
	}
	s.found++
	return true
}
