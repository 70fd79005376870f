package strcmd

import (
	"bytes"
	"math"

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
	// lcsInlineMax is the number of cells, a nanosecond each, up to which the
	// answer is computed at once. Above it the strings are copied and the rest
	// runs without locks.
	lcsInlineMax = 50_000
	// lcsRedisCell is what a cell costs Redis, whose limit holds here too.
	lcsRedisCell = 4
	// lcsPathMax bounds the memory of one call in bytes, whatever the limit.
	lcsPathMax = 4 << 30
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
	if cells/8 > lcsPathMax {
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
// The classic table holds for every pair of prefixes of a and b the length of
// what they have in common. To walk back from its last corner only one bit per
// cell is needed: whether the cell above is longer than the cell to the left.
// So one row of lengths and one bit per cell are kept, a 32nd of the table.
type lcsJob struct {
	a, b     []byte
	onlyLen  bool
	ranges   bool
	withLen  bool
	minMatch int64

	length int      // of the common sequence
	up     []uint64 // the bits, rows of stride words
	stride int
}

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

// fill computes the table row by row.
func (l *lcsJob) fill() {
	a, b := l.a, l.b
	if !l.onlyLen {
		l.stride = (len(b) + 63) / 64
		l.up = make([]uint64, len(a)*l.stride)
	}
	row := make([]uint32, len(b))
	for i, ch := range a {
		if l.onlyLen {
			lengthRow(row, b, ch)
		} else {
			pathRow(row, b, ch, l.up[i*l.stride:(i+1)*l.stride])
		}
	}
	if len(b) > 0 {
		l.length = int(row[len(b)-1])
	}
}

// lengthRow turns the row above into the row of character ch of a.
func lengthRow(row []uint32, b []byte, ch byte) {
	left, diagonal := uint32(0), uint32(0)
	b = b[:len(row)]
	for j, above := range row {
		if b[j] == ch {
			left = diagonal + 1
		} else {
			left = max(left, above)
		}
		row[j] = left
		diagonal = above
	}
}

// pathRow is lengthRow that also records the way back.
func pathRow(row []uint32, b []byte, ch byte, up []uint64) {
	left, diagonal := uint32(0), uint32(0)
	b = b[:len(row)]
	word := uint64(0)
	for j, above := range row {
		if b[j] == ch {
			left = diagonal + 1
		} else if above > left {
			left = above
			word |= 1 << (j & 63)
		}
		row[j] = left
		diagonal = above
		if j&63 == 63 {
			up[j>>6], word = word, 0
		}
	}
	if len(row)&63 != 0 {
		up[len(up)-1] = word
	}
}

// goUp reports whether the way back from cell (i, j), whose characters differ,
// leads up.
func (l *lcsJob) goUp(i, j int) bool { return l.up[i*l.stride+j>>6]>>(j&63)&1 != 0 }

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
