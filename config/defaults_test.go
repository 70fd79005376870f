package config

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// ofProcess are the directives whose text depends on how and where the real
// server was started.
var ofProcess = []string{"dir", "port", "unixsocket"}

// notInRealServer are the rows that the writer of defaults.txt does not know.
func notInRealServer(name string) bool {
	return name == "enable-debug-assert" || name == "hide-user-data-from-log" || oursAlone(name)
}

// oursAlone are the rows that no other server has.
func oursAlone(name string) bool {
	return name == "rdb-version" || name == "replica-keep-data-over-empty-master" || name == "repl-backlog-disk-size"
}

// Names, defaults and text forms are those of a real server: what CONFIG GET *
// shows, and hidden directives by name. A missing, misspelled or surplus row
// shows as a difference.
func TestGoldenDefaults(t *testing.T) {
	checkDefaults(t, "testdata/defaults.txt", "*", func(name string) bool {
		return strings.HasPrefix(name, "tls-") || notInRealServer(name)
	})
}

// TestGoldenTLSDefaults is the same for the rows that need a server with TLS.
func TestGoldenTLSDefaults(t *testing.T) {
	checkDefaults(t, "testdata/defaults-tls.txt", "tls-*", func(name string) bool {
		return !strings.HasPrefix(name, "tls-")
	})
}

func checkDefaults(t *testing.T, path, pattern string, skip func(name string) bool) {
	t.Helper()
	c := New(Options{})
	var got []string
	line := func(name, text string) string { return strings.TrimRight(name+" "+text, " ") }
	hidden := func(yield func(name string) bool) {
		for _, name := range sortedNames {
			if d, _ := Lookup(name); d.Flags&Hidden != 0 && !yield(name) {
				return
			}
		}
	}
	for _, p := range c.Get(pattern) {
		if !skip(p.Name) && !slices.Contains(ofProcess, p.Name) {
			got = append(got, line(p.Name, p.Text))
		}
	}
	for name := range hidden {
		if !skip(name) {
			got = append(got, line("hidden "+name, c.Get(name)[0].Text))
		}
	}
	if *flagServer != "" {
		writeDefaults(t, path, pattern, skip, hidden)
		return
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")[1:]
	for _, l := range got {
		if !slices.Contains(want, l) {
			t.Errorf("surplus: %s", l)
		}
	}
	for _, l := range want {
		if !slices.Contains(got, l) {
			t.Errorf("missing: %s", l)
		}
	}
}

func writeDefaults(t *testing.T, path, pattern string, skip func(string) bool, hidden func(func(string) bool)) {
	t.Helper()
	r := startReal(t, "", []string{"-"})
	defer r.stop()
	var lines []string
	add := func(prefix string, pairs []string) {
		for i := 0; i < len(pairs); i += 2 {
			if !skip(pairs[i]) && !slices.Contains(ofProcess, pairs[i]) {
				lines = append(lines, strings.TrimRight(prefix+pairs[i]+" "+pairs[i+1], " "))
			}
		}
	}
	add("", r.call(t, "CONFIG", "GET", pattern))
	for name := range hidden {
		add("hidden ", r.call(t, "CONFIG", "GET", name))
	}
	if len(lines) == 0 {
		t.Logf("%s: this server has no such directives", path)
		return
	}
	slices.Sort(lines)
	text := fmt.Sprintf("# CONFIG GET, written by %s\n%s\n", realVersion(t), strings.Join(lines, "\n"))
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
