package conncmd

import (
	"math"

	"kvorum/command"
)

var selectSpec = &command.Spec{
	Name: "select", Since: "1.0.0", Group: "connection", Complexity: "O(1)",
	Summary: "Makes another database the current one of the connection.",
	Arity:   2, Flags: command.Loading | command.Stale | command.Fast, Categories: command.CatConnection,
	Args: []command.Arg{
		{Name: "index", Type: "integer"},
	},
	Handler: selectDB,
}

func selectDB(c *command.Ctx) {
	n, ok := c.Int(1)
	if !ok {
		return
	}
	if n < math.MinInt32 || n > math.MaxInt32 {
		c.Err(command.ErrNotInt32)
		return
	}
	if n < 0 || n >= int64(c.KS.DBCount()) {
		c.Err(command.ErrBadDB)
		return
	}
	c.Sess.DB = c.KS.DB(int(n))
	c.W.OK()
}
