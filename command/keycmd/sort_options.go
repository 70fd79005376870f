package keycmd

import (
	"bytes"

	"kvorum/command"
	"kvorum/keyspace"
)

const errNotDouble = "-ERR One or more scores can't be converted into double"

// sortPattern is what BY or GET names: for each element the string under a key, or a
// field of the hash under it. Like the other texts that C reads it ends for most
// purposes at its first zero byte.
//
//	weight_*->field    head * tail -> field
type sortPattern struct {
	self       bool // #: the element itself
	derived    bool // has a *: without it no key is meant
	head, tail []byte
	field      []byte // nil: the key holds a string
}

// cutNul cuts b at its first zero byte.
func cutNul(b []byte) []byte {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return b[:i]
	}
	return b
}

func parsePattern(text []byte) (p sortPattern) {
	c := cutNul(text)
	p.self = string(c) == "#"
	star := bytes.IndexByte(c, '*')
	if star < 0 {
		return p
	}
	p.derived = true
	p.head, p.tail = text[:star], text[star+1:]
	arrow := bytes.Index(c[star+1:], []byte("->"))
	if arrow >= 0 && star+1+arrow+len("->") < len(c) {
		p.tail, p.field = p.tail[:arrow], p.tail[arrow+len("->"):]
	}
	return p
}

// appendKey appends the key that the pattern means for an element.
func (p *sortPattern) appendKey(dst, elem []byte) []byte {
	dst = append(dst, p.head...)
	dst = append(dst, elem...)
	return append(dst, p.tail...)
}

// sortOptions are the options of a SORT.
type sortOptions struct {
	desc, alpha bool
	unsorted    bool // BY a constant
	by          *sortPattern
	gets        []sortPattern
	offset      int64
	count       int64 // -1: all
	store       int   // the argument with the key, 0 without
}

// parse reads the options; ok is false after the error reply.
func (o *sortOptions) parse(c *command.Ctx, mayStore bool) (ok bool) {
	o.count = -1
	for i := 2; i < len(c.Args); i++ {
		left := len(c.Args) - i - 1
		switch {
		case c.Is(i, "asc"):
			o.desc = false
		case c.Is(i, "desc"):
			o.desc = true
		case c.Is(i, "alpha"):
			o.alpha = true
		case left >= 2 && c.Is(i, "limit"):
			if o.offset, ok = c.Int(i + 1); !ok {
				return false
			}
			if o.count, ok = c.Int(i + 2); !ok {
				return false
			}
			i += 2
		case mayStore && left >= 1 && c.Is(i, "store"):
			i++
			o.store = i
		case left >= 1 && c.Is(i, "by"):
			i++
			p := parsePattern(c.Args[i])
			o.by = &p
			o.unsorted = o.unsorted || !p.derived
		case left >= 1 && c.Is(i, "get"):
			i++
			o.gets = append(o.gets, parsePattern(c.Args[i]))
		default:
			c.Err(command.ErrSyntax)
			return false
		}
	}
	return true
}

// keep copies what the options borrow from the request.
func (o *sortOptions) keep() {
	if o.by != nil {
		o.by.keep()
	}
	for i := range o.gets {
		o.gets[i].keep()
	}
}

func (p *sortPattern) keep() {
	p.head, p.tail = bytes.Clone(p.head), bytes.Clone(p.tail)
	p.field = bytes.Clone(p.field) // nil stays nil
}

// weighs reports whether BY names keys that the order depends on.
func (o *sortOptions) weighs() bool { return !o.unsorted && o.by != nil }

// derives reports whether keys are looked at that the request does not name.
func (o *sortOptions) derives() bool { return o.patterns() > 0 }

// patterns returns how many keys are looked up for an element.
func (o *sortOptions) patterns() (n int) {
	if o.weighs() {
		n++
	}
	for i := range o.gets {
		if o.gets[i].derived {
			n++
		}
	}
	return n
}

// window returns the range of places that LIMIT leaves of n.
func (o *sortOptions) window(n int) (from, to int) {
	size := int64(n)
	start := min(max(o.offset, 0), size)
	end := size
	if o.count >= 0 {
		end = min(start+min(o.count, size), size)
	}
	return int(start), int(end)
}

// shards marks the shards of all keys that are derived from the elements.
func (s *sorter) shards(want *[keyspace.ShardCount]bool) {
	var key []byte
	mark := func(p *sortPattern) {
		for i := range s.items {
			key = p.appendKey(key[:0], s.element(i))
			want[keyspace.ShardOf(s.ks.Hash(key))] = true
		}
	}
	if s.weighs() {
		mark(s.by)
	}
	for i := range s.gets {
		if s.gets[i].derived {
			mark(&s.gets[i])
		}
	}
}
