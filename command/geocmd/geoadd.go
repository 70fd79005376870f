package geocmd

import (
	"kvorum/command"
	"kvorum/command/zsetcmd"
	"kvorum/ds/geohash"
	"kvorum/num"
)

var geoaddSpec = &command.Spec{
	Name: "geoadd", Since: "3.2.0", Group: "geo", Complexity: "O(log(N)) for each item added, where N is the number of elements in the sorted set.",
	Summary: "Gives members of a sorted set their places.",
	Arity:   -5, Flags: command.Write | command.DenyOOM, Categories: command.CatGeo,
	History: []command.Change{
		{Since: "6.2.0", Text: "Added the `CH`, `NX` and `XX` options."},
	},
	Keys: []command.KeySpec{{Flags: command.RW | command.Update, Index: 1, Step: 1}},
	Args: []command.Arg{
		argKey,
		{Name: "condition", Type: "oneof", Since: "6.2.0", Optional: true, Args: []command.Arg{
			{Name: "nx", Type: "pure-token", Token: "NX"},
			{Name: "xx", Type: "pure-token", Token: "XX"},
		}},
		{Name: "change", Type: "pure-token", Token: "CH", Since: "6.2.0", Optional: true},
		{Name: "data", Type: "block", Multiple: true, Args: []command.Arg{
			{Name: "longitude", Type: "double"},
			{Name: "latitude", Type: "double"},
			{Name: "member", Type: "string"},
		}},
	},
	Handler: geoadd,
}

// geoadd is a ZADD with the scores of places, also for replicas.
func geoadd(c *command.Ctx) {
	at, nx, xx := 2, false, false
options:
	for ; at < len(c.Args); at++ {
		switch {
		case c.Is(at, "nx"):
			nx = true
		case c.Is(at, "xx"):
			xx = true
		case c.Is(at, "ch"):
		default:
			break options
		}
	}
	if (len(c.Args)-at)%3 != 0 || nx && xx {
		c.Err(command.ErrSyntax)
		return
	}
	args := append(make([][]byte, 0, len(c.Args)), zaddName)
	args = append(args, c.Args[1:at]...)
	for i := at; i < len(c.Args); i += 3 {
		p, ok := parsePoint(c, i)
		if !ok {
			return
		}
		args = append(args, num.AppendUint(nil, geohash.Encode(p)), c.Args[i+2])
	}
	given := c.Args
	c.Args = args
	if zsetcmd.Add(c) {
		c.Effect(args...)
	}
	c.Args = given
}

var zaddName = []byte("zadd")
