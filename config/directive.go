package config

import (
	"slices"
	"strings"

	"kvorum/internal/invariants"
)

// Kind says how the text of a directive is read and written.
type Kind uint8

// The kinds. The first group is generic, the second has one row each.
const (
	KindBool            Kind = iota // "yes" or "no"
	KindInt                         // decimal, Min..Max
	KindOctal                       // octal, Min..Max
	KindMemory                      // bytes with an optional unit (k kb m mb g gb), Min..Max
	KindMemoryOrPercent             // as KindMemory, or "N%" with N up to -Min
	KindEnum                        // one word of Enum
	KindEnumSet                     // several words of Enum, values or-ed
	KindString                      // free text, perhaps with a check

	KindDir          // the working directory
	KindSave         // pairs of seconds and changes
	KindOutputLimits // class, hard, soft, seconds for each client class
	KindOOMValues    // three numbers in -2000..2000
	KindNotifyEvents // classes of keyspace events
	KindBind         // up to 16 addresses
	KindReplicaOf    // host and port, or "no one"
	KindPercentiles  // numbers in 0..100
)

var kindNames = [...]string{
	"bool", "int", "octal", "memory", "memory or percent", "enum", "enum set", "string",
	"directory", "save points", "output buffer limits", "oom score values", "event classes",
	"addresses", "host and port", "percentiles",
}

// String names the kind for documents.
func (k Kind) String() string { return kindNames[k] }

// special reports whether the row has its own parser. Redis treats such a
// value as changed whenever it is set, so its hooks always run.
func (k Kind) special() bool { return k >= KindDir }

// Flags are properties of a directive that are not part of its value.
type Flags uint16

// The flags.
const (
	Immutable    Flags = 1 << iota // only a file or the command line may set it
	Sensitive                      // its value is hidden from logs, slow log and MONITOR
	MultiArg                       // takes several words
	Hidden                         // CONFIG GET shows it only by its exact name
	Protected                      // CONFIG SET needs enable-protected-configs
	DenyLoading                    // CONFIG SET is refused while a dataset is loading
	EmptyIsUnset                   // "" means not set: REWRITE drops the line
	Volatile                       // names a file: setting the same text again is a change
	Unsigned                       // compared with Min and Max as an unsigned number
	Binary                         // may hold a NUL byte (other strings end at one)
)

// An EnumValue is one word of an enum. Words with equal Bits are synonyms;
// the first of them is the one that is shown.
type EnumValue struct {
	Name string
	Bits int64
}

// A Directive is one row of the table: everything that is known about a
// directive but its current value.
type Directive struct {
	Name     string // lower case
	Alias    string // second name of the same value, or ""
	Kind     Kind
	Flags    Flags
	Default  string      // as one writes it in a file; words separated by one space
	Min      int64       // smallest number accepted; -N of KindMemoryOrPercent allows N%
	Max      uint64      // largest number accepted
	Unit     string      // of the number, or ""
	Enum     []EnumValue // words of KindEnum and KindEnumSet, in the order errors list them
	NoEffect string      // why the server does not act on the value; "" if it does

	check func(text string) (problem string) // further check of KindString, on all bytes given
	valid func(n int64) (problem string)     // further check of KindEnumSet
	clamp func(n int64) int64                // brings an accepted number into the range in use
	floor int64                              // CONFIG SET (not a file) raises a smaller number to it; 0: none
}

// Mutable reports whether CONFIG SET may change the directive.
func (d *Directive) Mutable() bool { return d.Flags&Immutable == 0 }

// Effective reports whether the server acts on the directive.
func (d *Directive) Effective() bool { return d.NoEffect == "" }

// table lists every directive, grouped as in redis.conf. REWRITE appends
// lines in this order.
var table = slices.Concat(networkRows, tlsRows, generalRows, limitRows, dataRows,
	persistenceRows, replicationRows, clusterRows)

// An entry is what a name stands for: a row, through its name or its alias.
type entry struct {
	row   int
	alias bool
}

var (
	entries = indexTable()
	// sortedNames are the keys of entries in order: CONFIG GET with a pattern
	// answers in this order (Redis's order is that of a hash table).
	sortedNames = sortNames()
)

// defaults are the values of a new Config, by row. Values are never changed in
// place (I3), so all share them.
var defaults = parseDefaults()

func parseDefaults() []value {
	values := make([]value, len(table))
	for i := range table {
		values[i] = defaultOf(&table[i])
	}
	return values
}

func indexTable() map[string]entry {
	m := make(map[string]entry, 2*len(table))
	add := func(name string, e entry) {
		if _, twice := m[name]; twice || name != strings.ToLower(name) {
			invariants.Fail("config: bad or duplicate name in the table: %q", name)
		}
		m[name] = e
	}
	for i := range table {
		add(table[i].Name, entry{row: i})
		if table[i].Alias != "" {
			add(table[i].Alias, entry{row: i, alias: true})
		}
	}
	return m
}

func sortNames() []string {
	names := make([]string, 0, len(entries))
	for i := range table {
		names = append(names, table[i].Name)
		if table[i].Alias != "" {
			names = append(names, table[i].Alias)
		}
	}
	slices.Sort(names)
	return names
}

// lookup finds a directive by name or alias, in any case.
func lookup(name string) (entry, bool) {
	if e, ok := entries[name]; ok {
		return e, true
	}
	e, ok := entries[lower(name)]
	return e, ok
}

// Lookup returns the row of a directive by its name or alias, in any case.
// The row is the table's own: read only.
func Lookup(name string) (*Directive, bool) {
	e, ok := lookup(name)
	if !ok {
		return nil, false
	}
	return &table[e.row], true
}

// Directives yields every row in table order. The rows are the table's own:
// read only.
func Directives(yield func(*Directive) bool) {
	for i := range table {
		if !yield(&table[i]) {
			return
		}
	}
}

// Redact reports whether the value that follows name in a CONFIG SET must be
// hidden from logs, slow log and MONITOR.
func Redact(name string) bool {
	d, ok := Lookup(name)
	return ok && d.Flags&Sensitive != 0
}

// lower folds ASCII letters only: names are bytes, not text of a language.
func lower(s string) string {
	for i := 0; i < len(s); i++ {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for j := i; j < len(b); j++ {
				if 'A' <= b[j] && b[j] <= 'Z' {
					b[j] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

// equalFold compares ASCII without regard to case, as strcasecmp does.
func equalFold(a, b string) bool {
	return len(a) == len(b) && lower(a) == lower(b)
}
