package command

import "kvorum/object/list"

// DefaultPacking returns the limits of a server that was not told others.
func DefaultPacking() Packing {
	var p Packing
	for _, d := range []struct {
		name  string
		value int
	}{
		{"hash-max-listpack-entries", 512}, {"hash-max-listpack-value", 64},
		{"list-max-listpack-size", -2}, {"list-compress-depth", 0},
		{"set-max-intset-entries", 512}, {"set-max-listpack-entries", 128}, {"set-max-listpack-value", 64},
		{"zset-max-listpack-entries", 128}, {"zset-max-listpack-value", 64},
	} {
		p.Limit(d.name, d.value)
	}
	return p
}

// Limit gives the limit that a directive names its value, and reports whether there
// is such a directive.
func (p *Packing) Limit(directive string, value int) bool {
	switch directive {
	case "hash-max-listpack-entries":
		p.Hash.Entries = value
	case "hash-max-listpack-value":
		p.Hash.Value = value
	case "list-max-listpack-size":
		depth := p.List.Depth
		p.List = list.LimitsOf(value)
		p.List.Depth = depth
	case "list-compress-depth":
		p.List.Depth = value
	case "set-max-intset-entries":
		p.Set.Integers = value
	case "set-max-listpack-entries":
		p.Set.Entries = value
	case "set-max-listpack-value":
		p.Set.Value = value
	case "zset-max-listpack-entries":
		p.ZSet.Entries = value
	case "zset-max-listpack-value":
		p.ZSet.Value = value
	default:
		return false
	}
	return true
}
