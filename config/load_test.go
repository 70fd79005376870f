package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestSplitArgs(t *testing.T) {
	for _, c := range []struct {
		line string
		want []string // nil: unbalanced
	}{
		{"", []string{}},
		{" \t\v ", []string{}},
		{"a", []string{"a"}},
		{" a\tb\vc \fd ", []string{"a", "b\vc", "d"}},
		{`a"b c"`, []string{"ab c"}},
		{`a'b c' d`, []string{"ab c", "d"}},
		{`"" ''`, []string{"", ""}},
		{`"\x41\n\r\t\b\a\q\\\""`, []string{"A\n\r\t\b\aq\\\""}},
		{`"\x4"`, []string{"x4"}},
		{`'\x41\'\"'`, []string{`\x41'\"`}},
		{`"a"b`, nil},
		{`'a'b`, nil},
		{`"a`, nil},
		{`'a`, nil},
		{`"a\`, nil},
		{`'a\'`, nil},
		{"\"a\"\vb", []string{"a", "b"}},
		{"a\x00b", []string{"a"}},
		{"a \x00b", []string{"a"}},
		{"\"a\x00b\"", nil},
		{"\"a\"\x00b\"", []string{"a"}},
	} {
		got, ok := SplitArgs(c.line)
		if ok != (c.want != nil) || ok && !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, %v; want %q", c.line, got, ok, c.want)
		}
	}
}

func TestParseArgs(t *testing.T) {
	for _, c := range []struct {
		args string
		want CommandLine
	}{
		{"", CommandLine{}},
		{"/etc/a.conf", CommandLine{File: "/etc/a.conf"}},
		{"a.conf --port 1 --port 2", CommandLine{File: "a.conf", Options: "port \"1\" \nport \"2\" "}},
		{"-", CommandLine{Stdin: true}},
		{"a.conf -", CommandLine{File: "a.conf", Stdin: true}},
		{"- --port 1", CommandLine{Stdin: true, Options: "port \"1\" "}},
		{"--port 1 -", CommandLine{Stdin: true, Options: "port \"1\" "}},
		{"a.conf - --port 1", CommandLine{File: "a.conf", Options: "\"-\" \nport \"1\" "}},
		{"--save", CommandLine{Options: "save \"\""}},
		{"--save --port 1", CommandLine{Options: "save \"\"\nport \"1\" "}},
		{"--sentinel --port 1", CommandLine{Options: "sentinel \nport \"1\" "}},
		{"--port 1 --sentinel", CommandLine{Options: "port \"1\" \nsentinel "}},
		{"--a --b --c d", CommandLine{Options: "a \"--b\" \nc \"d\" "}},
		{"'--port 1' --b c", CommandLine{Options: "port 1 \nb \"c\" "}},
		{"-x", CommandLine{Options: "\"-x\" "}},
	} {
		words, _ := SplitArgs(c.args)
		if got := ParseArgs(words); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.args, got, c.want)
		}
	}
	cl := CommandLine{Options: "c"}
	if got := string(cl.Text([]byte("a\n"), []byte("b"))); got != "a\nb\nc" {
		t.Errorf("text %q", got)
	}
}

