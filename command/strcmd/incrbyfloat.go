package strcmd

import (
	"kvorum/command"
	"kvorum/keyspace"
	"kvorum/num"
)

var incrbyfloatSpec = countRow(command.Spec{
	Name: "incrbyfloat", Since: "2.6.0", Arity: 3, Handler: incrbyfloat,
	Summary: "Adds a fraction to the number stored under a key; an absent key counts as 0.",
}, command.Arg{Name: "increment", Type: "double"})

var zeroText = []byte("0")

func incrbyfloat(c *command.Ctx) {
	e := c.Write(0)
	if !isString(c, e) {
		return
	}
	existed, old := e.OK(), zeroText
	if existed {
		old = c.StringOf(e)
	}
	sum, result := num.AddLongDouble(c.Buf[:0], old, c.Args[2])
	c.Buf = sum
	switch result {
	case num.AddBadFirst, num.AddBadSecond:
		c.Err(command.ErrNotFloat)
		return
	case num.AddNotFinite:
		c.Err(command.ErrNaN)
		return
	}
	c.DB.SetText(c.Keys[0], e, sum, keyspace.KeepTTL, c.Access)
	written(c, existed, "incrbyfloat")
	// The sum is fed, not the increment: rounding happens once.
	c.Effect(setName, c.Args[1], sum, keepttlName)
	c.W.Bulk(sum)
}
