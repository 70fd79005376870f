package geocmd

import (
	"bytes"
	"slices"

	"kvorum/command"
)

// Parts of the rows.
var (
	placeArgs = []command.Arg{
		argKey,
		{Name: "longitude", Type: "double"},
		{Name: "latitude", Type: "double"},
		{Name: "radius", Type: "double"},
		argUnit,
	}
	memberArgs = []command.Arg{
		argKey,
		{Name: "member", Type: "string"},
		{Name: "radius", Type: "double"},
		argUnit,
	}
	argStore = command.Arg{Name: "store", Type: "oneof", Optional: true, Args: []command.Arg{
		{Name: "storekey", Type: "key", Display: "key", Key: 2, Token: "STORE"},
		{Name: "storedistkey", Type: "key", Display: "key", Key: 3, Token: "STOREDIST"},
	}}
	anyAdded = command.Change{Since: "6.2.0", Text: "Added the `ANY` option for `COUNT`."}
)

const radiusComplexity = "O(N+log(M)) where N is the number of elements inside the bounding box of the circular area delimited by center and radius and M is the number of items inside the index."

// radiusOptions are the arguments behind the unit; since is the version of ANY that
// the row tells.
func radiusOptions(since string) []command.Arg {
	return slices.Concat(withArgs, []command.Arg{argCount(since), argOrder})
}

// storingKeys are the key specs of a row whose options begin at argument from.
func storingKeys(from int) []command.KeySpec {
	return []command.KeySpec{
		{Flags: command.RO | command.Access, Index: 1, Step: 1},
		{Flags: command.OW | command.Update, Keyword: "STORE", StartFrom: from, Step: 1},
		{Flags: command.OW | command.Update, Keyword: "STOREDIST", StartFrom: from, Step: 1},
	}
}

var georadiusSpec = &command.Spec{
	Name: "georadius", Since: "3.2.0", Group: "geo", Complexity: radiusComplexity,
	Summary: "Finds members within a distance of a place, and optionally stores them.",
	Arity:   -6, Flags: command.Write | command.DenyOOM, Categories: command.CatGeo,
	History:    []command.Change{anyAdded, unitsAdded},
	Deprecated: "6.2.0", ReplacedBy: "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument",
	Keys:    storingKeys(6),
	Args:    slices.Concat(placeArgs, radiusOptions("6.2.0"), []command.Arg{argStore}),
	GetKeys: radiusKeys(6), Handler: georadius,
}

var georadiusROSpec = &command.Spec{
	Name: "georadius_ro", Since: "3.2.10", Group: "geo", Complexity: radiusComplexity,
	Summary: "Finds members within a distance of a place.",
	Arity:   -6, Flags: command.ReadOnly, Categories: command.CatGeo,
	History:    []command.Change{anyAdded},
	Deprecated: "6.2.0", ReplacedBy: "`GEOSEARCH` with the `BYRADIUS` argument",
	Keys:    []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
	Args:    slices.Concat(placeArgs, radiusOptions("6.2.0")),
	Handler: georadiusRO,
}

var georadiusbymemberSpec = &command.Spec{
	Name: "georadiusbymember", Since: "3.2.0", Group: "geo", Complexity: radiusComplexity,
	Summary: "Finds members within a distance of another, and optionally stores them.",
	Arity:   -5, Flags: command.Write | command.DenyOOM, Categories: command.CatGeo,
	History:    []command.Change{unitsAdded},
	Deprecated: "6.2.0", ReplacedBy: "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments",
	Keys:    storingKeys(5),
	Args:    slices.Concat(memberArgs, radiusOptions(""), []command.Arg{argStore}),
	GetKeys: radiusKeys(5), Handler: georadiusbymember,
}

var georadiusbymemberROSpec = &command.Spec{
	Name: "georadiusbymember_ro", Since: "3.2.10", Group: "geo", Complexity: radiusComplexity,
	Summary: "Finds members within a distance of another.",
	Arity:   -5, Flags: command.ReadOnly, Categories: command.CatGeo,
	Deprecated: "6.2.0", ReplacedBy: "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments",
	Keys:    []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}},
	Args:    slices.Concat(memberArgs, radiusOptions("")),
	Handler: georadiusbymemberRO,
}

// radiusKeys returns the function that finds the keys of a row whose options begin
// at argument from: the source, and what stands behind STORE and STOREDIST.
//
// COMPAT: geo-getkeys: the last STORE counts, and may be behind another one.
func radiusKeys(from int) func(args [][]byte, dst []command.KeyRef) ([]command.KeyRef, bool) {
	return func(args [][]byte, dst []command.KeyRef) ([]command.KeyRef, bool) {
		dst = append(dst, command.KeyRef{Arg: 1, Flags: command.RO | command.Access})
		for _, option := range [...][]byte{storeOption, storeDistOption} {
			for i := from; i+1 < len(args); i++ {
				if bytes.EqualFold(args[i], option) {
					dst = append(dst, command.KeyRef{Arg: i + 1, Flags: command.OW | command.Update})
				}
			}
		}
		return dst, true
	}
}

var storeOption, storeDistOption = []byte("store"), []byte("storedist")

func georadius(c *command.Ctx) { search(c, finder{byPlace: true, mayStore: true}) }

func georadiusRO(c *command.Ctx) { search(c, finder{byPlace: true}) }

func georadiusbymember(c *command.Ctx) { search(c, finder{byMember: true, mayStore: true}) }

func georadiusbymemberRO(c *command.Ctx) { search(c, finder{byMember: true}) }
