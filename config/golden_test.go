package config

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// flagServer makes the golden tests run a real server and write down what it
// does, instead of comparing:
//
//	go test ./config -run Golden -server /path/to/redis-server
//
// TestGoldenTLSDefaults needs one that was built with TLS.
var flagServer = flag.String("server", "", "write the golden files of this package with this redis-server binary")

// A goldenCase is one case of load.txt or rewrite.txt:
//
//	== kind args...
//	text of a configuration file
//	-- commands
//	----
//	expected text
type goldenCase struct {
	kind     string
	args     []string
	head     string
	text     []string
	commands []string // without the dashes
	want     []string
}

func (g *goldenCase) config() []byte { return []byte(strings.Join(g.text, "\n")) }

func readGolden(t *testing.T, path string) (cases []*goldenCase) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var g *goldenCase
	expected := false
	for line := range strings.SplitSeq(strings.TrimSuffix(string(b), "\n"), "\n") {
		switch {
		case strings.HasPrefix(line, "== "):
			words, ok := SplitArgs(line[3:])
			if !ok {
				t.Fatalf("%s: %q", path, line)
			}
			g = &goldenCase{kind: words[0], args: words[1:], head: line}
			cases = append(cases, g)
			expected = false
		case g == nil: // the header
		case line == "----":
			expected = true
		case expected:
			g.want = append(g.want, line)
		case strings.HasPrefix(line, "-- "):
			g.commands = append(g.commands, line[3:])
		default:
			g.text = append(g.text, line)
		}
	}
	for _, g := range cases {
		for n := len(g.want); n > 0 && g.want[n-1] == ""; n-- {
			g.want = g.want[:n-1]
		}
	}
	return cases
}

func writeGolden(t *testing.T, path, writer string, cases []*goldenCase) {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "# written by %s\n\n", writer)
	for _, g := range cases {
		b.WriteString(g.head + "\n")
		for _, line := range g.text {
			b.WriteString(line + "\n")
		}
		for _, command := range g.commands {
			b.WriteString("-- " + command + "\n")
		}
		b.WriteString("----\n")
		for _, line := range g.want {
			b.WriteString(line + "\n")
		}
		b.WriteString("\n")
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// What a configuration leads to, good or bad, must be what it leads to in a
// real server: values, line numbers, messages.
func TestGoldenLoad(t *testing.T) {
	const path = "testdata/load.txt"
	cases := readGolden(t, path)
	for i, g := range cases {
		if *flagServer != "" {
			g.want = g.loadReal(t)
			continue
		}
		if got := g.load(t); !slices.Equal(got, g.want) {
			t.Errorf("case %d: %s\n%s\ngot:\n%s\nwant:\n%s", i, g.head, g.config(),
				strings.Join(got, "\n"), strings.Join(g.want, "\n"))
		}
	}
	if *flagServer != "" {
		writeGolden(t, path, realVersion(t), cases)
	}
}

// versionLine is how the two servers name themselves in the first line of a
// fatal error.
var versionLine = regexp.MustCompile(`\((Redis|Version) [^)]*\)`)

func (g *goldenCase) load(t *testing.T) []string {
	t.Helper()
	cl := ParseArgs(append([]string{"-", "--port", "0", "--unixsocket", "sock"}, g.args...))
	if !cl.Stdin || cl.File != "" {
		t.Fatalf("command line read as %+v", cl)
	}
	c := New(Options{Chdir: func(path string) (string, error) {
		if path != "./" {
			return "", errors.New("No such file or directory")
		}
		return path, nil
	}})
	err := c.Load(cl.Text(nil, g.config()), Loader{Include: includeFiles})
	if err != nil {
		var bad *LoadError
		if !errors.As(err, &bad) {
			t.Fatal(err)
		}
		return strings.Split(strings.Trim(bad.Report("VERSION"), "\n"), "\n")
	}
	return g.values(func(name string) string { return c.Get(name)[0].Text })
}

func includeFiles(pattern string) (text []byte, err error) {
	files, err := filepath.Glob(pattern)
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		text = append(text, b...)
	}
	return text, err
}

func (g *goldenCase) values(get func(name string) string) (lines []string) {
	for _, command := range g.commands {
		for _, name := range strings.Fields(strings.TrimPrefix(command, "get ")) {
			text := get(name)
			if strings.ContainsAny(text, "\n\"") {
				text = string(AppendQuoted(nil, text))
			}
			lines = append(lines, strings.TrimRight(name+": "+text, " "))
		}
	}
	return lines
}

func (g *goldenCase) loadReal(t *testing.T) []string {
	r := startReal(t, string(g.config()), append([]string{"-"}, g.args...))
	defer r.stop()
	if r.report != "" {
		text := versionLine.ReplaceAllString(r.report, "(Redis VERSION)")
		text = strings.ReplaceAll(text, r.socket, "sock")
		return strings.Split(strings.Trim(text, "\n"), "\n")
	}
	return g.values(func(name string) string { return r.call(t, "CONFIG", "GET", name)[1] })
}

// CONFIG REWRITE must keep what people wrote and add what a restart needs.
// Appended lines are compared as a set: their order is that of a hash table
// in a real server.
func TestGoldenRewrite(t *testing.T) {
	const path = "testdata/rewrite.txt"
	cases := readGolden(t, path)
	for i, g := range cases {
		if *flagServer != "" {
			g.want = g.rewriteReal(t)
			continue
		}
		if got := g.rewrite(t); !slices.Equal(sortAppended(got), sortAppended(g.want)) {
			t.Errorf("case %d:\n%s\ngot:\n%s\nwant:\n%s", i, g.config(),
				strings.Join(got, "\n"), strings.Join(g.want, "\n"))
		}
	}
	if *flagServer != "" {
		writeGolden(t, path, realVersion(t), cases)
	}
}

