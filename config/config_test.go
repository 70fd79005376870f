package config

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

func mustLoad(t *testing.T, text string) *Config {
	t.Helper()
	c := New(Options{Dir: "/data"})
	if err := c.Load([]byte(text), Loader{}); err != nil {
		t.Fatal(err)
	}
	return c
}

func mustSet(t *testing.T, c *Config, words ...string) {
	t.Helper()
	var pairs [][2]string
	for i := 0; i < len(words); i += 2 {
		pairs = append(pairs, [2]string{words[i], words[i+1]})
	}
	if err := c.Set(pairs, SetContext{}); err != nil {
		t.Fatal(err)
	}
}

func TestGettersReadTheirKind(t *testing.T) {
	c := mustLoad(t, strings.Join([]string{
		"port 7000", "unixsocketperm 770", "maxmemory 18446744073709551615", "proto-max-bulk-len 2mb",
		"maxmemory-clients 7%", "loglevel DEBUG", "shutdown-on-sigint nosave force", "appendonly yes",
		"requirepass secret", "bind 10.0.0.1 -::1", "replicaof host 6380", "save 5 6", "oom-score-adj-values -1 0 1",
		"client-output-buffer-limit pubsub 1k 2kb 3", "notify-keyspace-events Kx", "latency-tracking-info-percentiles 50 99.9",
	}, "\n"))
	check := func(name string, got, want any) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	check("port", c.Int("port"), 7000)
	check("unixsocketperm", c.Int("unixsocketperm"), 0o770)
	check("maxmemory", c.Memory("maxmemory"), uint64(math.MaxUint64))
	check("maxmemory as int", c.Int("maxmemory"), math.MaxInt64)
	check("proto-max-bulk-len", c.Int("proto-max-bulk-len"), 2<<20)
	limit, percent := c.MemoryOrPercent("maxmemory-clients")
	check("maxmemory-clients", []any{limit, percent}, []any{0, 7})
	check("loglevel", c.Enum("loglevel"), "debug")
	check("loglevel", c.EnumBits("loglevel"), 0)
	check("shutdown-on-sigint", c.Enum("shutdown-on-sigint"), "nosave force")
	check("shutdown-on-sigint", c.EnumBits("shutdown-on-sigint"), ShutdownNoSave|ShutdownForce)
	check("appendonly", c.Bool("appendonly"), true)
	check("daemonize", c.Bool("daemonize"), false)
	check("requirepass", c.String("requirepass"), "secret")
	check("dir", c.String("dir"), "/data")
	check("bind", c.Bind(), []string{"10.0.0.1", "-::1"})
	host, port, ok := c.ReplicaOf()
	check("replicaof", []any{host, port, ok}, []any{"host", 6380, true})
	check("save", c.SavePoints(), []SavePoint{{5, 6}})
	check("oom", c.OOMScoreValues(), [3]int{-1, 0, 1})
	check("obuf", c.OutputLimits(), [ClassCount]OutputLimit{{}, {256 << 20, 64 << 20, 60}, {1000, 2048, 3}})
	check("events", c.NotifyEvents(), EventKeyspace|EventExpired)
	check("percentiles", c.Percentiles(), []float64{50, 99.9})
	check("IsSet", []bool{c.IsSet("port"), c.IsSet("slaveof"), c.IsSet("timeout")}, []bool{true, true, false})

	mustSet(t, c, "maxmemory-clients", "3mb", "save", "", "bind", "")
	limit, percent = c.MemoryOrPercent("maxmemory-clients")
	check("maxmemory-clients", []any{limit, percent}, []any{3 << 20, 0})
	check("save", len(c.SavePoints()), 0)
	check("bind", len(c.Bind()), 0)
	c.SetReplicaOf("", 0)
	_, _, ok = c.ReplicaOf()
	check("replicaof", ok, false)
	c.SetReplicaOf("h", 1)
	check("replicaof", c.Get("slaveof"), []Pair{{"slaveof", "h 1"}})
	c.SetDir("/other")
	check("dir", c.Get("dir"), []Pair{{"dir", "/other"}})
	text, ok := c.Text("PORT")
	check("Text", []any{text, ok}, []any{"7000", true})
	_, ok = c.Text("nosuch")
	check("Text", ok, false)
}

// A misspelled name in the server is a mistake of ours and must not pass.
func TestGetterOfUnknownNamePanics(t *testing.T) {
	c := New(Options{})
	for name, call := range map[string]func(){
		"unknown":       func() { c.Int("nosuch") },
		"other kind":    func() { c.Int("bind") },
		"IsSet":         func() { c.IsSet("nosuch") },
		"OnChange":      func() { c.OnChange(func() error { return nil }, "nosuch") },
		"OnChange none": func() { c.OnChange(func() error { return nil }) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			call()
		}()
	}
}

