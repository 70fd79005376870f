package geocmd

import (
	"bytes"
	"cmp"
	"slices"

	"kvorum/command"
	"kvorum/command/zsetcmd"
	"kvorum/ds/geohash"
	"kvorum/keyspace"
	"kvorum/object/zset"
)

const searchComplexity = "O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area around the shape provided as the filter and M is the number of items inside the shape"

// searchArgs are what to search, and how many of it in which order.
var searchArgs = []command.Arg{
	{Name: "from", Type: "oneof", Args: []command.Arg{
		{Name: "member", Type: "string", Token: "FROMMEMBER"},
		{Name: "fromlonlat", Type: "block", Token: "FROMLONLAT", Args: []command.Arg{
			{Name: "longitude", Type: "double"},
			{Name: "latitude", Type: "double"},
		}},
	}},
	{Name: "by", Type: "oneof", Args: []command.Arg{
		{Name: "circle", Type: "block", Args: []command.Arg{
			{Name: "radius", Type: "double", Token: "BYRADIUS"},
			argUnit,
		}},
		{Name: "box", Type: "block", Args: []command.Arg{
			{Name: "width", Type: "double", Token: "BYBOX"},
			{Name: "height", Type: "double"},
			argUnit,
		}},
	}},
	argOrder,
	argCount(""),
}

var geosearchSpec = &command.Spec{
	Name: "geosearch", Since: "6.2.0", Group: "geo", Complexity: searchComplexity,
	Summary: "Finds members in a circle or a box around a place or a member.",
	Arity:   -7, Flags: command.ReadOnly, Categories: command.CatGeo,
	History: []command.Change{unitsAdded},
	Keys:    []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
	Args:    slices.Concat([]command.Arg{argKey}, searchArgs, withArgs),
	Handler: geosearch,
}

var geosearchstoreSpec = &command.Spec{
	Name: "geosearchstore", Since: "6.2.0", Group: "geo", Complexity: searchComplexity,
	Summary: "Stores the members in a circle or a box around a place or a member under a key.",
	Arity:   -8, Flags: command.Write | command.DenyOOM, Categories: command.CatGeo,
	History: []command.Change{unitsAdded},
	Keys: []command.KeySpec{
		{Flags: command.OW | command.Update, Index: 1, Step: 1},
		{Flags: command.RO | command.Access, Index: 2, Step: 1},
	},
	Args: slices.Concat([]command.Arg{
		{Name: "destination", Type: "key", Key: 1},
		{Name: "source", Type: "key", Key: 2},
	}, searchArgs, []command.Arg{{Name: "storedist", Type: "pure-token", Token: "STOREDIST", Optional: true}}),
	Handler: geosearchstore,
}

const (
	errMember   = "-ERR could not decode requested zset member"
	errNegative = "-ERR radius cannot be negative"
	errBoxSize  = "-ERR height or width cannot be negative"
	errCount    = "-ERR COUNT must be > 0"
	errAny      = "-ERR the ANY argument requires COUNT argument"
)

// direction is the order of the results.
type direction int8

const (
	unsorted direction = iota
	ascending
	descending
)

// finder is a search: GEORADIUS and its relatives, or one of the two GEOSEARCH.
type finder struct {
	byPlace, byMember bool // GEORADIUS, GEORADIUSBYMEMBER
	mayStore          bool // STORE and STOREDIST are options
	searchStore       bool // GEOSEARCHSTORE

	set   *zset.Set // nil: the key is absent
	shape geohash.Shape

	withDist, withHash, withCoord bool
	any                           bool
	count                         int64 // 0: all
	order                         direction
	store                         []byte // destination, nil: a reply
	storeDist                     bool

	fromMember, fromPlace, byRadius, byBox bool
}

func geosearch(c *command.Ctx) { search(c, finder{}) }

func geosearchstore(c *command.Ctx) { search(c, finder{searchStore: true}) }

// plain tells that the command is one of the GEOSEARCH.
func (f *finder) plain() bool { return !f.byPlace && !f.byMember }

