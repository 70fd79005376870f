package bitcmd

import (
	"kvorum/command"
	"kvorum/ds/bitmap"
)

var bitcountSpec = &command.Spec{
	Name: "bitcount", Since: "2.6.0", Group: "bitmap", Complexity: "O(N)",
	Summary: "Counts the bits that are 1 in the string stored under a key, or in a part of it.",
	Arity:   -2, Flags: command.ReadOnly, Categories: command.CatBitmap,
	History: unitHistory,
	Keys:    keyRead,
	Args: []command.Arg{argKey, {Name: "range", Type: "block", Optional: true, Args: []command.Arg{
		{Name: "start", Type: "integer"}, {Name: "end", Type: "integer"}, argUnit,
	}}},
	Handler: bitcount,
}

// bitcount looks at the key before its arguments: of an absent key no argument
// is wrong.
func bitcount(c *command.Ctx) {
	e := c.Read(0)
	if !isString(c, e) {
		return
	}
	if !e.OK() {
		c.W.Int(0)
		return
	}
	b := bitsOf(c, e)
	switch len(c.Args) {
	case 2:
		c.W.Int(bitmap.Count(b))
		return
	case 4, 5:
	default:
		c.Err(command.ErrSyntax)
		return
	}
	start, ok := c.Int(2)
	if !ok {
		return
	}
	end, ok := c.Int(3)
	if !ok {
		return
	}
	if start < 0 && end < 0 && start > end {
		c.W.Int(0)
		return
	}
	unit := int64(byteBits)
	if len(c.Args) == 5 {
		if unit, ok = unitOf(c, 4); !ok {
			return
		}
	}
	from, to := within(len(b), start, end, unit)
	c.W.Int(bitmap.CountRange(b, from, to))
}

// unitOf returns how many bits one step of a range is, as argument i says; ok
// is false after the error reply.
func unitOf(c *command.Ctx, i int) (unit int64, ok bool) {
	switch {
	case c.Is(i, "bit"):
		return 1, true
	case c.Is(i, "byte"):
		return byteBits, true
	}
	c.Err(command.ErrSyntax)
	return 0, false
}

// within returns the bits from .. to-1 that the range start to end, end
// included, means in a string of size bytes, when one step is unit bits.
// Negative numbers count from the end. An empty range has from >= to.
func within(size int, start, end, unit int64) (from, to int64) {
	total := int64(size) * byteBits / unit
	if start < 0 {
		start = max(start+total, 0)
	}
	if end < 0 {
		end = max(end+total, 0)
	}
	end = min(end, total-1)
	if start > end {
		return 0, 0
	}
	return start * unit, (end + 1) * unit
}