// One refused value, or one hook that fails, must leave every value and every
// hook's world as they were.
func TestSetIsAllOrNothing(t *testing.T) {
	var log, warnings []string
	c := New(Options{Warn: func(s string) { warnings = append(warnings, s) }})
	fail := false
	c.OnChange(func() error {
		log = append(log, fmt.Sprintf("net %s %d", strings.Join(c.Bind(), ","), c.Int("port")))
		return nil
	}, "bind", "port")
	c.OnChange(func() error {
		log = append(log, fmt.Sprintf("clients %d", c.Int("maxclients")))
		if fail && c.Int("maxclients") != 10000 {
			return errors.New("too many")
		}
		return nil
	}, "maxclients")

	set := func(words ...string) error {
		log, warnings = nil, nil
		var pairs [][2]string
		for i := 0; i < len(words); i += 2 {
			pairs = append(pairs, [2]string{words[i], words[i+1]})
		}
		return c.Set(pairs, SetContext{})
	}
	expect := func(err error, wantErr string, wantLog ...string) {
		t.Helper()
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != wantErr || !slices.Equal(log, wantLog) {
			t.Errorf("error %q, hooks %q; want %q, %q", got, log, wantErr, wantLog)
		}
	}

	expect(set("port", "1", "bind", "a b", "maxclients", "5"), "", "net a,b 1", "clients 5")
	expect(set("port", "1", "maxclients", "5"), "") // nothing changed: no hook
	expect(set("bind", "a b"), "", "net a,b 1")     // a special value always counts as changed
	expect(set("port", "2", "maxclients", "x"),
		"ERR CONFIG SET failed (possibly related to argument 'maxclients') - argument couldn't be parsed into an integer")
	mustSet(t, c, "maxclients", "10000")
	fail = true
	expect(set("port", "3", "maxclients", "6", "timeout", "9"),
		"ERR CONFIG SET failed (possibly related to argument 'maxclients') - too many",
		"net a,b 3", "clients 6", "net a,b 1", "clients 10000")
	if want := "Failed applying new configuration. Possibly related to new maxclients setting. " +
		"Restoring previous settings."; !slices.Equal(warnings, []string{want}) {
		t.Errorf("warnings: %q", warnings)
	}
	if c.Int("port") != 1 || c.Int("timeout") != 0 || c.IsSet("timeout") {
		t.Errorf("values after the failure: %d %d", c.Int("port"), c.Int("timeout"))
	}
	log = nil
	if name, err := c.RunHooks(); name != "" || err != nil || len(log) != 2 {
		t.Errorf("RunHooks: %q, %v, %q", name, err, log)
	}
	c.values[mustRow("maxclients", KindInt)] = value{num: 7}
	if name, err := c.RunHooks(); name != "maxclients" || err == nil {
		t.Errorf("RunHooks: %q, %v", name, err)
	}
}

func TestFailedSetReturnsToTheOldDirectory(t *testing.T) {
	cwd := "/start"
	c := New(Options{Dir: cwd, Chdir: func(path string) (string, error) {
		if path == "/bad" {
			return "", errors.New("No such file or directory")
		}
		cwd = path
		return path, nil
	}})
	ctx := SetContext{AllowProtected: true}
	err := c.Set([][2]string{{"dir", "/new"}, {"timeout", "x"}}, ctx)
	if err == nil || cwd != "/start" || c.String("dir") != "/start" {
		t.Errorf("%v: in %s, value %s", err, cwd, c.String("dir"))
	}
	err = c.Set([][2]string{{"dir", "/bad"}}, ctx)
	if want := "ERR CONFIG SET failed (possibly related to argument 'dir') - No such file or directory"; err == nil || err.Error() != want {
		t.Errorf("error %v", err)
	}
	if err := c.Set([][2]string{{"dir", "/new"}}, ctx); err != nil || cwd != "/new" {
		t.Errorf("%v: in %s", err, cwd)
	}
	if err := c.Set([][2]string{{"dir", "/x"}}, SetContext{AllowProtected: true, Loading: true}); err != ErrLoading {
		t.Errorf("while loading: %v", err)
	}
}