func sortAppended(lines []string) []string {
	lines = slices.Clone(lines)
	if i := slices.Index(lines, rewriteSignature); i >= 0 {
		slices.Sort(lines[i+1:])
	}
	return slices.DeleteFunc(lines, func(s string) bool { return s == "" })
}

// loadable is what a real server can start from: lines that only REWRITE
// meets are left out.
func (g *goldenCase) loadable() []byte {
	text := slices.DeleteFunc(slices.Clone(g.text), func(line string) bool {
		return strings.HasPrefix(line, "garbage") || strings.HasPrefix(line, "nosuch")
	})
	return []byte(strings.Join(text, "\n"))
}

func (g *goldenCase) rewrite(t *testing.T) []string {
	t.Helper()
	c := New(Options{Chdir: func(string) (string, error) { return "/DIR", nil }, Dir: "/DIR"})
	extra := func(Line) error { return nil }
	options := ParseArgs([]string{"--port", "0", "--unixsocket", "sock"})
	if err := c.Load(options.Text(g.loadable(), nil), Loader{Extra: extra}); err != nil {
		t.Fatal(err)
	}
	for _, command := range g.commands {
		words, _ := SplitArgs(command)
		if err := c.Set([][2]string{{words[1], words[2]}}, SetContext{}); err != nil {
			t.Fatal(err)
		}
	}
	users := Lines{Option: "user", Lines: []string{"user USER"}}
	text := c.Rewrite(g.config(), RewriteOptions{Extra: []Lines{users}})
	return strings.Split(strings.TrimRight(string(text), "\n"), "\n")
}

func (g *goldenCase) rewriteReal(t *testing.T) []string {
	dir := t.TempDir()
	file := filepath.Join(dir, "redis.conf")
	if err := os.WriteFile(file, g.loadable(), 0o644); err != nil {
		t.Fatal(err)
	}
	r := startReal(t, "", []string{file})
	defer r.stop()
	if r.report != "" {
		t.Fatal(r.report)
	}
	for _, command := range g.commands {
		words, _ := SplitArgs(command)
		r.call(t, "CONFIG", "SET", words[1], words[2])
	}
	if err := os.WriteFile(file, g.config(), 0o644); err != nil {
		t.Fatal(err)
	}
	cwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	r.call(t, "CONFIG", "REWRITE")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(b), `"`+cwd+`"`, `"/DIR"`)
	text = strings.ReplaceAll(text, `"`+r.socket+`"`, `"sock"`)
	text = regexp.MustCompile(`(?m)^user .*$`).ReplaceAllString(text, "user USER")
	return strings.Split(strings.TrimRight(text, "\n"), "\n")
}

// A real is a running real server, or the report with which it ended.
type real struct {
	cmd    *exec.Cmd
	socket string
	conn   net.Conn
	in     *bufio.Reader
	report string
}

func startReal(t *testing.T, stdin string, args []string) *real {
	t.Helper()
	r := &real{socket: filepath.Join(t.TempDir(), "sock")}
	args = slices.Insert(slices.Clone(args), 1, "--port", "0", "--unixsocket", r.socket)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	t.Cleanup(cancel)
	var report strings.Builder
	r.cmd = exec.CommandContext(ctx, *flagServer, args...)
	r.cmd.Stdin, r.cmd.Stderr = strings.NewReader(stdin), &report
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.Contains(lines.Text(), "eady to accept connections") {
			ready = true
			break
		}
	}
	if !ready {
		r.stop()
		r.report = report.String()
		return r
	}
	go func() { _, _ = io.Copy(io.Discard, out) }() // until the server ends
	if r.conn, err = net.Dial("unix", r.socket); err != nil {
		t.Fatal(err)
	}
	r.in = bufio.NewReader(r.conn)
	return r
}

func (r *real) stop() {
	if r.conn != nil {
		_ = r.conn.Close() // the server is killed next
	}
	_ = r.cmd.Process.Kill() // may have ended already
	_ = r.cmd.Wait()         // was killed
}

// call runs a command whose reply is a line or an array of bulk strings.
func (r *real) call(t *testing.T, args ...string) (reply []string) {
	t.Helper()
	fmt.Fprintf(r.conn, "*%d\r\n", len(args))
	for _, arg := range args {
		fmt.Fprintf(r.conn, "$%d\r\n%s\r\n", len(arg), arg)
	}
	line := r.line(t)
	if line[0] != '*' {
		if line != "+OK" {
			t.Fatalf("%q: %s", args, line)
		}
		return []string{line}
	}
	n, err := strconv.Atoi(line[1:])
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		size, err := strconv.Atoi(r.line(t)[1:])
		if err != nil {
			t.Fatal(err)
		}
		bulk := make([]byte, size+len("\r\n"))
		if _, err := io.ReadFull(r.in, bulk); err != nil {
			t.Fatal(err)
		}
		reply = append(reply, string(bulk[:size]))
	}
	return reply
}

func (r *real) line(t *testing.T) string {
	t.Helper()
	line, err := r.in.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(line, "\r\n")
}

// realVersion is "redis 7.0.15" or "valkey 7.2.7".
func realVersion(t *testing.T) string {
	t.Helper()
	out, err := exec.Command(*flagServer, "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	name := "valkey"
	if strings.HasPrefix(string(out), "Redis") {
		name = "redis"
	}
	version := regexp.MustCompile(`v=(\S+)`).FindSubmatch(out)
	if version == nil {
		t.Fatalf("no version in %q", out)
	}
	return name + " " + string(version[1])
}
