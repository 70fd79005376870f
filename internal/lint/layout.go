package lint

import (
	"fmt"
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strings"
)

// zone says which family of rules a room falls under.
type zone uint8

const (
	base    zone = iota // L0–L2: structures and bytes
	core                // L3–L7: Redis semantics, pure machines, execution
	shell               // L8–L10: sockets, files, goroutines, the wall clock
	tool                // what tests stand on; only tests import them
	outside             // test/ and bench/: import anything, imported by nothing
)

// room is one row of the layout table. A row may import every room of a lower
// level, and of its own level those named in same or, one by one, in the
// importing package's doc ("Same level: hist, clock.").
type room struct {
	pattern string // folder; '*' stands for one path element or a part of one
	level   int
	zone    zone
	same    []string // patterns of rooms of the same level that may be imported
	below   int      // if not 0: only rooms below this level may be imported
	alone   bool     // imports nothing of this module
}

// layout is the order of the house, from the ground up. A folder that matches no
// row fails the arrow check: new packages are placed here first.
var layout = []room{
	{pattern: "internal/invariants", level: 0, zone: base, alone: true},
	{pattern: "clock", level: 0, zone: base, same: ground},
	{pattern: "rng", level: 0, zone: base, same: ground},
	{pattern: "vfs", level: 0, zone: base, same: ground},
	{pattern: "vfs/errfs", level: 0, zone: base, same: []string{"vfs", "internal/invariants"}},
	{pattern: "checksum", level: 0, zone: base, same: ground},
	{pattern: "num", level: 0, zone: base, same: ground},
	{pattern: "glob", level: 0, zone: base, same: ground},
	{pattern: "hist", level: 0, zone: base, same: ground},
	{pattern: "metrics", level: 0, zone: base, same: ground},
	{pattern: "logx", level: 0, zone: base, same: ground},

	{pattern: "mem", level: 1, zone: base},
	{pattern: "resp", level: 1, zone: base},
	{pattern: "config", level: 1, zone: base},
	{pattern: "hashkit", level: 1, zone: base},
	{pattern: "slot", level: 1, zone: base},

	{pattern: "ds/*", level: 2, zone: base},

	{pattern: "object", level: 3, zone: core},
	{pattern: "object/*", level: 3, zone: core, same: []string{"object"}},
	// The pure machines see bytes and time only: no data, no I/O.
	{pattern: "repl", level: 3, zone: core, below: 2},
	{pattern: "cluster/bus", level: 3, zone: core, below: 2},
	{pattern: "cluster", level: 3, zone: core, below: 2, same: []string{"cluster/bus"}},
	{pattern: "sentinel", level: 3, zone: core, below: 2},

	{pattern: "keyspace", level: 4, zone: core},

	{pattern: "acl", level: 5, zone: core},
	{pattern: "pubsub", level: 5, zone: core},
	{pattern: "tracking", level: 5, zone: core},
	{pattern: "script", level: 5, zone: core},
	{pattern: "rdb", level: 5, zone: core},
	{pattern: "snapshot", level: 5, zone: core},
	{pattern: "aof", level: 5, zone: core},
	{pattern: "feed", level: 5, zone: core},

	{pattern: "command/meta", level: 6, zone: core, alone: true},
	{pattern: "command", level: 6, zone: core, same: []string{"command/meta"}},
	{pattern: "command/*cmd", level: 6, zone: core, same: []string{"command", "command/meta"}},
	{pattern: "command/all", level: 6, zone: core, same: []string{"command", "command/meta", "command/*cmd"}},

	{pattern: "engine", level: 7, zone: core},

	{pattern: "netloop", level: 8, zone: shell},
	{pattern: "transport", level: 8, zone: shell},
	{pattern: "client", level: 8, zone: shell},
	{pattern: "repl/driver", level: 8, zone: shell},
	{pattern: "cluster/driver", level: 8, zone: shell},
	{pattern: "sentinel/driver", level: 8, zone: shell},

	{pattern: "server", level: 9, zone: shell},
	{pattern: "manager", level: 9, zone: shell},
	{pattern: "cli", level: 9, zone: shell},
	{pattern: "loadgen", level: 9, zone: shell},
	{pattern: "check", level: 9, zone: shell},
	{pattern: "up", level: 9, zone: shell},
	{pattern: "dashboard", level: 9, zone: shell, same: []string{"coordinator"}},
	{pattern: "coordinator", level: 9, zone: shell},
	{pattern: "proxy/*", level: 9, zone: shell},

	{pattern: "cmd/kvorum", level: 10, zone: shell},

	{pattern: "internal/datadriven", zone: tool, alone: true},
	{pattern: "internal/lint", zone: tool, alone: true},
	{pattern: "engine/enginetest", level: 8, zone: tool},
	{pattern: "server/servertest", level: 10, zone: tool},
	{pattern: "test", zone: outside},
	{pattern: "test/*", zone: outside},
	{pattern: "test/*/*", zone: outside},
	{pattern: "bench", zone: outside},
	{pattern: "bench/*", zone: outside},
}

