// Package geocmd holds the commands on places, which are members of sorted sets
// whose scores are geohashes; one file each.
//
// Handlers run as the package command says. Each replies and changes what
// Redis 7.2 does, in the same order of checks.
//
// Same level: command/zsetcmd.
package geocmd

import (
	"strconv"

	"kvorum/command"
	"kvorum/ds/geohash"
	"kvorum/keyspace"
	"kvorum/num"
	"kvorum/object"
	"kvorum/object/zset"
)

// Specs returns the rows of the family.
func Specs() []*command.Spec {
	return []*command.Spec{
		geoaddSpec, geodistSpec, geohashSpec, geoposSpec, georadiusSpec, georadiusROSpec, georadiusbymemberSpec,
		georadiusbymemberROSpec, geosearchSpec, geosearchstoreSpec,
	}
}

// Parts of rows that many commands share.
var (
	argKey   = command.Arg{Name: "key", Type: "key", Key: 1}
	argUnit  = command.Arg{Name: "unit", Type: "oneof", Args: unitArgs}
	unitArgs = []command.Arg{
		{Name: "m", Type: "pure-token", Token: "M"},
		{Name: "km", Type: "pure-token", Token: "KM"},
		{Name: "ft", Type: "pure-token", Token: "FT"},
		{Name: "mi", Type: "pure-token", Token: "MI"},
	}
	withArgs = []command.Arg{
		{Name: "withcoord", Type: "pure-token", Token: "WITHCOORD", Optional: true},
		{Name: "withdist", Type: "pure-token", Token: "WITHDIST", Optional: true},
		{Name: "withhash", Type: "pure-token", Token: "WITHHASH", Optional: true},
	}
	argOrder = command.Arg{Name: "order", Type: "oneof", Optional: true, Args: []command.Arg{
		{Name: "asc", Type: "pure-token", Token: "ASC"},
		{Name: "desc", Type: "pure-token", Token: "DESC"},
	}}
	unitsAdded = command.Change{Since: "7.0.0", Text: "Added support for uppercase unit names."}
)

// argCount is COUNT with ANY; since is the version of ANY that the row tells.
func argCount(since string) command.Arg {
	return command.Arg{Name: "count-block", Type: "block", Optional: true, Args: []command.Arg{
		{Name: "count", Type: "integer", Token: "COUNT"},
		{Name: "any", Type: "pure-token", Token: "ANY", Since: since, Optional: true},
	}}
}

// isZSet reports whether the entry is absent or a sorted set; if not it replies the
// error.
func isZSet(c *command.Ctx, e keyspace.Entry) bool { return c.IsType(e, object.ZSet) }

// open returns the view of the sorted set of an entry.
func open(c *command.Ctx, e keyspace.Entry) *zset.Set {
	s := &c.ZSets[0]
	s.Open(e.Rec)
	return s
}

// parsePoint reads longitude and latitude from argument i on; ok is false after the
// error reply.
func parsePoint(c *command.Ctx, i int) (p geohash.Point, ok bool) {
	if p.Lon, ok = parseFloat(c, i, command.ErrNotFloat); !ok {
		return p, false
	}
	if p.Lat, ok = parseFloat(c, i+1, command.ErrNotFloat); !ok {
		return p, false
	}
	if !p.OK() {
		c.Err("-ERR invalid longitude,latitude pair " + sixDigits(p.Lon) + "," + sixDigits(p.Lat))
		return p, false
	}
	return p, true
}

func parseFloat(c *command.Ctx, i int, text string) (f float64, ok bool) {
	f, ok = num.ParseFloat(c.Args[i])
	if !ok {
		c.Err(text)
	}
	return f, ok
}

// sixDigits formats a number as C's %f does.
func sixDigits(f float64) string {
	text := strconv.FormatFloat(f, 'f', 6, 64)
	switch text {
	case "+Inf":
		return "inf"
	case "-Inf":
		return "-inf"
	}
	return text
}

// parseUnit reads argument i as a unit of length, in meters; ok is false after the
// error reply.
func parseUnit(c *command.Ctx, i int) (meters float64, ok bool) {
	switch {
	case c.Is(i, "m"):
		return 1, true
	case c.Is(i, "km"):
		return 1000, true
	case c.Is(i, "ft"):
		return 0.3048, true
	case c.Is(i, "mi"):
		return 1609.34, true
	}
	c.Err("-ERR unsupported unit provided. please use M, KM, FT, MI")
	return 0, false
}

// distancePlaces is the number of decimal places of distances.
const distancePlaces = 4

// distance replies a length.
func distance(c *command.Ctx, d float64) {
	var digits [40]byte
	c.W.Bulk(num.AppendFixed(digits[:0], d, distancePlaces))
}

// point replies longitude and latitude.
func point(c *command.Ctx, p geohash.Point) {
	c.W.Array(2)
	coordinate(c, p.Lon)
	coordinate(c, p.Lat)
}

func coordinate(c *command.Ctx, degrees float64) {
	var room [64]byte
	digits := num.LongDoubleOf(degrees).AppendHuman(room[:0])
	if c.W.Proto != 3 {
		c.W.Bulk(digits)
		return
	}
	c.W.RawString(",")
	c.W.Raw(digits)
	c.W.RawString("\r\n")
}
