package check

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"kvorum/rdb"
)

// options are those of check-rdb.
type options struct {
	report, json bool
	top          int // largest keys and prefixes shown
}

const (
	topDefault = 10
	topMax     = 10_000

	// prefixMax bounds the prefixes that are told apart: what comes later is counted
	// under prefixRest.
	prefixMax  = 100_000
	prefixRest = "(others)"

	// separators end a prefix: the first of them in a key.
	separators = ":/|."
)

func rdbOptions(args []string) (o options, file string, ok bool) {
	o.top = topDefault
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "--report":
			o.report = true
		case "--json":
			o.json = true
		case "--top":
			if i++; i == len(args) {
				return o, "", false
			}
			if n, err := fmt.Sscanf(args[i], "%d", &o.top); n != 1 || err != nil || o.top < 1 || o.top > topMax {
				return o, "", false
			}
		default:
			if file != "" {
				return o, "", false
			}
			file = args[i]
		}
	}
	return o, file, file != "" && (o.report || !o.json && o.top == topDefault)
}

// share is what a type, a prefix or a span of due times has of a file.
type share struct {
	Name  string `json:"name"`
	Keys  int64  `json:"keys"`
	Bytes int64  `json:"bytes"` // in the file, names of keys included
}

// bigKey is one of the largest keys.
type bigKey struct {
	Key   string `json:"key"`
	DB    int    `json:"db"`
	Type  string `json:"type"`
	Bytes int64  `json:"bytes"`
}

// report gathers what a file has.
type report struct {
	top      int
	keys     int64
	bytes    int64
	types    map[string]*share
	prefixes map[string]*share
	due      []share
	biggest  []bigKey // the largest first
}

// dueSpans are the spans of times to live that keys are counted by.
var dueSpans = []struct {
	name   string
	withMs int64 // shorter ones belong here
}{
	{"expired", 0}, {"within a minute", 60_000}, {"within an hour", 3_600_000}, {"within a day", 86_400_000},
	{"within a week", 7 * 86_400_000}, {"within 30 days", 30 * 86_400_000}, {"later", 1<<63 - 1}, {"never", -1},
}

func newReport(top int) *report {
	r := &report{top: top, types: map[string]*share{}, prefixes: map[string]*share{}}
	for _, s := range dueSpans {
		r.due = append(r.due, share{Name: s.name})
	}
	return r
}

func (s *share) count(size int64) {
	s.Keys++
	s.Bytes += size
}

// add counts a key of so many bytes.
func (r *report) add(it *rdb.Item, size, nowMs int64) {
	r.keys++
	r.bytes += size
	name := it.TypeName()
	if r.types[name] == nil {
		r.types[name] = &share{Name: name}
	}
	r.types[name].count(size)
	r.prefix(it.Key).count(size)
	r.due[spanOf(it.Due, nowMs)].count(size)
	if len(r.biggest) == r.top && size <= r.biggest[r.top-1].Bytes {
		return
	}
	at, _ := slices.BinarySearchFunc(r.biggest, size, func(k bigKey, size int64) int { return cmp.Compare(size, k.Bytes) })
	r.biggest = slices.Insert(r.biggest, at, bigKey{string(it.Key), it.DB, name, size})
	r.biggest = r.biggest[:min(len(r.biggest), r.top)]
}

func (r *report) prefix(key []byte) *share {
	name := "(none)"
	if i := bytes.IndexAny(key, separators); i >= 0 {
		name = string(key[:i+1])
	}
	if p := r.prefixes[name]; p != nil {
		return p
	}
	if len(r.prefixes) >= prefixMax {
		name = prefixRest
	}
	if r.prefixes[name] == nil {
		r.prefixes[name] = &share{Name: name}
	}
	return r.prefixes[name]
}

func spanOf(due, nowMs int64) int {
	if due < 0 {
		return len(dueSpans) - 1
	}
	for i, s := range dueSpans {
		if due-nowMs < s.withMs {
			return i
		}
	}
	return len(dueSpans) - 2
}

// sorted returns shares, the largest first.
func sorted(m map[string]*share) (list []share) {
	for _, s := range m {
		list = append(list, *s)
	}
	slices.SortFunc(list, func(a, b share) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Name, b.Name))
	})
	return list
}

// write writes the report as tables or as one JSON object.
func (r *report) write(out io.Writer, asJSON bool) error {
	prefixes := sorted(r.prefixes)
	prefixes = prefixes[:min(len(prefixes), r.top)]
	if asJSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(map[string]any{
			"keys": r.keys, "bytes": r.bytes, "types": sorted(r.types), "prefixes": prefixes, "due": r.due, "biggest": r.biggest,
		})
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%d keys, %d bytes\n", r.keys, r.bytes)
	for _, t := range []struct {
		title string
		rows  []share
	}{{"type", sorted(r.types)}, {"prefix", prefixes}, {"due", r.due}} {
		fmt.Fprintf(w, "\n%s\tkeys\tbytes\n", t.title)
		for _, s := range t.rows {
			fmt.Fprintf(w, "%s\t%d\t%d\n", printable(s.Name), s.Keys, s.Bytes)
		}
	}
	fmt.Fprintf(w, "\nbiggest keys\tdb\ttype\tbytes\n")
	for _, k := range r.biggest {
		fmt.Fprintf(w, "%s\t%d\t%s\t%d\n", printable(k.Key), k.DB, k.Type, k.Bytes)
	}
	return w.Flush()
}

// printable quotes a name that a terminal would not show as it is.
func printable(name string) string {
	q := fmt.Sprintf("%q", name)
	if q == `"`+name+`"` {
		return name
	}
	return q
}