// ground is what every other room of level 0 may import.
var ground = []string{"internal/invariants"}

// dependencies are the modules that code outside test/ and bench/ may import,
// each with the design note that argues for it. Empty: the standard library only.
var dependencies = map[string]string{}

// find returns the row of a folder, or nil when the layout does not know it.
func find(dir string) *room {
	for i := range layout {
		if matches(layout[i].pattern, dir) {
			return &layout[i]
		}
	}
	return nil
}

// matches is path.Match for the constant patterns of the tables here.
func matches(pattern, dir string) bool {
	ok, err := path.Match(pattern, dir)
	if err != nil {
		panic("lint: bad pattern in a table: " + pattern)
	}
	return ok
}

func matchesAny(patterns []string, dir string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, dir) })
}

// CheckArrows holds imports to the layout: strictly downwards, plus the named
// exceptions of the same level. Test files may import anything but test/ and bench/.
func CheckArrows(t *Tree) []Finding {
	var out []Finding
	for _, p := range t.Packages {
		r := find(p.Dir)
		if r == nil {
			out = append(out, Finding{p.Files[0].Path, "layout", fmt.Sprintf(
				"folder %s has no place in the layout: add a row to the table in internal/lint/layout.go (level, zone) and to ARCHITECTURE.md", p.Dir)})
			continue
		}
		named := sameLevelInDoc(p)
		for _, f := range p.Files {
			for _, spec := range f.AST.Imports {
				if msg := arrow(r, named, f.Test, importPath(spec)); msg != "" {
					out = append(out, Finding{t.pos(spec.Pos()), "arrow", msg})
				}
			}
		}
	}
	return sorted(out)
}

// arrow returns what is wrong with one import, or "".
func arrow(from *room, named map[string]bool, inTest bool, imp string) string {
	dir, isOurs := ours(imp)
	if !isOurs {
		return foreignArrow(from, inTest, imp)
	}
	to := find(dir)
	switch {
	case to == nil:
		return "" // reported once, at the folder itself
	case from.zone == outside:
		return ""
	case to.zone == outside:
		return fmt.Sprintf("nothing imports %s: move what is needed into a room of its own", dir)
	case inTest:
		return ""
	case to.zone == tool:
		return fmt.Sprintf("%s is for tests only", dir)
	case from.alone:
		return fmt.Sprintf("%s imports nothing of this module, yet it imports %s", from.pattern, dir)
	case from.below != 0 && to.level >= from.below && !matchesAny(from.same, dir):
		return fmt.Sprintf("%s sees only levels below L%d; %s is L%d", from.pattern, from.below, dir, to.level)
	case to.level < from.level || matchesAny(from.same, dir):
		return ""
	case to.level == from.level && named[dir]:
		return ""
	case to.level == from.level:
		return fmt.Sprintf("L%d imports %s of its own level: give the shared part to a lower room, or name it in the package doc in a line \"Same level: %s.\"",
			from.level, dir, dir)
	}
	return fmt.Sprintf("L%d imports %s, which is L%d: arrows point down", from.level, dir, to.level)
}

// foreignArrow judges an import from outside the module. An import path whose
// first element has a dot is a module to download; the rest is the standard library.
func foreignArrow(from *room, inTest bool, imp string) string {
	first, _, _ := strings.Cut(imp, "/")
	if !strings.Contains(first, ".") || from.zone == outside || inTest {
		return ""
	}
	for mod := range dependencies {
		if imp == mod || strings.HasPrefix(imp, mod+"/") {
			return ""
		}
	}
	return fmt.Sprintf("new dependency %s: argue for it in docs/design and add it to the table in internal/lint/layout.go", imp)
}

var sameLevelLine = regexp.MustCompile(`(?m)^Same level:(.*)$`)

// sameLevelInDoc collects the rooms a package doc names as same-level imports:
// lines "Same level: hist, clock." with an optional remark in parentheses.
func sameLevelInDoc(p *Package) map[string]bool {
	named := map[string]bool{}
	for _, f := range p.Files {
		if f.Test || f.AST.Doc == nil {
			continue
		}
		for _, m := range sameLevelLine.FindAllStringSubmatch(f.AST.Doc.Text(), -1) {
			list, _, _ := strings.Cut(m[1], "(")
			for _, name := range strings.Split(list, ",") {
				named[strings.Trim(name, " .")] = true
			}
		}
	}
	return named
}

// importName returns the name under which a file uses an import, "" if it
// does not import the path.
func importName(f *ast.File, imp string) string {
	for _, s := range f.Imports {
		if importPath(s) != imp {
			continue
		}
		if s.Name != nil {
			return s.Name.Name
		}
		if base := path.Base(imp); base != "v2" {
			return base
		}
		return path.Base(path.Dir(imp))
	}
	return ""
}