func search(c *command.Ctx, f finder) {
	source := 0
	if f.searchStore {
		source = 1
		f.store = c.Args[1]
	}
	e := c.Read(source)
	if !isZSet(c, e) {
		return
	}
	if e.OK() {
		f.set = open(c, e)
	}
	at, ok := f.head(c)
	if !ok || !f.options(c, at) || !f.check(c) {
		return
	}
	if f.set == nil {
		f.finish(c, nil)
		return
	}
	if f.count != 0 && f.order == unsorted && !f.any {
		f.order = ascending
	}
	found := f.find()
	switch f.order {
	case ascending:
		slices.SortStableFunc(found, func(a, b match) int { return cmp.Compare(a.meters, b.meters) })
	case descending:
		slices.SortStableFunc(found, func(a, b match) int { return cmp.Compare(b.meters, a.meters) })
	}
	if f.count > 0 && int64(len(found)) > f.count {
		found = found[:f.count]
	}
	f.finish(c, found)
}

// head reads the arguments at fixed places and returns where the options begin; ok
// is false after the error reply.
func (f *finder) head(c *command.Ctx) (at int, ok bool) {
	switch {
	case f.byPlace:
		if f.shape.Center, ok = parsePoint(c, 2); !ok {
			return 0, false
		}
		return 6, f.radius(c, 4)
	case f.byMember:
		if f.set == nil { // what to reply hangs on the options
			return 5, true
		}
		return 5, f.member(c, 2) && f.radius(c, 3)
	case f.searchStore:
		return 3, true
	}
	return 2, true
}

// member takes the place of the member that argument i names as the center.
func (f *finder) member(c *command.Ctx, i int) (ok bool) {
	if f.set == nil {
		return true
	}
	score, ok := f.set.Score(c.Args[i])
	if !ok {
		c.Err(errMember)
		return false
	}
	f.shape.Center = geohash.Decode(score)
	return true
}

// radius reads a radius with its unit from argument i on.
func (f *finder) radius(c *command.Ctx, i int) (ok bool) {
	if f.shape.Radius, ok = parseFloat(c, i, "-ERR need numeric radius"); !ok {
		return false
	}
	if f.shape.Radius < 0 {
		c.Err(errNegative)
		return false
	}
	f.shape.Unit, ok = parseUnit(c, i+1)
	return ok
}

// box reads width and height with their unit from argument i on.
func (f *finder) box(c *command.Ctx, i int) (ok bool) {
	if f.shape.Width, ok = parseFloat(c, i, "-ERR need numeric width"); !ok {
		return false
	}
	if f.shape.Height, ok = parseFloat(c, i+1, "-ERR need numeric height"); !ok {
		return false
	}
	if f.shape.Width < 0 || f.shape.Height < 0 {
		c.Err(errBoxSize)
		return false
	}
	f.shape.Box = true
	f.shape.Unit, ok = parseUnit(c, i+2)
	return ok
}

// options reads the options from argument i on; ok is false after the error reply.
func (f *finder) options(c *command.Ctx, i int) (ok bool) {
	for i < len(c.Args) {
		used := f.flag(c, i)
		if used == 0 {
			used, ok = f.valued(c, i, len(c.Args)-i-1)
			if !ok {
				return false
			}
		}
		i += used
	}
	return true
}

// flag reads an option without a value and returns 1, or 0 if it is none.
func (f *finder) flag(c *command.Ctx, i int) int {
	switch {
	case c.Is(i, "withdist"):
		f.withDist = true
	case c.Is(i, "withhash"):
		f.withHash = true
	case c.Is(i, "withcoord"):
		f.withCoord = true
	case c.Is(i, "any"):
		f.any = true
	case c.Is(i, "asc"):
		f.order = ascending
	case c.Is(i, "desc"):
		f.order = descending
	case c.Is(i, "storedist") && f.searchStore:
		f.storeDist = true
	default:
		return 0
	}
	return 1
}

// valued reads an option with values, of which there are at most more, and returns
// the number of arguments; ok is false after the error reply.
func (f *finder) valued(c *command.Ctx, i, more int) (used int, ok bool) {
	switch {
	case c.Is(i, "count") && more >= 1:
		if f.count, ok = c.Int(i + 1); ok && f.count <= 0 {
			c.Err(errCount)
			ok = false
		}
		return 2, ok
	case c.Is(i, "store") && more >= 1 && f.mayStore:
		f.store, f.storeDist = c.Args[i+1], false
		return 2, true
	case c.Is(i, "storedist") && more >= 1 && f.mayStore:
		f.store, f.storeDist = c.Args[i+1], true
		return 2, true
	case c.Is(i, "frommember") && more >= 1 && f.plain() && !f.fromPlace:
		f.fromMember = true
		return 2, f.member(c, i+1)
	case c.Is(i, "fromlonlat") && more >= 2 && f.plain() && !f.fromMember:
		f.fromPlace = true
		f.shape.Center, ok = parsePoint(c, i+1)
		return 3, ok
	case c.Is(i, "byradius") && more >= 2 && f.plain() && !f.byBox:
		f.byRadius = true
		return 3, f.radius(c, i+1)
	case c.Is(i, "bybox") && more >= 3 && f.plain() && !f.byRadius:
		f.byBox = true
		return 4, f.box(c, i+1)
	}
	c.Err(command.ErrSyntax)
	return 0, false
}

