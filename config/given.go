package config

// Given returns the directives that a file, the command line or Set gave a value,
// in table order, without those whose values are secret: what a crash report may
// show.
func (c *Config) Given() []Pair {
	var pairs []Pair
	for row := range table {
		if c.isSet[row] && table[row].Flags&Sensitive == 0 {
			pairs = append(pairs, Pair{Name: table[row].Name, Text: c.text(row)})
		}
	}
	return pairs
}
