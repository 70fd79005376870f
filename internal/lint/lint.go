// Package lint holds the rules of this repository that a test can check.
//
// The tree is parsed once, with the standard library only and whatever the
// build tags say, so that files of other systems obey the same rules. A checker
// is a pure function from a Tree to findings; lint_test.go runs all of them on
// the repository, checkers_test.go runs each on small sources in memory.
//
//	layout.go    the rooms and their levels, as data; arrows between them
//	bans.go      what a room may not use, as data, with the exceptions
//	size.go      lines of files and functions; exempt.txt
//	docs.go      package docs, docs of exported names, docs of goroutines
//	comments.go  TODO topics, COMPAT keys
//	inline.go    //kvorum:inline pins against the compiler's own report
//
// I1: a finding names a file and a line, the rule, and what to do about it.
// I2: no checker depends on the order of a map: findings come sorted.
//
// Only this package's tests use it; no other package may import it.
package lint

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Module is the module path: the first element of every import path of ours.
const Module = "kvorum"

// File is one parsed Go file.
type File struct {
	Path      string // slash-separated, relative to the repository root
	Lines     int    // newline-terminated lines, a last unterminated one included
	AST       *ast.File
	Test      bool // name ends in _test.go
	Generated bool // carries the standard "Code generated … DO NOT EDIT." line
}

// Package is a folder with Go files; the external test package (x_test) counts
// as part of the folder's package.
type Package struct {
	Dir   string // relative to the repository root, "." for the root itself
	Files []*File
}

// Name returns the package clause of the first file that is not a test, or ""
// for a folder that holds only tests.
func (p *Package) Name() string {
	for _, f := range p.Files {
		if !f.Test {
			return f.AST.Name.Name
		}
	}
	return ""
}

// Tree is every package below a root, sorted by folder, and the named texts.
type Tree struct {
	Fset     *token.FileSet
	Packages []*Package
	Texts    map[string]string // the *.md files of the root, by name
}

// Finding is one broken rule at one place.
type Finding struct {
	Pos  string // "path:line", or a path
	Rule string // one word
	Msg  string // what is wrong and what to do
}

// String formats the finding as compilers do, so that editors can jump to it.
func (f Finding) String() string {
	return fmt.Sprintf("%s: [%s] %s", f.Pos, f.Rule, f.Msg)
}

// skipDir reports folders without sources of this module.
func skipDir(name string) bool {
	switch name {
	case "testdata", "vendor", "bin", "tmp":
		return true
	}
	return len(name) > 1 && (name[0] == '.' || name[0] == '_')
}

// Load parses every Go file below root. Folders that start with a dot or an
// underscore, testdata, bin, tmp, and folders with their own go.mod are left out.
// A file that does not parse is an error, for no rule could be checked on it.
func Load(root fs.FS) (*Tree, error) {
	t := &Tree{Fset: token.NewFileSet(), Texts: map[string]string{}}
	byDir := map[string]*Package{}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return t.enterDir(root, name, d)
		}
		if path.Dir(name) == "." && strings.HasSuffix(name, ".md") {
			text, err := fs.ReadFile(root, name)
			t.Texts[name] = string(text)
			return err
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		return t.addFile(root, name, byDir)
	})
	if err != nil {
		return nil, fmt.Errorf("lint: reading the tree: %w", err)
	}
	slices.SortFunc(t.Packages, func(a, b *Package) int { return cmp.Compare(a.Dir, b.Dir) })
	return t, nil
}

func (t *Tree) enterDir(root fs.FS, name string, d fs.DirEntry) error {
	if skipDir(d.Name()) {
		return fs.SkipDir
	}
	if name != "." {
		if _, err := fs.Stat(root, path.Join(name, "go.mod")); err == nil {
			return fs.SkipDir
		}
	}
	return nil
}

func (t *Tree) addFile(root fs.FS, name string, byDir map[string]*Package) error {
	src, err := fs.ReadFile(root, name)
	if err != nil {
		return err
	}
	f, err := parser.ParseFile(t.Fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	dir := path.Dir(name)
	p := byDir[dir]
	if p == nil {
		p = &Package{Dir: dir}
		byDir[dir] = p
		t.Packages = append(t.Packages, p)
	}
	lines := strings.Count(string(src), "\n")
	if len(src) > 0 && src[len(src)-1] != '\n' {
		lines++
	}
	p.Files = append(p.Files, &File{
		Path: name, Lines: lines, AST: f,
		Test:      strings.HasSuffix(name, "_test.go"),
		Generated: ast.IsGenerated(f),
	})
	return nil
}

// pos renders a position as "path:line".
func (t *Tree) pos(p token.Pos) string {
	q := t.Fset.Position(p)
	return fmt.Sprintf("%s:%d", q.Filename, q.Line)
}

// sorted orders findings by place; within a place by rule and text.
func sorted(fs []Finding) []Finding {
	slices.SortFunc(fs, func(a, b Finding) int {
		fa, la := splitPos(a.Pos)
		fb, lb := splitPos(b.Pos)
		return cmp.Or(cmp.Compare(fa, fb), cmp.Compare(la, lb),
			cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Msg, b.Msg))
	})
	return fs
}

func splitPos(pos string) (file string, line int) {
	file, num, _ := strings.Cut(pos, ":")
	line, _ = strconv.Atoi(num) // no line: 0, before every line of the file
	return file, line
}

// importPath returns the unquoted path of an import.
func importPath(s *ast.ImportSpec) string {
	p, err := strconv.Unquote(s.Path.Value)
	if err != nil {
		return s.Path.Value // the parser accepted it; show it as it stands
	}
	return p
}

// ours returns the folder of an import path of this module.
func ours(imp string) (dir string, ok bool) {
	if imp == Module {
		return ".", true
	}
	return strings.CutPrefix(imp, Module+"/")
}
