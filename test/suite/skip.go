package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

// The skip file names the tests that are not run, and why.
//
//	# a comment
//	[unit/expire]                          what follows is for this unit
//	Name of a test  # reason               skipped if the name is exactly this
//	/^GETEX .* loadaof$/  # reason         skipped if the expression matches
//	tag:needs:repl  # reason               blocks and tests with this tag
//	code:$m FUNCTION load # reason         in the unit's copy, commands whose first
//	                                       line begins so, up to the closing brace
//	code:r eval X => r flushdb # reason    the same, and what to put in their place
//	[*]                                    what follows is for every unit
//
// The reason follows the last " # " of the line, so that a test's name may
// hold a '#', and it is mandatory. The sections but [*] are also the list of
// the units that are run by default: a section may be empty.

// everyUnit is the name of the section that holds for all units.
const everyUnit = "*"

// Marks of lines that exclude a tag, and that take code out of a unit.
const (
	tagPrefix  = "tag:"
	codePrefix = "code:"
)

// skipKind says what a line of the skip file is compared with.
type skipKind uint8

const (
	skipName   skipKind = iota // a test's whole name
	skipRegexp                 // a test's name, by expression
	skipTag                    // a tag of a test or of a block
	skipCode                   // what a line of the unit begins with
)

// skipLine is one line of the skip file.
type skipLine struct {
	unit   string // section, or everyUnit
	kind   skipKind
	text   string         // name, expression without slashes, tag or code
	with   string         // for skipCode: what comes in its place, or nothing
	re     *regexp.Regexp // for skipRegexp
	reason string
	line   int // 1-based, for messages
}

// skipList is a parsed skip file.
type skipList struct {
	units []string // sections in file order, everyUnit excepted
	lines []skipLine
}

// of returns the lines that hold for unit, in file order.
func (l *skipList) of(unit string) []skipLine {
	var out []skipLine
	for _, s := range l.lines {
		if s.unit == unit || s.unit == everyUnit {
			out = append(out, s)
		}
	}
	return out
}

// readSkipFile reads and checks the skip file at path.
func readSkipFile(path string) (*skipList, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("skip file: %w", err)
	}
	l, err := parseSkips(string(b))
	if err != nil {
		return nil, fmt.Errorf("skip file %s: %w", path, err)
	}
	return l, nil
}

// parseSkips reads the text of a skip file.
func parseSkips(text string) (*skipList, error) {
	l := &skipList{}
	unit := ""
	sc := bufio.NewScanner(strings.NewReader(text))
	for n := 1; sc.Scan(); n++ {
		s := strings.TrimSpace(sc.Text())
		if s == "" || strings.HasPrefix(s, "#") {
			continue
		}
		if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
			unit = s[1 : len(s)-1]
			if unit != everyUnit {
				if slices.Contains(l.units, unit) {
					return nil, fmt.Errorf("line %d: section %s appears twice", n, unit)
				}
				l.units = append(l.units, unit)
			}
			continue
		}
		if unit == "" {
			return nil, fmt.Errorf("line %d: no section before %q", n, s)
		}
		line, err := parseSkipLine(s)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if line.kind == skipCode && !strings.HasPrefix(unit, integrationPrefix) {
			return nil, fmt.Errorf("line %d: only units of integration are copied, and can lose code", n)
		}
		line.unit, line.line = unit, n
		l.lines = append(l.lines, line)
	}
	return l, sc.Err()
}

// parseSkipLine reads one entry; the caller adds unit and line number.
func parseSkipLine(s string) (skipLine, error) {
	i := strings.LastIndex(s, " # ")
	if i < 0 {
		return skipLine{}, fmt.Errorf("%q has no \" # reason\"", s)
	}
	l := skipLine{text: strings.TrimSpace(s[:i]), reason: strings.TrimSpace(s[i+3:])}
	switch {
	case l.text == "" || l.reason == "":
		return l, fmt.Errorf("%q lacks a name or a reason", s)
	case strings.HasPrefix(l.text, tagPrefix):
		l.kind, l.text = skipTag, strings.TrimPrefix(l.text, tagPrefix)
		if strings.ContainsAny(l.text, " \t") {
			return l, fmt.Errorf("%q is not a tag", l.text)
		}
	case strings.HasPrefix(l.text, codePrefix):
		l.kind, l.text = skipCode, strings.TrimSpace(strings.TrimPrefix(l.text, codePrefix))
		l.text, l.with, _ = strings.Cut(l.text, " => ")
		if l.text == "" {
			return l, errors.New("no code to take out")
		}
	case len(l.text) > 2 && l.text[0] == '/' && strings.HasSuffix(l.text, "/"):
		l.kind, l.text = skipRegexp, l.text[1:len(l.text)-1]
		re, err := regexp.Compile(l.text)
		if err != nil {
			return l, err
		}
		l.re = re
	case l.text[0] == '/':
		return l, errors.New("an expression ends with a slash")
	}
	return l, nil
}

// matchesName reports whether the line skips the test called name.
func (s *skipLine) matchesName(name string) bool {
	switch s.kind {
	case skipName:
		return s.text == name
	case skipRegexp:
		return s.re.MatchString(name)
	default:
		return false
	}
}

// suiteArgs turns the lines of one unit into the options of runtest, and the
// text of the file that --skipfile names ("" if none is needed). In that file
// an expression starts with a slash and has none at its end.
func suiteArgs(lines []skipLine, skipFilePath string) (args []string, file string) {
	var names, tags []string
	for _, s := range lines {
		switch s.kind {
		case skipName:
			names = append(names, s.text)
		case skipRegexp:
			names = append(names, "/"+s.text)
		case skipTag:
			tags = append(tags, "-"+s.text)
		}
	}
	if len(names) > 0 {
		args = append(args, "--skipfile", skipFilePath)
		file = strings.Join(names, "\n") + "\n"
	}
	if len(tags) > 0 {
		args = append(args, "--tags", strings.Join(tags, " "))
	}
	return args, file
}
