package listcmd

import (
	"math"

	"kvorum/command"
	"kvorum/ds/listpack"
	"kvorum/num"
	"kvorum/object/list"
)

var lposSpec = &command.Spec{
	Name: "lpos", Since: "6.0.6", Group: "list", Complexity: "O(N) where N is the number of elements in the list, for the average case. When searching for elements near the head or the tail of the list, or when the MAXLEN option is provided, the command may run in constant time.",
	Summary: "Finds the indexes of elements of a list that equal a value.",
	Arity:   -3, Flags: command.ReadOnly, Categories: command.CatList,
	Keys: []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
	Args: []command.Arg{
		{Name: "key", Type: "key", Key: 1},
		{Name: "element", Type: "string"},
		{Name: "rank", Type: "integer", Token: "RANK", Optional: true},
		{Name: "num-matches", Type: "integer", Token: "COUNT", Optional: true},
		{Name: "len", Type: "integer", Token: "MAXLEN", Optional: true},
	},
	Handler: lpos,
}

const (
	errRank      = "-ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list"
	errRankRange = "-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"
	errPosCount  = "-ERR COUNT can't be negative"
	errMaxLen    = "-ERR MAXLEN can't be negative"
)

// posOptions is what the options of LPOS say.
type posOptions struct {
	rank    int64 // of the first match wanted; 1 or more
	back    bool  // from the end of the list
	counted bool
	count   int64 // 0: all
	maxLen  int64 // elements to look at, 0: all
}

// parse reads the options; ok is false after the error reply.
func (o *posOptions) parse(c *command.Ctx) (ok bool) {
	o.rank = 1
	for i := 3; i < len(c.Args); i += 2 {
		more := i+1 < len(c.Args)
		switch {
		case more && c.Is(i, "rank"):
			ok = o.parseRank(c, i+1)
		case more && c.Is(i, "count"):
			o.count, ok = c.IntFrom(i+1, 0, errPosCount)
			o.counted = true
		case more && c.Is(i, "maxlen"):
			o.maxLen, ok = c.IntFrom(i+1, 0, errMaxLen)
		default:
			c.Err(command.ErrSyntax)
			return false
		}
		if !ok {
			return false
		}
	}
	return true
}

func (o *posOptions) parseRank(c *command.Ctx, i int) (ok bool) {
	rank, ok := num.ParseInt64(c.Args[i])
	switch {
	case !ok:
		c.Err(command.ErrNotInt)
	case rank == math.MinInt64:
		c.Err(errRankRange)
	case rank == 0:
		c.Err(errRank)
	default:
		o.back = rank < 0
		o.rank = max(rank, -rank)
		return true
	}
	return false
}

func lpos(c *command.Ctx) {
	var o posOptions
	if !o.parse(c) {
		return
	}
	e := c.Read(0)
	if !isList(c, e) {
		return
	}
	if !e.OK() {
		if o.counted {
			c.W.Array(0)
		} else {
			c.W.Null()
		}
		return
	}
	l := open(c, e)
	v := listpack.Of(c.Args[2])
	reply := len(c.W.B)
	if o.counted {
		o.all(c, l, v)
	} else if index := o.first(c, l, v); index >= 0 {
		c.W.Int(int64(index))
	} else {
		c.W.Null()
	}
	if c.Leaving() {
		c.W.B = c.W.B[:reply]
	}
}

// first returns the index of the match wanted, -1 if there is none.
func (o *posOptions) first(c *command.Ctx, l *list.List, v listpack.Value) int {
	var s posSearch
	for s.start(c, o, l); s.next(v); {
		if s.matches == o.rank {
			return s.index
		}
	}
	return -1
}

// all replies the indexes of the matches wanted.
func (o *posOptions) all(c *command.Ctx, l *list.List, v listpack.Value) {
	head := c.W.DeferLen()
	n := 0
	var s posSearch
	for s.start(c, o, l); s.next(v); {
		if s.matches < o.rank {
			continue
		}
		c.W.Int(int64(s.index))
		if n++; int64(n) == o.count {
			break
		}
	}
	c.W.SetDeferredArray(head, n)
}

// posSearch walks the matches. How far it has to go shows on the way: if that is far,
// the command leaves the loop.
type posSearch struct {
	c       *command.Ctx
	at      list.Cursor
	back    bool
	looked  int
	left    int // elements to look at
	matches int64
	index   int // of the last match
}

func (s *posSearch) start(c *command.Ctx, o *posOptions, l *list.List) {
	n := l.Len()
	s.c = c
	s.back, s.left = o.back, n
	if o.maxLen > 0 {
		s.left = int(min(o.maxLen, int64(n)))
	}
	s.index = -1
	if s.back {
		s.index = n
	}
	l.At(max(s.index, 0), &s.at)
}

// next goes to the next match and reports whether there is one.
func (s *posSearch) next(v listpack.Value) bool {
	for s.left > 0 && s.c.Step() {
		s.left--
		if s.looked++; s.looked == command.LongSteps && s.c.Long(s.looked) {
			return false
		}
		var equal bool
		if s.back {
			s.at.Prev()
			s.index--
			equal = s.at.Is(v)
		} else {
			equal = s.at.Is(v)
			s.at.Next()
			s.index++
		}
		if equal {
			s.matches++
			return true
		}
	}
	return false
}
