package strcmd

import (
	"bytes"
	"math"
	"math/bits"

	"kvorum/command"
	"kvorum/keyspace"
	"kvorum/object"
	"kvorum/resp"
)

var lcsSpec = &command.Spec{
	Name: "lcs", Since: "7.0.0", Group: "string", Complexity: "O(N*M) where N and M are the lengths of s1 and s2, respectively",
	Summary: "Finds the longest sequence of bytes that two strings have in common, gaps allowed.",
	Arity:   -3, Flags: command.ReadOnly, Categories: command.CatString,
	Keys: []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, LastKey: 1, Step: 1}},
	Args: []command.Arg{
		{Name: "key1", Type: "key", Key: 1},
		{Name: "key2", Type: "key", Key: 1},
		{Name: "len", Type: "pure-token", Token: "LEN", Optional: true},
		{Name: "idx", Type: "pure-token", Token: "IDX", Optional: true},
		{Name: "min-match-len", Type: "integer", Token: "MINMATCHLEN", Optional: true},
		{Name: "withmatchlen", Type: "pure-token", Token: "WITHMATCHLEN", Optional: true},
	},
	Handler: lcs,
}

const (
	// lcsInlineMax is the number of cells up to which the answer is computed at
	// once, within tens of microseconds. Above it the strings are copied and the
	// rest runs without locks.
	lcsInlineMax = 50_000
	// COMPAT: lcs-memory: what Redis refuses is refused, though it would fit.
	//
	// lcsRedisCell is what a cell costs Redis, whose limit holds here too.
	lcsRedisCell = 4
	// lcsRowsMax bounds the memory of one call in bytes, whatever the limit.
	lcsRowsMax = 4 << 30
)

const (
	errLCSType   = "-ERR The specified keys must contain string values"
	errLCSBoth   = "-ERR If you want both the length and indexes, please just use IDX."
	errLCSLong   = "-ERR String too long for LCS"
	errLCSLimit  = "-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"
	errLCSMemory = "-ERR Insufficient memory, failed allocating transient memory for LCS"
)

func lcs(c *command.Ctx) {
	first, second := c.Read(0), c.Read(1)
	if first.OK() && first.Type() != object.String || second.OK() && second.Type() != object.String {
		c.Err(errLCSType)
		return
	}
	var l lcsJob
	if !l.options(c) {
		return
	}
	l.a = stringOrNone(first, c.Scratch[:32])
	l.b = stringOrNone(second, c.Scratch[32:])
	if len(l.a) >= math.MaxUint32-1 || len(l.b) >= math.MaxUint32-1 {
		c.Err(errLCSLong)
		return
	}
	cells := uint64(len(l.a)+1) * uint64(len(l.b)+1)
	if cells > uint64(c.MaxBulk)/lcsRedisCell {
		c.Err(errLCSLimit)
		return
	}
	if uint64(len(l.a))*uint64(wordsOf(len(l.b)))*8 > lcsRowsMax {
		c.Err(errLCSMemory)
		return
	}
	if cells <= lcsInlineMax {
		l.reply(c.W)
		return
	}
	l.a, l.b = bytes.Clone(l.a), bytes.Clone(l.b)
	c.Sess.Task = l.reply
}

func stringOrNone(e keyspace.Entry, scratch []byte) []byte {
	if !e.OK() {
		return nil
	}
	return object.StringView(e.Rec, scratch)
}

// lcsJob is one LCS: two strings and what to reply about them.
//
// The classic table holds for every prefix of a (row) and of b (column) the
// length of what they have in common. Neighbours in a row differ by 0 or 1, so
// a row is kept as one bit per cell: 0 where it grows. A row follows from the
// one above by an addition and three logical operations on whole words:
//
//	match = bits of the columns that hold the row's character
//	row   = (above + (above & match)) | (above &^ match)
//
// The bits are also the way back from the last corner: where the characters
// differ and the row grows, the length came from above, else from the left.
// (Crochemore, Iliopoulos, Pinzon, Reid: A fast and practical bit-vector
// algorithm for the longest common subsequence problem, 2001.)
type lcsJob struct {
	a, b     []byte
	onlyLen  bool
	ranges   bool
	withLen  bool
	minMatch int64

	length int      // of the common sequence
	rows   []uint64 // words for each byte of a; nil for onlyLen
	words  int
}

func wordsOf(columns int) int { return (columns + 63) / 64 }

