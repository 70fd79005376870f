package servercmd

import "kvorum/command"

// debugProtocol replies one value of the named type: what clients test their
// parsers with.
func debugProtocol(c *command.Ctx) {
	w := c.W
	switch {
	case c.Is(2, "string"):
		w.BulkString("Hello World")
	case c.Is(2, "integer"):
		w.Int(12345)
	case c.Is(2, "double"):
		w.Double(3.141)
	case c.Is(2, "bignum"):
		w.BigNum("1234567999999999999999999999999999999")
	case c.Is(2, "null"):
		w.Null()
	case c.Is(2, "array"):
		w.Array(3)
		countTo(c, 3)
	case c.Is(2, "set"):
		w.Set(3)
		countTo(c, 3)
	case c.Is(2, "map"):
		w.Map(3)
		for i := range int64(3) {
			w.Int(i)
			w.Bool(i == 1)
		}
	case c.Is(2, "attrib"):
		debugAttrib(c)
	case c.Is(2, "push"):
		debugPush(c)
	case c.Is(2, "true"):
		w.Bool(true)
	case c.Is(2, "false"):
		w.Bool(false)
	case c.Is(2, "verbatim"):
		w.Verbatim("txt", "This is a verbatim\nstring")
	default:
		c.Err("-ERR Wrong protocol type name. Please use one of the following: string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false")
	}
}

func countTo(c *command.Ctx, n int64) {
	for i := range n {
		c.W.Int(i)
	}
}

// debugAttrib replies a string with an attribute, which RESP2 does not have.
func debugAttrib(c *command.Ctx) {
	if c.W.Proto >= 3 {
		c.W.Attr(1)
		c.W.BulkString("key-popularity")
		c.W.Array(2)
		c.W.BulkString("key:123")
		c.W.Int(90)
	}
	c.W.BulkString("Some real reply following the attribute")
}

// debugPush replies a string; the push message comes after it, as messages wait
// for the end of the command.
func debugPush(c *command.Ctx) {
	if c.W.Proto < 3 {
		c.Err("-ERR RESP2 is not supported by this command")
		return
	}
	c.W.BulkString("Some real reply following the push reply")
	c.W.Push(2)
	c.W.BulkString("server-cpu-usage")
	c.W.Int(42)
}
