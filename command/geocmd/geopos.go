package geocmd

import (
	"kvorum/command"
	"kvorum/ds/geohash"
)

var geoposSpec = &command.Spec{
	Name: "geopos", Since: "3.2.0", Group: "geo", Complexity: "O(1) for each member requested.",
	Summary: "Reads the places of members.",
	Arity:   -2, Flags: command.ReadOnly, Categories: command.CatGeo,
	Keys:    []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey, {Name: "member", Type: "string", Optional: true, Multiple: true}},
	Handler: geopos,
}

var geohashSpec = &command.Spec{
	Name: "geohash", Since: "3.2.0", Group: "geo", Complexity: "O(1) for each member requested.",
	Summary: "Reads the places of members as standard geohash strings.",
	Arity:   -2, Flags: command.ReadOnly, Categories: command.CatGeo,
	Keys:    []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
	Args:    []command.Arg{argKey, {Name: "member", Type: "string", Optional: true, Multiple: true}},
	Handler: geohashes,
}

var geodistSpec = &command.Spec{
	Name: "geodist", Since: "3.2.0", Group: "geo", Complexity: "O(1)",
	Summary: "Computes the distance of two members.",
	Arity:   -4, Flags: command.ReadOnly, Categories: command.CatGeo,
	Keys: []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
	Args: []command.Arg{
		argKey,
		{Name: "member1", Type: "string"},
		{Name: "member2", Type: "string"},
		{Name: "unit", Type: "oneof", Optional: true, Args: unitArgs},
	},
	Handler: geodist,
}

func geopos(c *command.Ctx) { places(c, false) }

func geohashes(c *command.Ctx) { places(c, true) }

// places replies the places of the members named, as points or as geohash strings.
func places(c *command.Ctx, text bool) {
	e := c.Read(0)
	if !isZSet(c, e) {
		return
	}
	c.W.Array(len(c.Args) - 2)
	for _, name := range c.Args[2:] {
		var score float64
		found := false
		if e.OK() {
			score, found = open(c, e).Score(name)
		}
		switch {
		case found && text:
			c.W.Bulk(geohash.AppendString(c.Scratch[:0], score))
		case found:
			point(c, geohash.Decode(score))
		case text:
			c.W.Null()
		default:
			c.W.NullArray()
		}
	}
}

func geodist(c *command.Ctx) {
	unit := 1.0
	if len(c.Args) > 5 {
		c.Err(command.ErrSyntax)
		return
	}
	if len(c.Args) == 5 {
		var ok bool
		if unit, ok = parseUnit(c, 4); !ok {
			return
		}
	}
	e := c.Read(0)
	if !isZSet(c, e) {
		return
	}
	if e.OK() {
		s := open(c, e)
		a, okA := s.Score(c.Args[2])
		b, okB := s.Score(c.Args[3])
		if okA && okB {
			distance(c, geohash.Distance(geohash.Decode(a), geohash.Decode(b))/unit)
			return
		}
	}
	c.W.Null()
}