// options reads the options; ok is false after the error reply.
func (l *lcsJob) options(c *command.Ctx) (ok bool) {
	for i := 3; i < len(c.Args); i++ {
		switch {
		case c.Is(i, "idx"):
			l.ranges = true
		case c.Is(i, "len"):
			l.onlyLen = true
		case c.Is(i, "withmatchlen"):
			l.withLen = true
		case c.Is(i, "minmatchlen") && i+1 < len(c.Args):
			i++
			if l.minMatch, ok = c.Int(i); !ok {
				return false
			}
		default:
			c.Err(command.ErrSyntax)
			return false
		}
	}
	if l.onlyLen && l.ranges {
		c.Err(errLCSBoth)
		return false
	}
	return true
}

// reply computes and writes the answer.
func (l *lcsJob) reply(w *resp.Writer) {
	l.fill()
	switch {
	case l.onlyLen:
		w.Int(int64(l.length))
	case l.ranges:
		w.Map(2)
		w.BulkString("matches")
		l.writeRanges(w)
		w.BulkString("len")
		w.Int(int64(l.length))
	default:
		w.Bulk(l.common())
	}
}

// fill computes the rows and the length.
func (l *lcsJob) fill() {
	l.words = wordsOf(len(l.b))
	matches := l.matches()
	above := make([]uint64, l.words)
	for k := range above {
		above[k] = math.MaxUint64
	}
	if !l.onlyLen {
		l.rows = make([]uint64, len(l.a)*l.words)
	}
	for i, ch := range l.a {
		row := above
		if !l.onlyLen {
			row = l.rows[i*l.words : (i+1)*l.words]
		}
		fillRow(row, above, matches[ch])
		above = row
	}
	// The bits behind the last column match nothing and stay 1.
	for _, word := range above {
		l.length += bits.OnesCount64(^word)
	}
}

// matches returns, for each character of a, the columns of b that hold it.
func (l *lcsJob) matches() *[256][]uint64 {
	m := new([256][]uint64)
	for _, ch := range l.a {
		if m[ch] == nil {
			m[ch] = make([]uint64, l.words)
		}
	}
	for j, ch := range l.b {
		if m[ch] != nil {
			m[ch][j>>6] |= 1 << (j & 63)
		}
	}
	return m
}

// fillRow computes a row from the one above, which may be the same slice.
func fillRow(row, above, match []uint64) {
	row, match = row[:len(above)], match[:len(above)]
	carry := uint64(0)
	for k, v := range above {
		sum, next := bits.Add64(v, v&match[k], carry)
		row[k], carry = sum|v&^match[k], next
	}
}

// goUp reports whether the way back from cell (i, j), whose characters differ,
// leads up.
func (l *lcsJob) goUp(i, j int) bool { return l.rows[i*l.words+j>>6]>>(j&63)&1 == 0 }

// common returns the common sequence.
func (l *lcsJob) common() []byte {
	seq := make([]byte, l.length)
	at := l.length
	for i, j := len(l.a)-1, len(l.b)-1; i >= 0 && j >= 0; {
		switch {
		case l.a[i] == l.b[j]:
			at--
			seq[at] = l.a[i]
			i--
			j--
		case l.goUp(i, j):
			i--
		default:
			j--
		}
	}
	return seq
}

// writeRanges writes the stretches that match without a gap, last ones first.
func (l *lcsJob) writeRanges(w *resp.Writer) {
	count, size := 0, 0 // size of the stretch that begins at (i+1, j+1)
	list := w.DeferLen()
	i, j := len(l.a)-1, len(l.b)-1
	for i >= 0 && j >= 0 {
		if l.a[i] == l.b[j] {
			size++
			i--
			j--
			continue
		}
		count += l.writeRange(w, i+1, j+1, size)
		size = 0
		if l.goUp(i, j) {
			i--
		} else {
			j--
		}
	}
	count += l.writeRange(w, i+1, j+1, size)
	w.SetDeferredArray(list, count)
}

// writeRange writes the stretch of size bytes at a[i:] and b[j:] if it is there
// and long enough, and returns the number of stretches written.
func (l *lcsJob) writeRange(w *resp.Writer, i, j, size int) int {
	if size == 0 || int64(size) < l.minMatch {
		return 0
	}
	if l.withLen {
		w.Array(3)
	} else {
		w.Array(2)
	}
	writePair(w, i, i+size-1)
	writePair(w, j, j+size-1)
	if l.withLen {
		w.Int(int64(size))
	}
	return 1
}

func writePair(w *resp.Writer, from, to int) {
	w.Array(2)
	w.Int(int64(from))
	w.Int(int64(to))
}