// check tells whether the options go together; ok is false after the error reply.
func (f *finder) check(c *command.Ctx) (ok bool) {
	switch {
	case f.store != nil && (f.withDist || f.withHash || f.withCoord):
		what := "STORE option in GEORADIUS"
		if f.searchStore {
			what = "GEOSEARCHSTORE"
		}
		c.Err("-ERR " + what + " is not compatible with WITHDIST, WITHHASH and WITHCOORD options")
	case f.plain() && !f.fromMember && !f.fromPlace:
		c.Err("-ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for " + string(c.Args[0]))
	case f.plain() && !f.byRadius && !f.byBox:
		c.Err("-ERR exactly one of BYRADIUS and BYBOX can be specified for " + string(c.Args[0]))
	case f.any && f.count == 0:
		c.Err(errAny)
	default:
		return true
	}
	return false
}

// match is a member that was found.
type match struct {
	name   []byte
	place  geohash.Point
	score  float64
	meters float64 // from the center
}

// find returns the members in the shape, with ANY no more than wanted. Their names
// are copies.
func (f *finder) find() (found []match) {
	ranges, n := f.shape.Ranges()
	var at zset.Cursor
	for _, r := range ranges[:n] {
		if f.enough(len(found)) {
			break
		}
		for f.set.SeekScore(r.Min, false, &at); at.Valid(); at.Next() {
			score := at.Score()
			if score >= r.Max {
				break
			}
			place := geohash.Decode(score)
			if meters, ok := f.shape.Contains(place); ok {
				found = append(found, match{bytes.Clone(at.Member()), place, score, meters})
			}
			if f.enough(len(found)) {
				break
			}
		}
	}
	return found
}

// enough tells that ANY is satisfied.
func (f *finder) enough(n int) bool { return f.any && n > 0 && int64(n) >= f.count }

// finish stores or replies what was found.
func (f *finder) finish(c *command.Ctx, found []match) {
	if f.store != nil {
		f.keep(c, found)
		return
	}
	parts := 1
	for _, with := range [...]bool{f.withDist, f.withHash, f.withCoord} {
		if with {
			parts++
		}
	}
	c.W.Array(len(found))
	for i := range found {
		m := &found[i]
		if parts > 1 {
			c.W.Array(parts)
		}
		c.W.Bulk(m.name)
		if f.withDist {
			distance(c, m.meters/f.shape.Unit)
		}
		if f.withHash {
			c.W.Int(int64(m.score))
		}
		if f.withCoord {
			point(c, m.place)
		}
	}
}

// keep stores what was found under the destination.
func (f *finder) keep(c *command.Ctx, found []match) {
	k := f.destination(c)
	d := zset.Begin(c.DB.ArenaOf(k), k.Bytes, c.Access, &c.ZSets[1])
	d.Set.Unpack()
	for i := range found {
		m := &found[i]
		score := m.score
		if f.storeDist {
			score = geohash.ExactDistance(f.shape.Center, m.place) / f.shape.Unit
		}
		d.Set.Put(m.name, score, zset.Limits{}, &c.Buf)
	}
	if len(found) > 0 {
		d.Set.Pack(c.Packing.ZSet, &c.Buf)
		c.Dirty += len(found) - 1
	}
	event := "georadiusstore"
	if f.plain() {
		event = "geosearchstore"
	}
	zsetcmd.Store(c, k, &d, event)
}

// destination returns the key to store under, which is among those of the row.
func (f *finder) destination(c *command.Ctx) keyspace.Key {
	for _, k := range c.Keys {
		if string(k.Bytes) == string(f.store) {
			return k
		}
	}
	return c.KS.Key(f.store)
}
