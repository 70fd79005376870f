package enginetest

import (
	"kvorum/command"
	"kvorum/num"
	"kvorum/object/list"
)

// configurePacking changes one of the limits within which collections stay packed
// and reports whether name is one of them.
func configurePacking(p *command.Packing, name string, value []byte) bool {
	n64, ok := num.ParseInt64(value)
	n := int(n64)
	switch name {
	case "hash-max-listpack-entries":
		p.Hash.Entries = n
	case "hash-max-listpack-value":
		p.Hash.Value = n
	case "list-max-listpack-size":
		p.List = list.LimitsOf(n)
	case "set-max-intset-entries":
		p.Set.Integers = n
	case "set-max-listpack-entries":
		p.Set.Entries = n
	case "set-max-listpack-value":
		p.Set.Value = n
	case "zset-max-listpack-entries":
		p.ZSet.Entries = n
	case "zset-max-listpack-value":
		p.ZSet.Value = n
	default:
		return false
	}
	return ok
}
