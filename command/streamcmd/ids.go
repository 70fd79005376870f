package streamcmd

import (
	"bytes"
	"math"

	"kvorum/command"
	"kvorum/num"
	"kvorum/object/stream"
)

const errID = "-ERR Invalid stream ID specified as stream command argument"

// idMax bounds the text of an id.
const idMax = 127

// parseID reads an id "ms-seq", or "ms" with a default for seq.
func parseID(b []byte, seq uint64) (id stream.ID, ok bool) {
	id, auto, ok := parseAutoID(b, seq)
	return id, ok && !auto
}

// parseAutoID is parseID that knows "ms-*" too, which asks for the next seq.
func parseAutoID(b []byte, seq uint64) (id stream.ID, auto, ok bool) {
	if len(b) > idMax {
		return id, false, false
	}
	ms, rest, both := bytes.Cut(cut(b), dash)
	if id.Ms, ok = parseUint(ms); !ok {
		return id, false, false
	}
	id.Seq = seq
	if both {
		if string(rest) == "*" {
			id.Seq = 0
			return id, true, true
		}
		id.Seq, ok = parseUint(rest)
	}
	return id, false, ok
}

var dash = []byte("-")

// parseEnd reads an id, or "-" or "+" for the least and the greatest.
func parseEnd(b []byte, seq uint64) (id stream.ID, ok bool) {
	switch string(cut(b)) {
	case "-":
		return stream.ID{}, len(b) <= idMax
	case "+":
		return stream.MaxID, len(b) <= idMax
	}
	return parseID(b, seq)
}

// parseUint reads a number as Redis does: a canonical integer that is not negative,
// or else whatever strtoull takes.
func parseUint(b []byte) (n uint64, ok bool) {
	if v, ok := num.ParseInt64(b); ok {
		return uint64(v), v >= 0
	}
	for len(b) > 0 && (b[0] == ' ' || b[0] >= '\t' && b[0] <= '\r') {
		b = b[1:]
	}
	negative := false
	if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
		negative = b[0] == '-'
		b = b[1:]
	}
	if len(b) == 0 {
		return 0, false
	}
	for _, ch := range b {
		d := uint64(ch - '0')
		if d > 9 || n > (math.MaxUint64-d)/10 {
			return 0, false
		}
		n = 10*n + d
	}
	if negative {
		n = -n
	}
	return n, true
}

// argID reads argument i as an id with 0 as the default of seq; ok is false after
// the error reply.
func argID(c *command.Ctx, i int) (id stream.ID, ok bool) {
	if id, ok = parseID(c.Args[i], 0); !ok {
		c.Err(errID)
	}
	return id, ok
}

// argStart reads argument i as the start of an interval: "(" before it leaves the
// id itself out. ok is false after the error reply.
func argStart(c *command.Ctx, i int) (id stream.ID, ok bool) {
	id, open, ok := argBound(c, i, 0)
	if ok && open {
		if id, ok = id.Next(); !ok {
			c.Err("-ERR invalid start ID for the interval")
		}
	}
	return id, ok
}

// argStop is argStart for the end of an interval.
func argStop(c *command.Ctx, i int) (id stream.ID, ok bool) {
	id, open, ok := argBound(c, i, math.MaxUint64)
	if ok && open {
		if id, ok = id.Prev(); !ok {
			c.Err("-ERR invalid end ID for the interval")
		}
	}
	return id, ok
}

func argBound(c *command.Ctx, i int, seq uint64) (id stream.ID, open, ok bool) {
	b := c.Args[i]
	if open = len(b) > 1 && b[0] == '('; open {
		id, ok = parseID(b[1:], seq)
	} else {
		id, ok = parseEnd(b, seq)
	}
	if !ok {
		c.Err(errID)
	}
	return id, open, ok
}

// read reads the arguments from i on as ids; ok is false after the error reply.
func (l *idSeq) read(c *command.Ctx, i int) (ok bool) {
	for ; i < len(c.Args); i++ {
		id, ok := argID(c, i)
		if !ok {
			return false
		}
		l.add(id)
	}
	return true
}

// idsHere is how many ids a command keeps on its stack.
const idsHere = 8

// idSeq is a list of ids in a request that lives on the stack.
type idSeq struct {
	here [idsHere]stream.ID
	more []stream.ID // those beyond here
	n    int
}

func (l *idSeq) add(id stream.ID) {
	if l.n < idsHere {
		l.here[l.n] = id
	} else {
		l.more = append(l.more, id)
	}
	l.n++
}

func (l *idSeq) at(i int) stream.ID {
	if i < idsHere {
		return l.here[i]
	}
	return l.more[i-idsHere]
}
