package setcmd

import (
	"kvorum/command"
	"kvorum/num"
	"kvorum/object/set"
)

var spopSpec = &command.Spec{
	Name: "spop", Since: "1.0.0", Group: "set",
	Complexity: "Without the count argument O(1), otherwise O(N) where N is the value of the passed count.",
	Summary:    "Removes members of a set at random and replies them.",
	Arity:      -2, Flags: command.Write | command.Fast, Categories: command.CatSet,
	History: []command.Change{{Since: "3.2.0", Text: "Added the `count` argument."}},
	Tips:    []string{"nondeterministic_output"},
	Keys:    []command.KeySpec{{Flags: command.RW | command.Access | command.Delete, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey, {Name: "count", Type: "integer", Since: "3.2.0", Optional: true}},
	Ahead:   1,
	Handler: spop,
}

var (
	sremName = []byte("SREM")
	delName  = []byte("DEL")
)

func spop(c *command.Ctx) {
	switch {
	case len(c.Args) == 3:
		spopCount(c)
		return
	case len(c.Args) > 3:
		c.Err(command.ErrSyntax)
		return
	}
	e := c.Write(0)
	if !isSet(c, e) {
		return
	}
	if !e.OK() {
		c.W.Null()
		return
	}
	var s set.Set
	s.Open(e.Rec)
	c.Buf = s.Pop(c.Rng, c.Buf[:0])
	changed(c, 0, "spop", 1)
	if s.Len() == 0 {
		c.Remove(c.Keys[0], e)
	} else if c.Next != nil { // another SPOP from this set follows
		s.Approach(c.Rng)
	}
	c.Effect(sremName, c.Args[1], c.Buf)
	c.W.Bulk(c.Buf)
}

// spopCount is SPOP with a count.
func spopCount(c *command.Ctx) {
	count, ok := num.ParseInt64(c.Args[2])
	if !ok || count < 0 {
		c.Err(command.ErrNotPositive)
		return
	}
	e := c.Write(0)
	if !isSet(c, e) {
		return
	}
	if !e.OK() || count == 0 {
		c.W.Set(0)
		return
	}
	var s set.Set
	s.Open(e.Rec)
	if count >= int64(s.Len()) {
		c.Read(0) // as Redis, which makes a union of the one set
		changed(c, 0, "spop", s.Len())
		replySet(c, &s)
		c.Remove(c.Keys[0], e)
		c.Effect(delName, c.Args[1])
		return
	}
	changed(c, 0, "spop", int(count))
	c.W.Set(int(count))
	p := popped{c: c, text: c.Buf2[:0], max: min(int(count), effectMax)}
	old := s.Thin(c.Rng, int(count), c.Packing.Set, &c.Buf, p.add)
	p.feed()
	if old != 0 {
		c.KS.Discard(old)
	}
	c.NoEffect()
	c.Buf2 = p.text
}

// effectMax is the number of members that one effect removes, as in Redis.
const effectMax = 1024

// popped replies members that go and feeds them.
type popped struct {
	c    *command.Ctx
	text []byte // of the members not fed yet
	ends []int
	max  int
}

func (p *popped) add(member []byte) {
	p.c.W.Bulk(member)
	if p.c.Feed == nil {
		return
	}
	p.text = append(p.text, member...)
	p.ends = append(p.ends, len(p.text))
	if len(p.ends) == p.max {
		p.feed()
	}
}

// feed feeds the members gathered so far.
func (p *popped) feed() {
	if len(p.ends) == 0 {
		return
	}
	words := make([][]byte, 0, 2+len(p.ends))
	words = append(words, sremName, p.c.Args[1])
	from := 0
	for _, end := range p.ends {
		words = append(words, p.text[from:end])
		from = end
	}
	p.c.Effect(words...)
	p.text, p.ends = p.text[:0], p.ends[:0]
}
