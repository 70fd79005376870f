package bitcmd

import (
	"kvorum/command"
	"kvorum/ds/bitmap"
)

var bitposSpec = &command.Spec{
	Name: "bitpos", Since: "2.8.7", Group: "bitmap", Complexity: "O(N)",
	Summary: "Finds the first bit that is 1, or 0, in the string stored under a key, or in a part of it.",
	Arity:   -3, Flags: command.ReadOnly, Categories: command.CatBitmap,
	History: unitHistory,
	Keys:    keyRead,
	Args: []command.Arg{argKey, {Name: "bit", Type: "integer"}, {Name: "range", Type: "block", Optional: true, Args: []command.Arg{
		{Name: "start", Type: "integer"},
		{Name: "end-unit-block", Type: "block", Optional: true, Args: []command.Arg{{Name: "end", Type: "integer"}, argUnit}},
	}}},
	Handler: bitpos,
}

// bitpos takes an absent key for zeros without end, whatever the range.
func bitpos(c *command.Ctx) {
	bit, ok := c.Int(2)
	if !ok {
		return
	}
	if bit&^1 != 0 {
		c.Err("-ERR The bit argument must be 1 or 0.")
		return
	}
	e := c.Read(0)
	if !isString(c, e) {
		return
	}
	if !e.OK() {
		c.W.Int(-bit)
		return
	}
	b := bitsOf(c, e)
	from, to := int64(0), int64(len(b))*byteBits
	endGiven := len(c.Args) >= 5
	if len(c.Args) > 3 {
		if from, to, ok = bitposRange(c, len(b)); !ok {
			return
		}
	}
	pos := bitmap.FindRange(b, from, to, bit == 1)
	if pos < 0 && from < to && bit == 0 && !endGiven {
		pos = to // unless the end was named, zeros follow the string
	}
	c.W.Int(pos)
}

// bitposRange reads the arguments from the start on; ok is false after the
// error reply. The unit is looked at before the end.
func bitposRange(c *command.Ctx, size int) (from, to int64, ok bool) {
	if len(c.Args) > 6 {
		c.Err(command.ErrSyntax)
		return 0, 0, false
	}
	start, ok := c.Int(3)
	if !ok {
		return 0, 0, false
	}
	unit := int64(byteBits)
	if len(c.Args) == 6 {
		if unit, ok = unitOf(c, 5); !ok {
			return 0, 0, false
		}
	}
	end := int64(-1)
	if len(c.Args) >= 5 {
		if end, ok = c.Int(4); !ok {
			return 0, 0, false
		}
	}
	from, to = within(size, start, end, unit)
	return from, to, true
}
