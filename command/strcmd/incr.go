package strcmd

import (
	"math"

	"kvorum/command"
	"kvorum/keyspace"
	"kvorum/object"
)

var incrSpec = countRow(command.Spec{
	Name: "incr", Since: "1.0.0", Arity: 2, Handler: incr,
	Summary: "Adds one to the integer stored under a key; an absent key counts as 0.",
})

var decrSpec = countRow(command.Spec{
	Name: "decr", Since: "1.0.0", Arity: 2, Handler: decr,
	Summary: "Takes one from the integer stored under a key; an absent key counts as 0.",
})

var incrbySpec = countRow(command.Spec{
	Name: "incrby", Since: "1.0.0", Arity: 3, Handler: incrby,
	Summary: "Adds a number to the integer stored under a key; an absent key counts as 0.",
}, command.Arg{Name: "increment", Type: "integer"})

var decrbySpec = countRow(command.Spec{
	Name: "decrby", Since: "1.0.0", Arity: 3, Handler: decrby,
	Summary: "Takes a number from the integer stored under a key; an absent key counts as 0.",
}, command.Arg{Name: "decrement", Type: "integer"})

// countRow completes the row of a command that changes a number.
func countRow(s command.Spec, more ...command.Arg) *command.Spec {
	s.Group, s.Complexity = "string", "O(1)"
	s.Flags, s.Categories = command.Write|command.DenyOOM|command.Fast, command.CatString
	s.Keys = keyUpdate
	s.Args = append([]command.Arg{argKey}, more...)
	return &s
}

func incr(c *command.Ctx) { count(c, 1) }

func decr(c *command.Ctx) { count(c, -1) }

func incrby(c *command.Ctx) {
	if by, ok := c.Int(2); ok {
		count(c, by)
	}
}

func decrby(c *command.Ctx) {
	by, ok := c.Int(2)
	if !ok {
		return
	}
	if by == math.MinInt64 {
		c.Err("-ERR decrement would overflow")
		return
	}
	count(c, -by)
}

// count adds to the integer under key 0.
func count(c *command.Ctx, by int64) {
	e := c.Write(0)
	if !isString(c, e) {
		return
	}
	existed, n := e.OK(), int64(0)
	if existed {
		var ok bool
		if n, ok = object.StringInt(e.Rec); !ok {
			c.Err(command.ErrNotInt)
			return
		}
	}
	if by < 0 && n < math.MinInt64-by || by > 0 && n > math.MaxInt64-by {
		c.Err(command.ErrOverflow)
		return
	}
	n += by
	c.DB.SetInt(c.Keys[0], e, n, keyspace.KeepTTL, c.Access)
	written(c, existed, "incrby")
	c.W.Int(n)
}
