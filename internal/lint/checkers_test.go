package lint

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// parse builds a tree from sources in memory.
func parse(t *testing.T, files map[string]string) *Tree {
	t.Helper()
	m := fstest.MapFS{}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	tr, err := Load(m)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// want compares findings with patterns "path:line part of the message", in order.
func want(t *testing.T, got []Finding, patterns ...string) {
	t.Helper()
	if len(got) != len(patterns) {
		t.Fatalf("have %d findings, want %d:\n%v", len(got), len(patterns), got)
	}
	for i, p := range patterns {
		pos, part, _ := strings.Cut(p, " ")
		if got[i].Pos != pos || !strings.Contains(got[i].Msg, part) {
			t.Errorf("finding %d: have %v, want %s: …%s…", i, got[i], pos, part)
		}
	}
}

func TestLoadSkipsWhatIsNotOurs(t *testing.T) {
	tr := parse(t, map[string]string{
		"num/a.go":            "package num",
		"num/testdata/bad.go": "not go",
		".git/x.go":           "not go",
		"_old/x.go":           "not go",
		"sub/go.mod":          "module other",
		"sub/x.go":            "not go",
		"README.md":           "hello",
	})
	if len(tr.Packages) != 1 || tr.Packages[0].Dir != "num" || tr.Texts["README.md"] != "hello" {
		t.Fatalf("packages %v, texts %v", tr.Packages, tr.Texts)
	}
}

func TestLoadReportsSyntaxErrors(t *testing.T) {
	if _, err := Load(fstest.MapFS{"num/a.go": {Data: []byte("package")}}); err == nil {
		t.Fatal("no error")
	}
}

func TestArrows(t *testing.T) {
	imports := func(pkg string, paths ...string) string {
		s := "package " + pkg + "\n"
		for _, p := range paths {
			s += fmt.Sprintf("import _ %q\n", p)
		}
		return s
	}
	rooms := []string{"mem", "num", "hist", "clock", "engine", "server", "command", "test/sim", "internal/datadriven", "repl", "object", "cluster/bus", "coordinator"}
	for _, c := range []struct {
		name, dir, file, src, bad string
	}{
		{"down", "engine", "a.go", imports("engine", "kvorum/mem", "kvorum/num", "sort"), ""},
		{"up", "mem", "a.go", imports("mem", "kvorum/engine"), "mem/a.go:2 arrows point down"},
		{"up in a test", "mem", "a_test.go", imports("mem", "kvorum/engine"), ""},
		{"same level", "metrics", "a.go", imports("metrics", "kvorum/hist"), "metrics/a.go:2 Same level: hist."},
		{"same level named", "metrics", "a.go",
			"// Package metrics counts.\n//\n// Same level: hist, clock. (quantiles, stamps)\n" + imports("metrics", "kvorum/hist", "kvorum/clock"), ""},
		{"same level in the table", "object/list", "a.go", imports("list", "kvorum/object"), ""},
		{"family on command", "command/strcmd", "a.go", imports("strcmd", "kvorum/command"), ""},
		{"machine sees no data", "sentinel", "a.go", imports("sentinel", "kvorum/ds/table"), "sentinel/a.go:2 sees only levels below L2"},
		{"machine sees bytes", "sentinel", "a.go", imports("sentinel", "kvorum/resp"), ""},
		{"machine and its codec", "cluster", "a.go", imports("cluster", "kvorum/cluster/bus"), ""},
		{"meta is alone", "command/meta", "a.go", imports("meta", "kvorum/num"), "command/meta/a.go:2 imports nothing"},
		{"dashboard on coordinator", "dashboard", "a.go", imports("dashboard", "kvorum/coordinator"), ""},
		{"test imports anything", "test/chaos", "a.go", imports("chaos", "kvorum/server", "kvorum/test/sim"), ""},
		{"nothing imports test", "server", "a.go", imports("server", "kvorum/test/sim"), "server/a.go:2 nothing imports"},
		{"not even a test", "server", "a_test.go", imports("server", "kvorum/test/sim"), "server/a_test.go:2 nothing imports"},
		{"tools are for tests", "server", "a.go", imports("server", "kvorum/internal/datadriven"), "server/a.go:2 for tests only"},
		{"tools in a test", "server", "a_test.go", imports("server", "kvorum/internal/datadriven"), ""},
		{"unknown room", "util", "a.go", imports("util"), "util/a.go add a row to the table"},
		{"dependency", "server", "a.go", imports("server", "golang.org/x/sys/unix"), "server/a.go:2 new dependency"},
		{"dependency of a test", "server", "a_test.go", imports("server", "example.com/x"), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := map[string]string{c.dir + "/" + c.file: c.src}
			for _, r := range rooms {
				if r != c.dir {
					files[r+"/other.go"] = "package p"
				}
			}
			var bad []string
			if c.bad != "" {
				bad = append(bad, c.bad)
			}
			want(t, CheckArrows(parse(t, files)), bad...)
		})
	}
}

