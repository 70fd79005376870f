package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// feed runs an output through the parser.
func feed(text string, skips []skipLine) *result {
	res := &result{unit: "unit/u", skips: skips}
	p := outputParser{res: res}
	for _, s := range strings.Split(text, "\n") {
		p.line(s)
	}
	return res
}

// TestOutputVerdicts: every kind of verdict is recognised, with its details,
// and the summary after the end does not count twice.
func TestOutputVerdicts(t *testing.T) {
	res := feed(`[ready]: 17
Testing unit/u
[ok]: first (with a note) (12 ms)
[err]: second in tests/unit/u.tcl
Expected 'a' got 'b'
more of it
[skip]: third
[ignore]: fourth: Tag: needs:x denied
[ignore]: Tag: block denied
[ignore]: fifth: large memory flag not provided
[err]: something broke
[1/1 done]: unit/u (3 seconds)

                   The End

*** [err]: second in tests/unit/u.tcl
`, nil)
	want := []outcome{
		{passed, "first (with a note)", "", ""},
		{failed, "second", "\nExpected 'a' got 'b'\nmore of it", ""},
		{skipped, "third", "by name", ""},
		{skipped, "fourth", "tag needs:x", "needs:x"},
		{skipped, "", "tag block", "block"},
		{skipped, "fifth", "large memory flag not provided", ""},
		{failed, "", "something broke", ""},
	}
	if len(res.outcomes) != len(want) {
		t.Fatalf("%d outcomes, want %d: %+v", len(res.outcomes), len(want), res.outcomes)
	}
	for i := range want {
		if res.outcomes[i] != want[i] {
			t.Errorf("outcome %d: %+v, want %+v", i, res.outcomes[i], want[i])
		}
	}
	if !res.ended || res.passed() {
		t.Errorf("ended %v, passed %v; want true, false", res.ended, res.passed())
	}
}

// TestUnitPassesOnlyIfItEnded: a suite that dies half-way is a failure even
// when every verdict so far was good.
func TestUnitPassesOnlyIfItEnded(t *testing.T) {
	if feed("[ok]: a (1 ms)", nil).passed() {
		t.Error("passed without an end")
	}
	if !feed("[ok]: a (1 ms)\n   The End", nil).passed() {
		t.Error("a good run did not pass")
	}
	if feed("[ok]: a (1 ms)\n[exception]: server is gone", nil).passed() {
		t.Error("passed with an exception")
	}
}

// TestUnusedAndNeedlessLines: lines that no longer do anything are found.
func TestUnusedAndNeedlessLines(t *testing.T) {
	l, err := parseSkips("[integration/u]\na # x\ngone # x\n/^b/ # x\ntag:t # x\ntag:none # x\ncode:r eval # x\n")
	if err != nil {
		t.Fatal(err)
	}
	names := func(lines []skipLine) string {
		var s []string
		for _, l := range lines {
			s = append(s, l.text)
		}
		return strings.Join(s, " ")
	}
	res := feed("[skip]: a\n[skip]: b1\n[ignore]: c: Tag: t denied\nThe End", l.lines)
	if got := names(res.unused()); got != "gone none" {
		t.Errorf("unused %q, want %q", got, "gone none")
	}
	res = feed("[ok]: a (1 ms)\n[ok]: b1 (1 ms)\n[err]: b2 in tests/u.tcl\nThe End", l.lines)
	if got := names(res.needless()); got != "a" {
		t.Errorf("needless %q, want %q", got, "a")
	}
}

