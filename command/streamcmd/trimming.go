package streamcmd

import (
	"strconv"

	"kvorum/command"
	"kvorum/object/stream"
)

const (
	errTwoStrategies = "-ERR syntax error, MAXLEN and MINID options at the same time are not compatible"
	errMaxlen        = "-ERR The MAXLEN argument must be >= 0."
	errLimit         = "-ERR The LIMIT argument must be >= 0."
	errLimitAlone    = "-ERR syntax error, LIMIT cannot be used without specifying a trimming strategy"
	errLimitExact    = "-ERR syntax error, LIMIT cannot be used without the special ~ option"
	errNoStrategy    = "-ERR syntax error, XTRIM must be called with a trimming strategy"
)

// options are those of XADD and XTRIM.
type options struct {
	trim       stream.Trimming
	given      bool // there is something to trim
	at         int  // the argument with the length or the id
	limit      int64
	limitGiven bool

	// Of XADD:
	noCreate bool
	idAt     int // the argument with the id
	id       stream.ID
	autoID   bool // the id is to be made
	autoSeq  bool // the seq is to be made
}

// parse reads the options of XTRIM, or of XADD up to the id; ok is false after the
// error reply.
func (o *options) parse(c *command.Ctx, add bool) (ok bool) {
	i := 2
	for ; i < len(c.Args); i++ {
		more := len(c.Args) - 1 - i
		switch {
		case add && string(c.Args[i]) == "*":
			o.autoID = true
		case more > 0 && (c.Is(i, "maxlen") || c.Is(i, "minid")):
			if i, ok = o.strategy(c, i); !ok {
				return false
			}
			continue
		case more > 0 && c.Is(i, "limit"):
			i++
			if !o.readLimit(c, i) {
				return false
			}
			continue
		case add && c.Is(i, "nomkstream"):
			o.noCreate = true
			continue
		case add:
			if o.id, o.autoSeq, ok = parseAutoID(c.Args[i], 0); !ok {
				c.Err(errID)
				return false
			}
		default:
			c.Err(command.ErrSyntax)
			return false
		}
		break
	}
	o.idAt = i
	return o.check(c, add)
}

// strategy reads MAXLEN or MINID at i, and returns its last argument.
func (o *options) strategy(c *command.Ctx, i int) (last int, ok bool) {
	if o.given {
		c.Err(errTwoStrategies)
		return i, false
	}
	o.given, o.trim.ByID = true, c.Is(i, "minid")
	i++
	if next := cut(c.Args[i]); i+1 < len(c.Args) && len(next) == 1 && (next[0] == '~' || next[0] == '=') {
		o.trim.Approx = next[0] == '~'
		i++
	}
	o.at = i
	if o.trim.ByID {
		o.trim.MinID, ok = argID(c, i)
		return i, ok
	}
	n, ok := c.Int(i)
	if ok && n < 0 {
		c.Err(errMaxlen)
		return i, false
	}
	o.trim.MaxLen = uint64(n)
	return i, ok
}

func (o *options) readLimit(c *command.Ctx, i int) (ok bool) {
	if o.limit, ok = c.Int(i); !ok {
		return false
	}
	if o.limit < 0 {
		c.Err(errLimit)
		return false
	}
	o.limitGiven = true
	return true
}

// The limits of approximate trimming that names none: entries of as many nodes.
const (
	limitNodes   = 100
	limitDefault = 10_000
	limitMax     = 1_000_000
)

// check checks the options together, and sets the limit.
func (o *options) check(c *command.Ctx, add bool) (ok bool) {
	switch {
	case o.limit != 0 && !o.given:
		c.Err(errLimitAlone)
		return false
	case !add && !o.given:
		c.Err(errNoStrategy)
		return false
	case c.Sess.Flags&command.Internal != 0:
		return true // a master or a log says what it wants
	case o.limitGiven && !o.trim.Approx:
		c.Err(errLimitExact)
		return false
	case o.limitGiven:
		o.trim.Limit = int(o.limit)
	case o.trim.Approx:
		o.trim.Limit = limitNodes * c.Packing.Stream.Entries
		if o.trim.Limit <= 0 {
			o.trim.Limit = limitDefault
		}
		o.trim.Limit = min(o.trim.Limit, limitMax)
	}
	return true
}

// rewritten feeds the request with what came out in place of what was asked for: of
// approximate trimming, and of an id that was made (nil if it was not).
func (o *options) rewritten(c *command.Ctx, s *stream.Stream, id []byte) {
	if c.Feed == nil {
		c.NoEffect()
		return
	}
	var sign, threshold []byte
	if o.trim.Approx {
		sign, threshold = c.Args[o.at-1], c.Args[o.at]
		b := scratch(c)
		if o.trim.ByID {
			b = edge(s).Append(b)
		} else {
			b = strconv.AppendUint(b, s.Len(), 10)
		}
		c.Args[o.at-1], c.Args[o.at] = equalsSign, b
	}
	var asked []byte
	if id != nil {
		asked, c.Args[o.idAt] = c.Args[o.idAt], id
	}
	c.Effect(c.Args...)
	if id != nil {
		c.Args[o.idAt] = asked
	}
	if o.trim.Approx {
		c.Args[o.at-1], c.Args[o.at] = sign, threshold
	}
}

// edge returns the id where a stream begins, even if that entry was deleted.
func edge(s *stream.Stream) stream.ID {
	if c := s.Nodes(stream.ID{}); c.Valid() {
		id, _ := c.Node()
		return id
	}
	return stream.MaxID
}