func TestLayoutTableIsSound(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range layout {
		if seen[r.pattern] {
			t.Errorf("%s stands twice", r.pattern)
		}
		seen[r.pattern] = true
		for _, s := range r.same {
			if o := find(strings.ReplaceAll(s, "*", "x")); o == nil || o.level != r.level {
				t.Errorf("%s names %s, which is not of its level", r.pattern, s)
			}
		}
	}
	for _, b := range bans {
		for pattern := range b.allowed {
			if find(strings.ReplaceAll(pattern, "*", "x")) == nil {
				t.Errorf("ban %q allows %s, which the layout does not know", b.name, pattern)
			}
		}
	}
}

func TestBans(t *testing.T) {
	for _, c := range []struct {
		name, path, src string
		bad             []string
	}{
		{"wall clock", "engine/a.go", "package engine\nimport \"time\"\nvar t = time.Now()\nvar d = time.Second", []string{"engine/a.go:3 time.Now"}},
		{"wall clock renamed", "num/a.go", "package num\nimport tm \"time\"\nfunc f() {\n\ttm.Sleep(1)\n}", []string{"num/a.go:4 tm.Sleep"}},
		{"wall clock in clock", "clock/a.go", "package clock\nimport \"time\"\nvar t = time.Now()", nil},
		{"wall clock in the shell", "server/a.go", "package server\nimport \"time\"\nvar t = time.Now()", nil},
		{"wall clock in a test", "engine/a_test.go", "package engine\nimport \"time\"\nvar t = time.Now()", nil},
		{"net", "engine/a.go", "package engine\nimport _ \"net\"\nimport _ \"net/http\"", []string{"engine/a.go:2 network", "engine/a.go:3 network"}},
		{"os", "keyspace/a.go", "package keyspace\nimport \"os\"", []string{"keyspace/a.go:2 operating system"}},
		{"random", "ds/table/a.go", "package table\nimport \"math/rand/v2\"\nvar r = rand.New(rand.NewPCG(1, 2))\nvar n = rand.IntN(3)", []string{"ds/table/a.go:4 rand.IntN"}},
		{"sync", "object/list/a.go", "package list\nimport \"sync\"\nimport \"sync/atomic\"", []string{"object/list/a.go:2 shared memory", "object/list/a.go:3 shared memory"}},
		{"sync in keyspace", "keyspace/a.go", "package keyspace\nimport \"sync\"", nil},
		{"go", "engine/a.go", "package engine\nfunc f() {\n\tgo f()\n}", []string{"engine/a.go:3 go statement"}},
		{"go in the feed", "feed/a.go", "package feed\nfunc f() { go f() }", nil},
		{"unsafe", "server/a.go", "package server\nimport \"unsafe\"", []string{"server/a.go:2 unsafe"}},
		{"unsafe in ds", "ds/table/a.go", "package table\nimport \"unsafe\"", nil},
		{"cgo", "mem/a.go", "package mem\nimport \"C\"", []string{"mem/a.go:2 cgo"}},
		{"init", "server/a.go", "package server\nfunc init() {}", []string{"server/a.go:2 init function"}},
		{"method named init", "server/a.go", "package server\ntype T int\nfunc (T) init() {}", nil},
		{"dot", "server/a.go", "package server\nimport . \"sort\"", []string{"server/a.go:2 dot import"}},
		{"outside", "bench/a.go", "package bench\nimport _ \"unsafe\"\nfunc init() { go f() }", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			want(t, CheckBans(parse(t, map[string]string{c.path: c.src})), c.bad...)
		})
	}
}

func TestSizes(t *testing.T) {
	lines := func(n int) string { return strings.Repeat("\n", n) }
	tr := parse(t, map[string]string{
		"num/fits.go":      "package num" + lines(800),
		"num/long.go":      "package num" + lines(801),
		"num/long_test.go": "package num" + lines(1200),
		"num/gen.go":       "// Code generated by x. DO NOT EDIT.\npackage num" + lines(900),
		"num/f.go": "package num\ntype T[K any] struct{}\nfunc (t *T[K]) fits() {" + lines(79) + "}\n" +
			"func (t *T[K]) long() {" + lines(80) + "}\n",
	})
	want(t, CheckSizes(tr, nil), "num/f.go:83 T.long has 81 lines", "num/long.go 801 lines")

	exempt, err := ParseExemptions("# why\nfile num/long.go 801 table of all things\n" +
		"func num/f.go:T.long 80 one long switch\nfile num/fits.go 900 no longer so long\n")
	if err != nil {
		t.Fatal(err)
	}
	want(t, CheckSizes(tr, exempt), "internal/lint/exempt.txt:4 remove the line", "num/f.go:83 cap 80")
}

