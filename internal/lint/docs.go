package lint

import (
	"fmt"
	"go/ast"
	"go/token"
	"strings"
)

// packageDocMin is how many bytes of text a package doc has at least: room for
// the purpose, the callers and an invariant, too much for "Package x does x."
const packageDocMin = 120

// CheckDocs wants a package doc of substance in every package and a doc comment
// on every exported name of packages that others can import.
func CheckDocs(t *Tree) []Finding {
	var out []Finding
	for _, p := range t.Packages {
		name := p.Name()
		if name == "" {
			continue // tests only
		}
		if msg := packageDoc(p, name); msg != "" {
			out = append(out, Finding{p.Files[0].Path, "doc", msg})
		}
		if r := find(p.Dir); name == "main" || r != nil && r.zone == outside {
			continue
		}
		exported := exportedTypes(p)
		for _, f := range p.Files {
			if f.Test || f.Generated {
				continue
			}
			for _, d := range f.AST.Decls {
				out = append(out, declDocs(t, d, exported)...)
			}
		}
	}
	return sorted(out)
}

// packageDoc returns what is wrong with the docs of a package, or "".
func packageDoc(p *Package, name string) string {
	best := ""
	for _, f := range p.Files {
		if !f.Test && f.AST.Doc != nil {
			if text := f.AST.Doc.Text(); len(text) > len(best) {
				best = text
			}
		}
	}
	switch {
	case best == "":
		return fmt.Sprintf("package %s has no doc: purpose, who may call it and under which lock, invariants, what it must not do", name)
	case len(best) < packageDocMin:
		return fmt.Sprintf("the doc of package %s has %d bytes, want %d: purpose, callers and locks, invariants", name, len(best), packageDocMin)
	case name != "main" && !strings.HasPrefix(best, "Package "+name+" "):
		return fmt.Sprintf("the doc of package %s must begin with \"Package %s \"", name, name)
	}
	return ""
}

// exportedTypes lists the exported type names: only their methods are seen by others.
func exportedTypes(p *Package) map[string]bool {
	out := map[string]bool{}
	for _, f := range p.Files {
		for _, d := range f.AST.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.TYPE || f.Test {
				continue
			}
			for _, s := range g.Specs {
				if ts, ok := s.(*ast.TypeSpec); ok && ts.Name.IsExported() {
					out[ts.Name.Name] = true
				}
			}
		}
	}
	return out
}

func declDocs(t *Tree, d ast.Decl, exported map[string]bool) []Finding {
	switch d := d.(type) {
	case *ast.FuncDecl:
		recv := recvName(d)
		if d.Name.IsExported() && d.Doc.Text() == "" && (recv == "" || exported[recv]) {
			return []Finding{undocumented(t, d.Pos(), "func "+funcName(d))}
		}
	case *ast.GenDecl:
		if d.Tok != token.IMPORT && d.Doc.Text() == "" {
			return specDocs(t, d)
		}
	}
	return nil
}

// specDocs checks the names of a const, var or type declaration that has no doc
// of its own; a comment above a spec or at the end of its line is enough.
func specDocs(t *Tree, g *ast.GenDecl) []Finding {
	var out []Finding
	for _, s := range g.Specs {
		switch s := s.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && s.Doc.Text() == "" && s.Comment.Text() == "" {
				out = append(out, undocumented(t, s.Pos(), "type "+s.Name.Name))
			}
		case *ast.ValueSpec:
			if s.Doc.Text() != "" || s.Comment.Text() != "" {
				continue
			}
			for _, n := range s.Names {
				if n.IsExported() {
					out = append(out, undocumented(t, n.Pos(), g.Tok.String()+" "+n.Name))
				}
			}
		}
	}
	return out
}

func undocumented(t *Tree, p token.Pos, what string) Finding {
	return Finding{t.pos(p), "doc", what + " has no doc comment: units, ranges, ownership, errors, cost"}
}

// CheckGoroutines wants every package that starts goroutines named, in
// backticks, in the section "Goroutines" of ARCHITECTURE.md.
func CheckGoroutines(t *Tree) []Finding {
	_, section, _ := strings.Cut(t.Texts["ARCHITECTURE.md"], "Goroutines\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var out []Finding
	for _, p := range t.Packages {
		if r := find(p.Dir); r == nil || r.zone == outside || r.zone == tool {
			continue
		}
		if pos := firstGo(p); pos.IsValid() && !strings.Contains(section, "`"+p.Dir+"`") {
			out = append(out, Finding{t.pos(pos), "doc", fmt.Sprintf(
				"%s starts a goroutine that the section \"Goroutines\" of ARCHITECTURE.md does not list: add a row with `%s`", p.Dir, p.Dir)})
		}
	}
	return sorted(out)
}

func firstGo(p *Package) token.Pos {
	var first token.Pos
	for _, f := range p.Files {
		if f.Test {
			continue
		}
		ast.Inspect(f.AST, func(n ast.Node) bool {
			if g, ok := n.(*ast.GoStmt); ok && !first.IsValid() {
				first = g.Pos()
			}
			return !first.IsValid()
		})
	}
	return first
}
