package config

import (
	"slices"
	"strings"

	"kvorum/glob"
)

// A Pair is one directive of CONFIG GET's reply.
type Pair struct {
	Name string // in lower case from a pattern, as typed from an exact name
	Text string
}

// Get returns what CONFIG GET replies for patterns: each directive once,
// under each of its two names that is asked for. A pattern without [ * or ?
// is an exact name and also finds hidden directives; unknown names are left
// out. Case does not matter. The order is that of the patterns, then of names.
// (Redis's order is that of a hash table.)
func (c *Config) Get(patterns ...string) []Pair {
	pairs := []Pair{}
	found := make(map[entry]bool)
	for _, pattern := range patterns {
		if !strings.ContainsAny(pattern, "[*?") {
			if e, ok := lookup(pattern); ok && !found[e] {
				found[e] = true
				pairs = append(pairs, Pair{Name: pattern, Text: c.text(e.row)})
			}
			continue
		}
		p := []byte(pattern)
		for _, name := range sortedNames {
			e := entries[name]
			if found[e] || table[e.row].Flags&Hidden != 0 || !glob.MatchFold(p, []byte(name)) {
				continue
			}
			found[e] = true
			pairs = append(pairs, Pair{Name: name, Text: c.text(e.row)})
		}
	}
	return slices.Clip(pairs)
}

// Text returns the value of one directive as CONFIG GET shows it.
func (c *Config) Text(name string) (text string, ok bool) {
	e, ok := lookup(name)
	if !ok {
		return "", false
	}
	return c.text(e.row), true
}

func (c *Config) text(row int) string { return text(&table[row], c.values[row]) }