// fakeCheckout makes a tree with the shape of a checkout, whose runtest is the
// given shell script, and returns options to run it. The caller must have sh.
func fakeCheckout(t *testing.T, script string) options {
	t.Helper()
	dir := t.TempDir()
	for path, text := range map[string]string{
		"src/runtest":                   "#!/bin/sh\n" + script,
		"src/tests/test_helper.tcl":     "",
		"src/tests/assets/default.conf": "port 1\nenable-debug-assert yes\n",
		"src/tests/assets/other":        "",
		"src/tests/unit/u.tcl":          "",
		"src/tests/tmp/old":             "",
		"src/src/valkey-server":         "theirs",
		"src/src/valkey-cli":            "theirs",
		"src/src/server.c":              "",
		"bin/kvorum":                    "ours",
		"bin/tclsh8.6":                  "",
		"skip.txt":                      "[unit/u]\nb # because\n",
	} {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", filepath.Join(dir, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
	return options{
		src: filepath.Join(dir, "src"), server: filepath.Join(dir, "bin/kvorum"),
		skipPath: filepath.Join(dir, "skip.txt"), basePort: portFirst, idle: time.Minute,
	}
}

// TestRunAgainstFakeSuite drives the whole path with a script for runtest: it
// sees our server, the checkout's tools, an empty tmp and the skip file, and
// the checkout stays as it was.
func TestRunAgainstFakeSuite(t *testing.T) {
	o := fakeCheckout(t, `
[ "$(cat src/valkey-server)" = ours ] || echo "[err]: server"
[ "$(cat src/redis-server)" = ours ] || echo "[err]: old name"
[ "$(cat src/valkey-cli)" = theirs ] || echo "[err]: cli"
[ -e src/server.c ] || echo "[err]: sources"
[ "$(cat tests/assets/default.conf)" = "port 1" ] || echo "[err]: configuration"
[ -e tests/assets/other ] || echo "[err]: assets"
[ -z "$(ls tests/tmp)" ] || echo "[err]: tmp"
[ "$1 $2" = "--single unit/u" ] || echo "[err]: arguments $*"
echo scribble > tests/tmp/mine
while [ $# -gt 0 ]; do [ "$1" = --skipfile ] && echo "[skip]: $(cat "$2")"; shift; done
echo "[ok]: a (1 ms)"
echo "The End"
`)
	var out strings.Builder
	ok, err := runAll(t.Context(), o, &out)
	if err != nil || !ok {
		t.Fatalf("ok %v, error %v, output:\n%s", ok, err, out.String())
	}
	for _, want := range []string{"PASS unit/u: 1 passed, 0 failed, 1 skipped", "skipped  b  # because", "1 of 1 units passed"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("output lacks %q:\n%s", want, out.String())
		}
	}
	if _, err := os.Stat(filepath.Join(o.src, "tests/tmp/mine")); err == nil {
		t.Error("the checkout was written to")
	}
}

// TestFailuresAreReported: a failure, a bad exit status and a crash of the
// server all end in a failed run that shows them.
func TestFailuresAreReported(t *testing.T) {
	for name, c := range map[string]struct{ script, want string }{
		"test":   {"echo '[err]: a in tests/unit/u.tcl'; echo details; echo 'The End'; exit 1", "FAILED   a\n           details"},
		"status": {"echo '[ok]: a (1 ms)'; echo 'The End'; exit 3", "FAIL unit/u: 1 passed, 0 failed"},
		"crash":  {"mkdir tests/tmp/server.1; echo boom > tests/tmp/server.1/stderr; exit 1", "boom"},
		"unused": {"echo 'The End'; exit 1", "unused skip line 2: b"},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			ok, err := runAll(t.Context(), fakeCheckout(t, c.script), &out)
			if err != nil || ok {
				t.Fatalf("ok %v, error %v", ok, err)
			}
			if !strings.Contains(out.String(), c.want) {
				t.Errorf("output lacks %q:\n%s", c.want, out.String())
			}
		})
	}
}

// TestNoProcessOutlivesItsUnit: a server left running by the suite holds the
// output pipe; the run must still end, at once.
func TestNoProcessOutlivesItsUnit(t *testing.T) {
	o := fakeCheckout(t, "sleep 600 & echo 'The End'")
	var out strings.Builder
	start := time.Now()
	if ok, err := runAll(t.Context(), o, &out); err != nil || !ok {
		t.Fatalf("ok %v, error %v:\n%s", ok, err, out.String())
	}
	if d := time.Since(start); d > 30*time.Second {
		t.Errorf("took %v", d)
	}
}

// TestSetupErrors: what is missing is named before anything is started.
func TestSetupErrors(t *testing.T) {
	for name, spoil := range map[string]func(o *options){
		"checkout": func(o *options) { o.src = t.TempDir() },
		"server":   func(o *options) { o.server += "-none" },
		"skips":    func(o *options) { o.skipPath += "-none" },
		"unit":     func(o *options) { o.units = []string{"unit/none"} },
	} {
		t.Run(name, func(t *testing.T) {
			o := fakeCheckout(t, "exit 0")
			spoil(&o)
			if _, err := runAll(t.Context(), o, &strings.Builder{}); err == nil {
				t.Error("no error")
			}
		})
	}
}
