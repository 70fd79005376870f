package command

import (
	"kvorum/glob"
	"kvorum/num"
	"kvorum/resp"
)

// ElementScan is a SCAN over the elements of one value: HSCAN, SSCAN, ZSCAN.
//
// The handler reads the cursor, looks the value up, reads the options, which an
// absent key leaves unread, walks while More says so, and replies.
type ElementScan struct {
	Cursor uint64
	Found  resp.Writer // replies found so far, in the buffer of the context

	ctx     *Ctx
	pattern []byte // nil: all
	count   int64
	seen    int64
	steps   int64
	replies int
}

// ElementScanComplexity is that of the rows of all of them.
const ElementScanComplexity = "O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection."

// ElementScanArgs are the arguments of all of them.
var ElementScanArgs = []Arg{
	{Name: "key", Type: "key", Key: 1},
	{Name: "cursor", Type: "integer"},
	{Name: "pattern", Type: "pattern", Token: "MATCH", Optional: true},
	{Name: "count", Type: "integer", Token: "COUNT", Optional: true},
}

const (
	scanCount = 10 // elements asked for unless COUNT says otherwise
	// scanEffort is how many steps are made for each element asked for, so that a
	// call ends soon in a table of empty buckets.
	scanEffort    = 10
	scanEffortMax = 1 << 40 // far from where products overflow
)

// Begin reads the cursor in argument 2; ok is false after the error reply.
func (s *ElementScan) Begin(c *Ctx) (ok bool) {
	s.ctx = c
	if s.Cursor, ok = num.ParseCursor(c.Args[2]); !ok {
		c.Err("-ERR invalid cursor")
	}
	return ok
}

// Absent replies to a scan of a key that does not exist.
func (s *ElementScan) Absent() {
	s.ctx.W.RawString("*2\r\n$1\r\n0\r\n*0\r\n")
}

// Options reads the options from argument 3 on; ok is false after the error reply.
func (s *ElementScan) Options() (ok bool) {
	c := s.ctx
	s.count = scanCount
	for i := 3; i < len(c.Args); i += 2 {
		more := i+1 < len(c.Args)
		switch {
		case more && c.Is(i, "count"):
			if s.count, ok = c.Int(i + 1); !ok {
				return false
			}
			if s.count < 1 {
				c.Err(ErrSyntax)
				return false
			}
		case more && c.Is(i, "match"):
			s.pattern = c.Args[i+1]
			if string(s.pattern) == "*" {
				s.pattern = nil
			}
		default:
			c.Err(ErrSyntax)
			return false
		}
	}
	s.steps = min(s.count, scanEffortMax) * scanEffort
	s.Found = resp.Writer{B: c.Buf[:0], Proto: c.W.Proto, Digits17: c.W.Digits17}
	return true
}

// Wants counts an element, and reports whether it is to be replied: in as many
// replies, which the caller appends to Found.
func (s *ElementScan) Wants(name []byte, replies int) bool {
	s.seen++
	if s.pattern != nil && !glob.Match(s.pattern, name) {
		return false
	}
	s.replies += replies
	return true
}

// More reports, after each step, whether to make another one.
func (s *ElementScan) More() bool {
	s.steps--
	return s.Cursor != 0 && s.steps >= 0 && s.seen < s.count
}

// Reply replies what was found.
func (s *ElementScan) Reply() {
	w := s.ctx.W
	var buf [24]byte
	w.Array(2)
	w.Bulk(num.AppendUint(buf[:0], s.Cursor))
	w.Array(s.replies)
	w.Raw(s.Found.B)
	s.ctx.Buf = s.Found.B
}
