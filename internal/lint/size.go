package lint

import (
	"fmt"
	"go/ast"
	"slices"
	"strconv"
	"strings"
)

// The caps, in lines. Generated files have none.
const (
	fileLinesMax     = 800
	testFileLinesMax = 1200
	funcLinesMax     = 80
)

// Exemption allows one file or function more lines than the cap. Its own limit
// keeps it from growing further; when the code fits the cap it must be removed.
type Exemption struct {
	Key  string // "file path" or "func path:Name" or "func path:Recv.Name"
	Max  int    // lines
	Line int    // in exempt.txt
	used bool
}

// ParseExemptions reads exempt.txt. Lines are
//
//	file PATH MAXLINES REASON…
//	func PATH:NAME MAXLINES REASON…
//
// with NAME written Recv.Name for methods; empty lines and # comments are free.
// A line without a reason of at least three words is an error.
func ParseExemptions(text string) ([]*Exemption, error) {
	var out []*Exemption
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		w := strings.Fields(line)
		if len(w) < 6 || w[0] != "file" && w[0] != "func" {
			return nil, fmt.Errorf("lint: exempt.txt:%d: want 'file|func PATH MAXLINES REASON of three words or more', have %q", i+1, line)
		}
		limit, err := strconv.Atoi(w[2])
		if err != nil {
			return nil, fmt.Errorf("lint: exempt.txt:%d: lines: %w", i+1, err)
		}
		out = append(out, &Exemption{Key: w[0] + " " + w[1], Max: limit, Line: i + 1})
	}
	return out, nil
}

// CheckSizes holds files and functions to their caps, and exemptions to their use.
func CheckSizes(t *Tree, exempt []*Exemption) []Finding {
	c := sizes{t: t, exempt: map[string]*Exemption{}}
	for _, e := range exempt {
		c.exempt[e.Key] = e
	}
	for _, p := range t.Packages {
		for _, f := range p.Files {
			if f.Generated {
				continue
			}
			limit := fileLinesMax
			if f.Test {
				limit = testFileLinesMax
			}
			c.check("file "+f.Path, f.Path, f.Lines, limit)
			for _, d := range f.AST.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok {
					c.check("func "+f.Path+":"+funcName(fn), t.pos(fn.Pos()), t.lines(fn), funcLinesMax)
				}
			}
		}
	}
	for _, e := range exempt {
		if !e.used {
			c.out = append(c.out, Finding{fmt.Sprintf("internal/lint/exempt.txt:%d", e.Line), "size",
				e.Key + " needs no exemption: remove the line"})
		}
	}
	return sorted(c.out)
}

type sizes struct {
	t      *Tree
	exempt map[string]*Exemption
	out    []Finding
}

func (c *sizes) check(key, pos string, lines, limit int) {
	if lines <= limit {
		return
	}
	if e := c.exempt[key]; e != nil {
		e.used = true
		limit = e.Max
		if lines <= limit {
			return
		}
	}
	c.out = append(c.out, Finding{pos, "size", fmt.Sprintf("%s has %d lines, cap %d: split it", key, lines, limit)})
}

// lines counts a function from its func keyword to its closing brace.
func (t *Tree) lines(fn *ast.FuncDecl) int {
	return t.Fset.Position(fn.End()).Line - t.Fset.Position(fn.Pos()).Line + 1
}

// funcName is Name, or Recv.Name for a method.
func funcName(fn *ast.FuncDecl) string {
	if recv := recvName(fn); recv != "" {
		return recv + "." + fn.Name.Name
	}
	return fn.Name.Name
}

// recvName returns the name of the receiver's type, without star and parameters.
func recvName(fn *ast.FuncDecl) string {
	if fn.Recv == nil || len(fn.Recv.List) == 0 {
		return ""
	}
	x := fn.Recv.List[0].Type
	for {
		switch y := x.(type) {
		case *ast.StarExpr:
			x = y.X
		case *ast.IndexExpr:
			x = y.X
		case *ast.IndexListExpr:
			x = y.X
		case *ast.ParenExpr:
			x = y.X
		case *ast.Ident:
			return y.Name
		default:
			return ""
		}
	}
}

// Medians returns the median lines of a file and of a function outside tests
// and generated files: the figures to aim at are 160 and 12.
func Medians(t *Tree) (fileLines, funcLines int) {
	var files, funcs []int
	for _, p := range t.Packages {
		for _, f := range p.Files {
			if f.Test || f.Generated {
				continue
			}
			files = append(files, f.Lines)
			for _, d := range f.AST.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
					funcs = append(funcs, t.lines(fn))
				}
			}
		}
	}
	return median(files), median(funcs)
}

func median(v []int) int {
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	return v[len(v)/2]
}
