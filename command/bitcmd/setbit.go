package bitcmd

import (
	"kvorum/command"
	"kvorum/ds/bitmap"
	"kvorum/num"
)

var setbitSpec = &command.Spec{
	Name: "setbit", Since: "2.2.0", Group: "bitmap", Complexity: "O(1)",
	Summary: "Sets or clears one bit of the string stored under a key, which becomes as long as the bit needs.",
	Arity:   4, Flags: command.Write | command.DenyOOM, Categories: command.CatBitmap,
	Keys:    []command.KeySpec{{Flags: command.RW | command.Access | command.Update, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey, argOffset, {Name: "value", Type: "integer"}},
	Handler: setbit,
}

func setbit(c *command.Ctx) {
	at, ok := offset(c, 2, 0)
	if !ok {
		return
	}
	bit, ok := num.ParseInt64(c.Args[3])
	if !ok || bit&^1 != 0 {
		c.Err("-ERR bit is not an integer or out of range")
		return
	}
	t, ok := open(c, at)
	if !ok {
		return
	}
	old := int64(bitmap.Bit(t.bits, at))
	if t.longer || old != bit {
		bitmap.SetBit(t.bits, at, byte(bit))
		changed(c, 1)
	}
	c.W.Int(old)
}
