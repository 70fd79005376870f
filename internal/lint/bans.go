package lint

import (
	"fmt"
	"go/ast"
	"slices"
)

// ban is one thing that rooms of some zones may not use. Test files are exempt.
type ban struct {
	name    string
	zones   []zone
	imports []string            // import paths, '*' for one element
	calls   map[string][]string // import path → selectors that are banned
	except  map[string][]string // import path → the only selectors that are allowed
	goStmt  bool
	initFn  bool
	dot     bool              // imports with '.'
	allowed map[string]string // room pattern → why it may
	why     string            // what to do instead; ends the message
}

var (
	pureZones = []zone{base, core}
	allZones  = []zone{base, core, shell}

	// edges are the base rooms whose purpose is a piece of the outside world.
	edges = map[string]string{
		"clock": "is the clock",
		"rng":   "seeds from the system",
		"vfs":   "is the file system",
		"logx":  "writes the log and stamps its lines",
	}
)

// bans is the list. An entry in allowed carries its reason.
var bans = []ban{
	{
		name: "wall clock", zones: pureZones, allowed: edges,
		calls: map[string][]string{"time": {
			"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}},
		why: "time is an argument here; take it from clock at the edge",
	},
	{
		name: "network", zones: pureZones, allowed: edges,
		imports: []string{"net", "net/*", "net/*/*"},
		why:     "sockets belong to the shell",
	},
	{
		name: "operating system", zones: pureZones, allowed: edges,
		imports: []string{"os", "os/*", "io/ioutil"},
		why:     "files go through vfs, everything else of the process belongs to the shell",
	},
	{
		name: "global random", zones: pureZones, allowed: map[string]string{"rng": "is the source"},
		except: map[string][]string{
			"math/rand":    {"New", "NewSource", "NewZipf", "Rand", "Source", "Source64", "Zipf"},
			"math/rand/v2": {"New", "NewPCG", "NewChaCha8", "NewZipf", "Rand", "Source", "PCG", "ChaCha8", "Zipf"},
		},
		why: "draw from an rng that was handed in, so that a seed replays the run",
	},
	{
		name: "shared memory", zones: pureZones,
		imports: []string{"sync", "sync/atomic"},
		allowed: map[string]string{
			"engine":    "gate, flags and per-loop counters",
			"keyspace":  "shard locks",
			"mem":       "arena locks and byte counters",
			"feed":      "numbers of effects and rings between loops",
			"pubsub":    "subscriptions cross loops",
			"tracking":  "invalidations cross loops",
			"snapshot":  "loops copy, the encoder writes",
			"metrics":   "counters summed while loops count",
			"logx":      "any goroutine may log",
			"clock":     "the coarse time is read by every loop",
			"vfs":       "the file system in memory is shared like a real one",
			"vfs/errfs": "tests inject faults from beside",
		},
		why: "callers of this room hold a lock or own the data; see its package doc",
	},
	{
		name: "go statement", zones: pureZones, goStmt: true,
		allowed: map[string]string{"feed": "the sequencer"},
		why:     "goroutines are started by the shell; every one is listed in ARCHITECTURE.md",
	},
	{
		name: "unsafe", zones: allZones, imports: []string{"unsafe"},
		allowed: map[string]string{
			"mem":     "handles to addresses",
			"resp":    "bytes and strings without a copy",
			"ds/*":    "structures in off-heap memory",
			"netloop": "system calls",
		},
		why: "keep bytes behind a view of mem",
	},
	{
		name: "cgo", zones: allZones, imports: []string{"C"},
		why: "the program is one static binary",
	},
	{
		name: "init function", zones: allZones, initFn: true,
		why: "build tables as literals or in a constructor",
	},
	{
		name: "dot import", zones: allZones, dot: true,
		why: "the reader must see where a name comes from",
	},
}

// CheckBans reports uses of banned things outside their allowed rooms.
func CheckBans(t *Tree) []Finding {
	var out []Finding
	for _, p := range t.Packages {
		r := find(p.Dir)
		if r == nil {
			continue // the arrow check reports it
		}
		for _, f := range p.Files {
			if f.Test {
				continue
			}
			for i := range bans {
				b := &bans[i]
				if slices.Contains(b.zones, r.zone) && !b.allows(p.Dir) {
					out = append(out, b.check(t, f)...)
				}
			}
		}
	}
	return sorted(out)
}

func (b *ban) allows(dir string) bool {
	for pattern := range b.allowed {
		if matches(pattern, dir) {
			return true
		}
	}
	return false
}

func (b *ban) finding(pos, what string) Finding {
	return Finding{pos, "ban", fmt.Sprintf("%s (%s): %s", what, b.name, b.why)}
}

func (b *ban) check(t *Tree, f *File) []Finding {
	var out []Finding
	for _, s := range f.AST.Imports {
		if matchesAny(b.imports, importPath(s)) {
			out = append(out, b.finding(t.pos(s.Pos()), fmt.Sprintf("import %q", importPath(s))))
		}
		if b.dot && s.Name != nil && s.Name.Name == "." {
			out = append(out, b.finding(t.pos(s.Pos()), fmt.Sprintf("import . %q", importPath(s))))
		}
	}
	if b.initFn {
		for _, d := range f.AST.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				out = append(out, b.finding(t.pos(fn.Pos()), "func init"))
			}
		}
	}
	if b.goStmt || b.calls != nil || b.except != nil {
		out = append(out, b.checkBody(t, f)...)
	}
	return out
}

// checkBody looks for go statements and for selectors on the named imports. A
// local variable that shadows an import's name is taken for the import: rename it.
func (b *ban) checkBody(t *Tree, f *File) []Finding {
	banned := map[string][]string{} // local name → selectors
	only := map[string][]string{}
	for imp, sels := range b.calls {
		if name := importName(f.AST, imp); name != "" {
			banned[name] = sels
		}
	}
	for imp, sels := range b.except {
		if name := importName(f.AST, imp); name != "" {
			only[name] = sels
		}
	}
	var out []Finding
	ast.Inspect(f.AST, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			if b.goStmt {
				out = append(out, b.finding(t.pos(n.Pos()), "go"))
			}
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			if !ok {
				return true
			}
			allowed, limited := only[x.Name]
			if slices.Contains(banned[x.Name], n.Sel.Name) || limited && !slices.Contains(allowed, n.Sel.Name) {
				out = append(out, b.finding(t.pos(n.Pos()), x.Name+"."+n.Sel.Name))
			}
		}
		return true
	})
	return out
}
