package main

import (
	"slices"
	"strings"
	"testing"
)

// TestSkipFileSyntax: each form of a line is read as told in skip.go. A line
// taken for another kind would skip nothing, or everything.
func TestSkipFileSyntax(t *testing.T) {
	l, err := parseSkips(`
# comment
[unit/a]
Plain name # why
Name (issue #12), with # in it  # the last mark counts
/^A.*b$/   # an expression
tag:needs:x # a tag
[unit/b]
[*]
Everywhere # for all
`)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"unit/a", "unit/b"}; !slices.Equal(l.units, want) {
		t.Errorf("units %q, want %q", l.units, want)
	}
	var got []string
	for _, s := range l.of("unit/a") {
		got = append(got, string('0'+rune(s.kind))+"|"+s.text+"|"+s.reason)
	}
	want := []string{
		"0|Plain name|why",
		"0|Name (issue #12), with # in it|the last mark counts",
		"1|^A.*b$|an expression",
		"2|needs:x|a tag",
		"0|Everywhere|for all",
	}
	if !slices.Equal(got, want) {
		t.Errorf("lines of unit/a:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if n := len(l.of("unit/b")); n != 1 {
		t.Errorf("unit/b has %d lines, want the one of [*]", n)
	}
}

// TestSkipFileRefusesUnclearLines: a line without a reason or with an unclear
// target stops the run instead of being ignored.
func TestSkipFileRefusesUnclearLines(t *testing.T) {
	for _, text := range []string{
		"Name # no section",
		"[u]\nName without reason",
		"[u]\nName # ",
		"[u]\n/open # no closing slash",
		"[u]\n/(/ # no expression",
		"[u]\ntag:a b # two words",
		"[u]\n[u]",
		"[unit/u]\ncode:r eval # only units of integration are copied",
		"[integration/u]\ncode: # nothing",
	} {
		if _, err := parseSkips(text); err == nil {
			t.Errorf("accepted: %q", text)
		}
	}
}

// TestSuiteArgs: what the suite is told is what the lines say.
func TestSuiteArgs(t *testing.T) {
	l, err := parseSkips("[u]\nA name # x\n/^re$/ # x\ntag:t1 # x\ntag:t2 # x\n")
	if err != nil {
		t.Fatal(err)
	}
	args, file := suiteArgs(l.lines, "F")
	if want := []string{"--skipfile", "F", "--tags", "-t1 -t2"}; !slices.Equal(args, want) {
		t.Errorf("args %q, want %q", args, want)
	}
	if want := "A name\n/^re$\n"; file != want {
		t.Errorf("file %q, want %q", file, want)
	}
	if args, file := suiteArgs(nil, "F"); len(args) != 0 || file != "" {
		t.Errorf("no lines gave %q and %q", args, file)
	}
}

// TestOwnSkipFileIsValid: the file that is shipped can be read.
func TestOwnSkipFileIsValid(t *testing.T) {
	l, err := readSkipFile("skip.txt")
	if err != nil {
		t.Fatal(err)
	}
	if len(l.units) == 0 {
		t.Error("no units")
	}
}

// TestWithoutCode: commands go up to the brace that ends them, or something else comes
// in their place; a line that takes nothing out stops the run.
func TestWithoutCode(t *testing.T) {
	l, err := parseSkips("[integration/u]\ncode:r function load # x\ncode:r eval {x} => r x # x\n")
	if err != nil {
		t.Fatal(err)
	}
	const text = "start {\n  r function load {#!lua\n    f({1}, {\n    })\n  }\n  r eval {x} 0\n  r y\n}"
	got, err := withoutCode(text, l.lines)
	if want := "start {\nr x\n  r y\n}"; err != nil || got != want {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
	for _, text := range []string{"r eval {x}", "r function load {\nr eval {x}"} {
		if got, err := withoutCode(text, l.lines); err == nil {
			t.Errorf("%q became %q", text, got)
		}
	}
}