func TestExtraGetsLinesThatAreNoValues(t *testing.T) {
	var got []Line
	l := Loader{Sentinel: true, Extra: func(line Line) error {
		got = append(got, line)
		if line.Args[1] == "bad" {
			return errors.New("No such thing")
		}
		return nil
	}}
	text := "sentinel\nUSER a on\n\nrename-command GET \"\"\nloadmodule m.so 1\nm.x 1 2\nsentinel monitor a b"
	if err := New(Options{}).Load([]byte(text), l); err != nil {
		t.Fatal(err)
	}
	want := []Line{
		{2, "USER a on", []string{"user", "a", "on"}},
		{4, `rename-command GET ""`, []string{"rename-command", "GET", ""}},
		{5, "loadmodule m.so 1", []string{"loadmodule", "m.so", "1"}},
		{6, "m.x 1 2", []string{"m.x", "1", "2"}},
		{7, "sentinel monitor a b", []string{"sentinel", "monitor", "a", "b"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	err := New(Options{}).Load([]byte("user bad"), l)
	if want := (&LoadError{1, "user bad", "No such thing"}); !reflect.DeepEqual(err, want) {
		t.Errorf("error %v", err)
	}
	if err := New(Options{}).Load([]byte("user a"), Loader{}); err == nil || !strings.Contains(err.Error(), "Bad directive") {
		t.Errorf("without Extra: %v", err)
	}
}

func TestInclude(t *testing.T) {
	files := map[string]string{
		"a": "timeout 1\ninclude b\nhz 3", "b": "timeout 2\nsave 2 2", "loop": "include loop", "bad": "\nhz x",
	}
	missing := errors.New("missing")
	l := Loader{Include: func(name string) ([]byte, error) {
		text, ok := files[name]
		if !ok {
			return nil, missing
		}
		return []byte(text), nil
	}}
	c := New(Options{})
	if err := c.Load([]byte("save 1 1\ninclude a\nsave 3 3"), l); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(c.Int("timeout"), c.Int("hz"), c.SavePoints()); got != "2 3 [{1 1} {2 2} {3 3}]" {
		t.Error(got)
	}
	for text, want := range map[string]string{
		"include bad":  "config: line 2: argument couldn't be parsed into an integer",
		"include loop": "config: line 1: Too many nested include directives",
		"include none": "missing",
	} {
		if err := c.Load([]byte(text), l); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	if err := c.Load([]byte("include a"), Loader{}); err == nil {
		t.Error("include without a function")
	}
}

func TestClusterHasOneDatabase(t *testing.T) {
	var warnings []string
	c := New(Options{Warn: func(s string) { warnings = append(warnings, s) }})
	if err := c.Load([]byte("cluster-enabled yes\noom-score-adj-values 3 2 1"), Loader{}); err != nil {
		t.Fatal(err)
	}
	if c.Int("databases") != 1 || !slices.Equal(warnings, []string{oomWarning,
		"WARNING: Changing databases number from 16 to 1 since we are in cluster mode"}) {
		t.Errorf("%d databases, warnings %q", c.Int("databases"), warnings)
	}
}

// What Valkey's test suite writes into every file must load, also the
// directives that are newer than 7.2.
func TestFileOfTestSuiteLoads(t *testing.T) {
	c := mustLoad(t, strings.Join([]string{
		"always-show-logo yes", "notify-keyspace-events KEA", "daemonize no", "pidfile /var/run/x.pid", "logfile ''",
		"latency-monitor-threshold 1", "repl-diskless-sync-delay 0", "save ''", "dir ./", "slave-serve-stale-data yes",
		"enable-protected-configs yes", "enable-debug-command yes", "enable-module-command yes",
		"propagation-error-behavior panic", "shutdown-on-sigterm force", "enable-debug-assert yes", "hide-user-data-from-log no",
	}, "\n"))
	for _, p := range c.Get("*") {
		if notInRealServer(p.Name) && !oursAlone(p.Name) {
			t.Errorf("%s is not of 7.2 but listed", p.Name)
		}
	}
	if got := c.Get("enable-debug-assert"); len(got) != 1 || got[0].Text != "yes" {
		t.Errorf("%v", got)
	}
}

// The parser must survive any text, and whatever it accepts must come back
// the same through CONFIG REWRITE.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		"port 1\nsave 1 2\nsave \"\"", "# c\nbind 1 2\n", "masterauth \"\\x00\"", "include x", "save '1 2'",
		"client-output-buffer-limit normal 1 2 3", "maxmemory 1gb\nmaxmemory-clients 5%", "user a\nsentinel\nx.y z",
		"latency-tracking-info-percentiles 1 2 3", "notify-keyspace-events KEA", "shutdown-on-sigint save now",
		"replicaof h 1", "dbfilename \"a b\"", "unixsocketperm 700", "proc-title-template {title}x", "\x00", "bind 'a b'",
	} {
		f.Add([]byte(seed))
	}
	l := Loader{
		Include: func(string) ([]byte, error) { return []byte("hz 1"), nil },
		Extra:   func(Line) error { return nil },
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c := New(Options{Dir: "/"})
		err := c.Load(text, l)
		var bad *LoadError
		if err != nil && (!errors.As(err, &bad) || bad.Problem == "" || !strings.HasSuffix(bad.Report("7"), bad.Problem+"\n")) {
			t.Fatalf("error %v", err)
		}
		before := c.Get("*")
		if slices.ContainsFunc(before, func(p Pair) bool {
			return (p.Name == "bind" || p.Name == "replicaof") && strings.ContainsAny(p.Text, "\"' \\#\t\r\n\v\f") && !plainWords(c)
		}) {
			return // addresses with quotes or spaces inside are written as they are, as Redis does
		}
		olds := [][]byte{nil}
		if err == nil {
			olds = append(olds, text) // else it may have lines that stay and are refused
		}
		for _, old := range olds {
			for _, all := range []bool{false, true} {
				checkRewrite(t, c, old, RewriteOptions{All: all}, l)
			}
		}
		c.Rewrite(text, RewriteOptions{Sentinel: true})
	})
}

// checkRewrite rewrites a file again and again: each time it must give the values
// of c, and from the second time on it must not change. (The first adds an empty
// line: that behind the last line end.)
func checkRewrite(t *testing.T, c *Config, old []byte, opt RewriteOptions, l Loader) {
	t.Helper()
	before := c.Get("*")
	l.Include = func(string) ([]byte, error) { return nil, nil }
	l.Sentinel = true // such lines stay
	var last []byte
	for n := range 3 {
		rewritten := c.Rewrite(old, opt)
		again := New(Options{Dir: "/"})
		if err := again.Load(rewritten, l); err != nil {
			t.Fatalf("rewritten file is refused: %v\n%s", err, rewritten)
		}
		if after := again.Get("*"); !slices.Equal(before, after) {
			for i := range before {
				if before[i] != after[i] {
					t.Errorf("%s: %q became %q in\n%s", before[i].Name, before[i].Text, after[i].Text, rewritten)
				}
			}
		}
		if n == 2 && !slices.Equal(last, rewritten) {
			t.Errorf("rewriting again changed\n%s\nto\n%s", last, rewritten)
		}
		old, last = rewritten, rewritten
	}
}

// plainWords reports whether no address would change its shape in a file.
func plainWords(c *Config) bool {
	host, _, _ := c.ReplicaOf()
	for _, word := range append(slices.Clone(c.Bind()), host) {
		for i := 0; i < len(word); i++ {
			if word[i] <= ' ' || word[i] > '~' || strings.IndexByte("\"'\\", word[i]) >= 0 {
				return false
			}
		}
	}
	return !slices.Contains(c.Bind(), "")
}

// Quoting and splitting are inverses.
func FuzzQuote(f *testing.F) {
	f.Add("a\x00\"\\\n\xff b")
	f.Fuzz(func(t *testing.T, s string) {
		words, ok := SplitArgs(" " + string(AppendQuoted(nil, s)) + "\tx")
		if !ok || len(words) != 2 || words[0] != s {
			t.Errorf("%q: %q, %v", s, words, ok)
		}
		if words, ok := SplitArgs(s); ok {
			for _, w := range words {
				if len(w) > len(s) {
					t.Errorf("%q: a word of %d bytes", s, len(w))
				}
			}
		}
	})
}

// No text that CONFIG SET accepts may be shown in a form that it refuses.
func FuzzSet(f *testing.F) {
	for i := range table {
		f.Add(uint16(i), table[i].Default)
	}
	f.Add(uint16(0), "18446744073709551615gb")
	f.Fuzz(func(t *testing.T, row uint16, text string) {
		d := &table[int(row)%len(table)]
		c := New(Options{Dir: "/"})
		before := c.Get("*")
		ctx := SetContext{AllowProtected: true}
		if err := c.Set([][2]string{{"hz", "77"}, {d.Name, text}}, ctx); err != nil {
			if !slices.Equal(before, c.Get("*")) {
				t.Fatalf("%s: %v, but a value changed", d.Name, err)
			}
			return
		}
		shown := c.Get(d.Name)[0].Text
		if err := c.Set([][2]string{{d.Name, shown}}, ctx); err != nil || c.Get(d.Name)[0].Text != shown {
			t.Errorf("%s %q is shown as %q: %v, then as %q", d.Name, text, shown, err, c.Get(d.Name)[0].Text)
		}
	})
}
