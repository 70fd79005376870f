package hllcmd

import (
	"bytes"

	"kvorum/command"
	"kvorum/ds/hll"
	"kvorum/object"
)

var pfdebugSpec = &command.Spec{
	Name: "pfdebug", Since: "2.8.9", Group: "hyperloglog", SysCmd: true,
	Complexity: "N/A",
	Summary:    "Shows how a HyperLogLog is represented, for tests.",
	Arity:      3, Flags: command.Write | command.DenyOOM | command.Admin, Categories: command.CatHyperLogLog,
	Keys:    []command.KeySpec{{Flags: command.RW | command.Access, Index: 2, Step: 1}},
	Args:    []command.Arg{{Name: "subcommand", Type: "string"}, argKey},
	Handler: pfdebug,
}

const (
	errNoKey     = "-ERR The specified key does not exist"
	errNotSparse = "-ERR HLL encoding is not sparse"
)

func pfdebug(c *command.Ctx) {
	t := target{c: c, k: c.Keys[0], e: c.Write(0)}
	if !t.e.OK() {
		c.Err(errNoKey)
		return
	}
	var ok bool
	if t.b, ok = view(c, t.e); !ok {
		return
	}
	object.MakeRaw(t.e.Rec)
	switch {
	case c.Is(1, "getreg"):
		if _, ok := t.debugDense(); ok {
			replyRegisters(c, t.b)
		}
	case c.Is(1, "decode"):
		if hll.IsDense(t.b) {
			c.Err(errNotSparse)
			return
		}
		c.Buf = hll.AppendRuns(c.Buf[:0], t.b)
		c.W.Bulk(c.Buf)
	case c.Is(1, "encoding"):
		if hll.IsDense(t.b) {
			c.W.Simple("dense")
		} else {
			c.W.Simple("sparse")
		}
	case c.Is(1, "todense"):
		if converted, ok := t.debugDense(); ok {
			c.W.Int(int64(converted))
		}
	default:
		name := c.Args[1]
		if i := bytes.IndexByte(name, 0); i >= 0 {
			name = name[:i] // Redis prints with %s
		}
		c.Err("-ERR Unknown PFDEBUG subcommand '" + string(name) + "'")
	}
}

// debugDense makes the target dense and returns how many conversions that took;
// ok is false after the error reply.
//
// COMPAT: hll-corrupt: the conversion is told to watchers.
func (t *target) debugDense() (converted int, ok bool) {
	if hll.IsDense(t.b) {
		return 0, true
	}
	if !t.makeDense() {
		t.c.Err(errCorrupted)
		return 0, false
	}
	t.c.Dirty++
	return 1, true
}

func replyRegisters(c *command.Ctx, b []byte) {
	c.W.Array(hll.RegisterCount)
	for i := range hll.RegisterCount {
		c.W.Int(int64(hll.Register(b, i)))
	}
}
