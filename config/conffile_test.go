package config

import (
	"flag"
	"os"
	"strings"
	"testing"
)

// flagFix brings the remarks about directives without effect in kvorum.conf in
// line with the table:
//
//	go test ./config -run ConfFile -fix
var flagFix = flag.Bool("fix", false, "rewrite the remarks \"(no effect: ...)\" of kvorum.conf from the table")

const (
	confFile   = "../kvorum.conf"
	remarkHead = "# (no effect: "
	remarkEnd  = "#" // before directives with an effect, behind some without
	fixedMark  = "(fixed"
)

// confDirective returns the line that a commented-out directive stands for.
func confDirective(line string) (directive string, ok bool) {
	if len(line) < 2 || line[0] != '#' || line[1] < 'a' || line[1] > 'z' {
		return "", false
	}
	return line[1:], true
}

// kvorum.conf must tell the truth: each directive that CONFIG GET * shows stands
// in it once, with the table's default, and all of them together load.
func TestConfFileHasEveryDirectiveOnce(t *testing.T) {
	b, err := os.ReadFile(confFile)
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	var all []string
	for line := range strings.SplitSeq(string(b), "\n") {
		directive, ok := confDirective(line)
		if !ok {
			if line != "" && !strings.HasPrefix(line, "# ") && !strings.HasPrefix(line, "####") && line != "#" {
				t.Errorf("neither comment nor directive: %q", line)
			}
			continue
		}
		words, ok := SplitArgs(directive)
		if !ok {
			t.Fatalf("quotes: %q", line)
		}
		d, known := Lookup(words[0])
		switch {
		case !known || d.Name != words[0]:
			t.Errorf("no such directive: %q", line)
		case d.Flags&Hidden != 0:
			t.Errorf("%s is hidden", d.Name)
		case seen[d.Name]:
			t.Errorf("%s stands there twice", d.Name)
		}
		seen[words[0]] = true
		all = append(all, directive)
		c := New(Options{Dir: "./"})
		before := c.Get(words[0])[0].Text
		if err := c.Load([]byte(directive), Loader{}); err != nil {
			t.Errorf("%q: %v", line, err)
		} else if after := c.Get(words[0])[0].Text; after != before {
			t.Errorf("%s: the file says %q, the default is %q", words[0], after, before)
		}
	}
	for d := range Directives {
		if d.Flags&Hidden == 0 && !seen[d.Name] {
			t.Errorf("%s is missing", d.Name)
		}
	}
	c := New(Options{Dir: "./"})
	before := c.Get("*")
	for _, text := range []string{string(b), strings.Join(all, "\n")} {
		if err := c.Load([]byte(text), Loader{}); err != nil {
			t.Fatal(err)
		}
		for i, p := range c.Get("*") {
			if p != before[i] {
				t.Errorf("%s is %q with the file, %q without", p.Name, p.Text, before[i].Text)
			}
		}
	}
}

// A paragraph says "(fixed)" if CONFIG SET refuses its directives, and only then.
func TestConfFileMarksWhatIsFixed(t *testing.T) {
	b, err := os.ReadFile(confFile)
	if err != nil {
		t.Fatal(err)
	}
	for paragraph := range strings.SplitSeq(string(b), "\n\n") {
		fixed := strings.Contains(paragraph, fixedMark)
		for line := range strings.SplitSeq(paragraph, "\n") {
			directive, ok := confDirective(line)
			if !ok {
				continue
			}
			name, _, _ := strings.Cut(directive, " ")
			if d, known := Lookup(name); known && d.Mutable() == fixed {
				t.Errorf("%s: its paragraph says %v, the table %v", name, fixed, !d.Mutable())
			}
		}
	}
}

// The remarks say what the table says. A remark speaks for the directives that
// follow it without another line between them.
func TestConfFileRemarks(t *testing.T) {
	b, err := os.ReadFile(confFile)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Join(withRemarks(strings.Split(string(b), "\n")), "\n")
	if want == string(b) {
		return
	}
	if !*flagFix {
		t.Error("the remarks about directives without effect are not those of the table: go test ./config -run ConfFile -fix")
		return
	}
	if err := os.WriteFile(confFile, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// withRemarks returns the lines with the remarks that belong to them.
func withRemarks(lines []string) (out []string) {
	said := "" // what the remark above says
	for _, line := range lines {
		if strings.HasPrefix(line, remarkHead) {
			continue
		}
		if line == remarkEnd && len(out) > 0 {
			if _, behind := confDirective(out[len(out)-1]); behind {
				said = ""
				continue
			}
		}
		directive, ok := confDirective(line)
		if !ok {
			out = append(out, line)
			said = ""
			continue
		}
		name, _, _ := strings.Cut(directive, " ")
		if d, known := Lookup(name); known && d.NoEffect != said {
			if d.NoEffect == "" {
				out = append(out, remarkEnd)
			} else {
				out = append(out, remarkHead+d.NoEffect+")")
			}
			said = d.NoEffect
		}
		out = append(out, line)
	}
	return out
}
