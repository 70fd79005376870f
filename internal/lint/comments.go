package lint

import (
	"fmt"
	"go/ast"
	"go/token"
	"regexp"
	"strings"
)

var (
	// A mark counts at the start of a comment line only: prose may speak of it.
	markLine = regexp.MustCompile(`^(TODO|FIXME|XXX|HACK)\b`)
	todoLine = regexp.MustCompile(`^TODO\([a-z0-9][a-z0-9/_-]*\): \S+`)

	// A deviation counts wherever it stands in a comment; its text may go on below.
	compatMark = regexp.MustCompile(`\bCOMPAT:`)
	compatLine = regexp.MustCompile(`\bCOMPAT: ([a-z0-9][a-z0-9-]*):( |$)`)
	compatItem = regexp.MustCompile("(?m)^- `([a-z0-9][a-z0-9-]*)`")
)

// CheckComments wants a topic on every TODO, no other marks of unfinished work,
// and for every deviation from Redis (the mark COMPAT, a colon, a key, a colon,
// what differs and why) a line "- `key` …" in COMPAT.md. A key is lower-case
// words with hyphens; several comments may share one.
func CheckComments(t *Tree) []Finding {
	keys, out := compatKeys(t.Texts["COMPAT.md"])
	for _, p := range t.Packages {
		for _, f := range p.Files {
			t.commentLines(f, func(pos, line string) {
				if msg := commentFault(line, keys); msg != "" {
					out = append(out, Finding{pos, "comment", msg})
				}
			})
		}
	}
	return sorted(out)
}

func commentFault(line string, keys map[string]bool) string {
	if markLine.MatchString(line) && !todoLine.MatchString(line) {
		return "write TODO(topic): what, when it matters; or do it now"
	}
	if !compatMark.MatchString(line) {
		return ""
	}
	m := compatLine.FindStringSubmatch(line)
	if m == nil {
		return "write COMPAT: key: what differs and why (the key in lower case, with hyphens)"
	}
	if !keys[m[1]] {
		return fmt.Sprintf("COMPAT.md has no line \"- `%s` …\"", m[1])
	}
	return ""
}

// compatKeys lists the keys of COMPAT.md and the findings about the file itself.
func compatKeys(text string) (map[string]bool, []Finding) {
	keys := map[string]bool{}
	var out []Finding
	for _, m := range compatItem.FindAllStringSubmatch(text, -1) {
		if keys[m[1]] {
			out = append(out, Finding{"COMPAT.md", "comment", fmt.Sprintf("key `%s` stands twice", m[1])})
		}
		keys[m[1]] = true
	}
	return keys, out
}

// commentLines calls fn with each line of each comment, without its slashes or
// stars and outer blanks.
func (t *Tree) commentLines(f *File, fn func(pos, line string)) {
	for _, g := range f.AST.Comments {
		for _, c := range g.List {
			start := t.Fset.Position(c.Pos())
			for i, line := range strings.Split(commentText(c), "\n") {
				fn(fmt.Sprintf("%s:%d", start.Filename, start.Line+i), strings.Trim(line, " \t*"))
			}
		}
	}
}

func commentText(c *ast.Comment) string {
	if s, ok := strings.CutPrefix(c.Text, "//"); ok {
		return s
	}
	return strings.TrimSuffix(strings.TrimPrefix(c.Text, "/*"), "*/")
}

// Pin is a function that must stay inlinable: its doc has a line //kvorum:inline.
type Pin struct {
	File string // relative path
	Line int    // of the func keyword
	Name string // Recv.Name or Name
	Body bool   // false: declared here, written in assembly
}

// pinMark is the whole comment line.
const pinMark = "//kvorum:inline"

// Pins lists the pinned functions in order of place. A pin that is not in the
// doc comment of a function pins nothing and is returned as a finding.
func Pins(t *Tree) (pins []Pin, stray []Finding) {
	for _, p := range t.Packages {
		for _, f := range p.Files {
			pinned := map[token.Pos]bool{}
			for _, d := range f.AST.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok || fn.Doc == nil {
					continue
				}
				for _, c := range fn.Doc.List {
					if strings.TrimSpace(c.Text) == pinMark {
						pinned[c.Pos()] = true
						pins = append(pins, Pin{f.Path, t.Fset.Position(fn.Pos()).Line, funcName(fn), fn.Body != nil})
					}
				}
			}
			for _, g := range f.AST.Comments {
				for _, c := range g.List {
					if strings.TrimSpace(c.Text) == pinMark && !pinned[c.Pos()] {
						stray = append(stray, Finding{t.pos(c.Pos()), "inline", "the pin is not in the doc comment of a function"})
					}
				}
			}
		}
	}
	return pins, sorted(stray)
}