func TestExemptionsNeedReasons(t *testing.T) {
	for _, bad := range []string{"file a.go 900", "file a.go 900 too long", "dir a 900 one two three", "file a.go many one two three"} {
		if _, err := ParseExemptions(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestDocs(t *testing.T) {
	doc := "// Package num " + strings.Repeat("turns numbers into text and back. ", 5) + "\n"
	tr := parse(t, map[string]string{
		"num/doc.go": doc + "package num\n",
		"num/a.go": "package num\n" +
			"func A() {}\n" + // line 2
			"// B is documented.\nfunc B() {}\n" +
			"type hidden int\nfunc (hidden) M() {}\n" +
			"// T is documented.\ntype T int\nfunc (*T) M() {}\n" + // line 9
			"const (\n\tX = 1\n\tY = 2 // bytes\n)\n" + // line 11
			"// The limits.\nconst (\n\tP = 1\n\tQ = 2\n)\n" +
			"var V, w int\n", // line 19
		"num/a_test.go":  "package num\nfunc Helper() {}\n",
		"glob/a.go":      "package glob\n",
		"hist/a.go":      "// Package hist counts.\npackage hist\n",
		"rng/a.go":       strings.Replace(doc, "Package num", "This package", 1) + "package rng\n",
		"bench/a.go":     strings.Replace(doc, "num", "bench", 1) + "package bench\nfunc Free() {}\n",
		"test/x/a_t.go":  strings.Replace(doc, "Package num", "Command x", 1) + "package main\n",
		"slot/x_test.go": "package slot\n",
	})
	want(t, CheckDocs(tr),
		"glob/a.go has no doc", "hist/a.go want 120",
		"num/a.go:2 func A", "num/a.go:9 func T.M", "num/a.go:11 const X", "num/a.go:19 var V",
		"rng/a.go must begin with")
}

func TestGoroutinesAreListed(t *testing.T) {
	tr := parse(t, map[string]string{
		"ARCHITECTURE.md": "## 5. Goroutines\n\n| `netloop` | loops |\n\n## 6. Locks\n`server`\n",
		"netloop/a.go":    "package netloop\nfunc f() { go f() }\n",
		"server/a.go":     "package server\nfunc f() {\n\tgo f()\n}\n",
		"engine/a.go":     "package engine\n",
		"bench/a.go":      "package bench\nfunc f() { go f() }\n",
	})
	want(t, CheckGoroutines(tr), "server/a.go:3 add a row with `server`")
}

func TestComments(t *testing.T) {
	tr := parse(t, map[string]string{
		"COMPAT.md": "- `object-freq` — differs\n- `twice` — a\n- `twice` — b\n",
		"num/a.go": "package num\n" +
			"// TODO: later\n" + // line 2
			"// TODO(rehash): shrink too, when deletes dominate\n" +
			"/* text\n * FIXME soon\n */\n" + // line 5
			"// A TODO in prose is free.\n" +
			"// COMPAT: object-freq: we count in the bucket\n" +
			"// COMPAT: unknown-key: we do something else\n" + // line 9
			"// Ends here. COMPAT: Redis does something else\n" + // line 10
			"//\tXXX\n" + // line 11
			"// Prose. COMPAT: object-freq:\n// goes on. COMPATIBLE: fine\n",
	})
	want(t, CheckComments(tr), "COMPAT.md `twice` stands twice",
		"num/a.go:2 write TODO(topic)", "num/a.go:5 write TODO(topic)",
		"num/a.go:9 COMPAT.md has no line", "num/a.go:10 write COMPAT: key", "num/a.go:11 write TODO(topic)")
}

func TestPins(t *testing.T) {
	tr := parse(t, map[string]string{"mem/a.go": "package mem\n" +
		"// leaf is small.\n//\n//kvorum:inline\nfunc leaf() {}\n" +
		"//kvorum:inline\nfunc (h *H) big() {}\n" +
		"//kvorum:inline\nfunc stub()\n" +
		"//kvorum:inline\nvar x int\n"})
	pins, stray := Pins(tr)
	want(t, stray, "mem/a.go:10 not in the doc comment")
	report := "# kvorum/mem\nmem/a.go:5:6: can inline leaf\nmem/a.go:7:6: cannot inline (*H).big\n"
	want(t, CheckPins(pins, []byte(report)), "mem/a.go:7 H.big is pinned", "mem/a.go:9 stub is assembly")
}

// The compiler's report is not an API: this test shows a change of its wording
// before every pin of the tree fails at once.
func TestPinsAgainstTheCompiler(t *testing.T) {
	dir := t.TempDir()
	src := map[string]string{
		"go.mod": "module kvorum\n\ngo 1.26\n",
		"mem/a.go": "package mem\n\n//kvorum:inline\nfunc Leaf(a int) int { return a + 1 }\n\n" +
			"//kvorum:inline\nfunc Loop(f func()) { defer f() }\n",
		"mem/other.go": "//go:build never\n\npackage mem\n\n//kvorum:inline\nfunc Elsewhere() {}\n",
	}
	for name, text := range src {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	pins, _ := Pins(parse(t, src))
	pins, err := pinsOfBuild(dir, pins)
	if err != nil {
		t.Fatal(err)
	}
	report, err := inlineReport(dir, pins)
	if err != nil {
		t.Fatal(err)
	}
	want(t, CheckPins(pins, report), "mem/a.go:7 Loop is pinned")
}
