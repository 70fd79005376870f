package servercmd

import (
	"kvorum/command"
	"kvorum/num"
)

var swapdbSpec = &command.Spec{
	Name: "swapdb", Since: "4.0.0", Group: "server", Complexity: "O(N) where N is the count of clients watching or blocking on keys from both databases.",
	Summary: "Exchanges the contents of two databases.",
	Arity:   3, Flags: command.Write | command.Fast, Categories: command.CatKeyspace | command.CatDangerous,
	Args: []command.Arg{
		{Name: "index1", Type: "integer"},
		{Name: "index2", Type: "integer"},
	},
	Mode:    command.Exclusive,
	Handler: swapdb,
}

const (
	errFirstDB  = "-ERR invalid first DB index"
	errSecondDB = "-ERR invalid second DB index"
)

func swapdb(c *command.Ctx) {
	i, ok := dbNumber(c, 1, errFirstDB)
	if !ok {
		return
	}
	j, ok := dbNumber(c, 2, errSecondDB)
	if !ok {
		return
	}
	if c.KS.DB(i) == nil || c.KS.DB(j) == nil {
		c.Err(command.ErrBadDB)
		return
	}
	c.KS.SwapDB(i, j, c.Now)
	// COMPAT: tracking-swapdb: caches would be stale for ever.
	if i != j {
		c.Flushed()
	}
	c.Dirty++
	c.W.OK()
}

// dbNumber reads argument at, an int of C; ok is false after the error reply.
func dbNumber(c *command.Ctx, at int, problem string) (n int, ok bool) {
	v, ok := num.ParseInt64(c.Args[at])
	if !ok || v != int64(int32(v)) {
		c.Err(problem)
		return 0, false
	}
	return int(v), true
}