func TestIneffectiveNamesOnlyWhatWasChanged(t *testing.T) {
	c := mustLoad(t, "timeout 5\nactivedefrag yes\nport 7\nappendonly yes\ntls-port 1")
	var got []string
	for d := range c.Ineffective {
		if d.NoEffect == "" || d.Effective() {
			t.Errorf("%s has no reason", d.Name)
		}
		got = append(got, d.Name)
	}
	if want := []string{"tls-port", "activedefrag"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestRedactKnowsSecrets(t *testing.T) {
	for name, want := range map[string]bool{"requirepass": true, "MasterAuth": true, "masteruser": true, "port": false, "nosuch": false} {
		if Redact(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

// The table is data: each row must make sense by itself.
func TestRowsAreSound(t *testing.T) {
	n := 0
	for d := range Directives {
		n++
		if found, ok := Lookup(strings.ToUpper(d.Name)); !ok || found != d {
			t.Errorf("%s is not found", d.Name)
		}
		numeric := d.Kind >= KindInt && d.Kind <= KindMemoryOrPercent
		if numeric != (d.Max != 0) {
			t.Errorf("%s: kind %s with maximum %d", d.Name, d.Kind, d.Max)
		}
		if numeric && d.Flags&Unsigned == 0 && d.Max > math.MaxInt64 {
			t.Errorf("%s: signed, but maximum %d", d.Name, d.Max)
		}
		if (d.Kind == KindEnum || d.Kind == KindEnumSet) != (len(d.Enum) > 0) {
			t.Errorf("%s: kind %s with %d words", d.Name, d.Kind, len(d.Enum))
		}
		if v := defaultOf(d); d.Kind == KindMemory && v.num < 0 {
			t.Errorf("%s: default %q", d.Name, d.Default)
		}
		if d.Kind.String() == "" || d.Mutable() == (d.Flags&Immutable != 0) {
			t.Errorf("%s: kind or Mutable", d.Name)
		}
	}
	if n != len(table) {
		t.Errorf("%d rows, want %d", n, len(table))
	}
}

// I4: what CONFIG GET shows, CONFIG SET accepts and keeps; the same through a
// rewritten file.
func TestTextsGoBackIn(t *testing.T) {
	c := mustLoad(t, strings.Join([]string{
		"maxmemory 3gb", "maxmemory-clients 5%", "save 1 2 3 4", "bind a b", "masterauth \"x\\x01 y\"",
		"client-output-buffer-limit normal 1 2 3", "notify-keyspace-events AKEnm", "shutdown-on-sigterm force now",
		"oom-score-adj relative", "unixsocketperm 700", "latency-tracking-info-percentiles 1.25", "replicaof h 1",
		"logfile \"a b\"", "list-max-listpack-size -5", "cluster-announce-ip 1.2.3.4",
	}, "\n"))
	before := c.Get("*")
	for _, p := range before {
		if d, _ := Lookup(p.Name); d.Mutable() {
			if err := c.Set([][2]string{{p.Name, p.Text}}, SetContext{AllowProtected: true}); err != nil {
				t.Errorf("%s %q: %v", p.Name, p.Text, err)
			}
		}
	}
	if after := c.Get("*"); !slices.Equal(before, after) {
		t.Error("CONFIG SET of every value changed one")
	}
	for _, old := range []string{"", "port 1\nsave 9 9\nsave 8 8\n# c\nlogfile x"} {
		again := New(Options{})
		if err := again.Load(c.Rewrite([]byte(old), RewriteOptions{}), Loader{}); err != nil {
			t.Fatal(err)
		}
		if got := again.Get("*"); !slices.Equal(before, got) {
			t.Errorf("after a restart from %q:\n%v\nwant\n%v", old, got, before)
		}
	}
}

func TestRewriteHasAFixedPoint(t *testing.T) {
	c := mustLoad(t, "save 1 2 3 4\nclient-output-buffer-limit normal 1 2 3\nport 5")
	users := RewriteOptions{Extra: []Lines{{"user", []string{"user a on", "user b off"}}}}
	once := c.Rewrite([]byte("# x\n\n\nuser c on\nuser d on\nuser e on\ninclude f\nport 1"), users)
	twice := c.Rewrite(once, users)
	thrice := c.Rewrite(twice, users)
	if !bytes.Equal(twice, thrice) || strings.Contains(string(once), "user e") ||
		!strings.Contains(string(once), "user a on\nuser b off\n\ninclude f\nport 5\n") {
		t.Errorf("once:\n%s\ntwice:\n%s\nthrice:\n%s", once, twice, thrice)
	}
	sentinel := RewriteOptions{Sentinel: true, Extra: []Lines{{"sentinel monitor", []string{"sentinel monitor m 1.1.1.1 1 1"}}}}
	got := string(c.Rewrite([]byte("sentinel monitor x 2.2.2.2 2 2\nsentinel myid abc\nsave 5 5\n"), sentinel))
	if !strings.HasPrefix(got, "sentinel monitor m 1.1.1.1 1 1\nsentinel myid abc\n\n") || strings.Contains(got, "save") {
		t.Errorf("sentinel:\n%s", got)
	}
}

func TestExpandTitle(t *testing.T) {
	vars := func(name string) (string, bool) {
		v, ok := map[string]string{"title": "kvorum", "server-mode": "", "port": "1"}[name]
		return v, ok
	}
	for template, want := range map[string]string{
		"{title}:{port} {server-mode}": "kvorum:1", " x ": "x", "{{a}": "{a}", "": "", "}{title}": "}kvorum",
	} {
		if got, ok := ExpandTitle(template, vars); !ok || got != want {
			t.Errorf("%q: %q, %v; want %q", template, got, ok, want)
		}
	}
	for _, template := range []string{"{", "{title", "{nosuch}", "a{"} {
		if got, ok := ExpandTitle(template, vars); ok {
			t.Errorf("%q: %q", template, got)
		}
	}
}

// People move with the file they have: the one that Debian installs must load.
func TestDebianFileLoads(t *testing.T) {
	const path = "/etc/redis/redis.conf"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Skipf("Debian's redis-server is not installed: %v", err)
	}
	c := New(Options{})
	if err := c.Load(text, Loader{}); err != nil {
		t.Fatalf("%+v", err)
	}
	if !c.Bool("daemonize") || c.String("dir") != "/var/lib/redis" {
		t.Error("values of the file are missing")
	}
}
