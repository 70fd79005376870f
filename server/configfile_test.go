package server_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"kvorum/config"
	"kvorum/server/servertest"
)

// writeFiles fills a folder; names may have a directory.
func writeFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// dialProcess connects to a process that was told to listen on the socket s of
// its folder.
func dialProcess(t *testing.T, p *process, dir string) *servertest.Conn {
	t.Helper()
	await(t, func() bool { return strings.Contains(p.stdout.String(), "Ready to accept connections unix\n") })
	conn, err := net.Dial("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return servertest.NewConn(t, conn)
}

// Commands that were renamed answer to their new name only, name themselves by
// the old one where they describe themselves, and stay renamed after a rewrite.
// The replies are those of Valkey 7.2.7 with the same file.
func TestRenameCommand(t *testing.T) {
	dir := shortDir(t)
	secret := strings.Repeat("s3cret", 12)
	writeFiles(t, dir, map[string]string{"a.conf": "port 0\nunixsocket s\nrename-command config cfg\n" +
		"RENAME-COMMAND FlushAll \"\"\nrename-command get Fetch\nrename-command debug " + secret + "\nrename-command cfg CONF\n"})
	p := startProcess(t, dir, "a.conf", "--rename-command", "flushdb", "")
	c := dialProcess(t, p, dir)
	c.Want("-ERR unknown command 'config', with args beginning with: 'get' 'port' ", "config", "get", "port")
	c.Want("-ERR unknown command 'cfg', with args beginning with: 'get' ", "cfg", "get")
	c.Want("-ERR unknown command 'flushall', with args beginning with: ", "flushall")
	c.Want("-ERR unknown command 'flushdb', with args beginning with: ", "flushdb")
	c.Want("-ERR unknown command 'GET', with args beginning with: 'k' ", "GET", "k")
	c.Want("$-1", "fetch", "k")
	c.Want("$-1", "FETCH", "k")
	c.Want("-ERR wrong number of arguments for 'get' command", "fetch")
	c.Want("-ERR wrong number of arguments for 'config|get' command", "conf", "get")
	c.Want("-ERR unknown subcommand 'nosuch'. Try CONF HELP.", "conf", "nosuch")
	c.Want("*2\n  \"port\"\n  \"0\"", "conf", "get", "port")
	c.Want("-ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.", strings.ToUpper(secret), "sleep", "0")
	if help := c.Do("conf", "help"); !strings.Contains(help, "+CONF <subcommand> [<arg> [value] [opt] ...]. Subcommands are:") {
		t.Errorf("help is %s", help)
	}
	if info := c.Do("command", "info", "fetch", "get", "conf|get"); !regexp.MustCompile(`(?s)^\*3\n  \*10\n    "get"\n.*\n  \$-1\n  \*10\n    "config\|get"\n`).MatchString(info) {
		t.Errorf("COMMAND INFO is %s", info)
	}
	list := c.Do("command", "list")
	if strings.Contains(list, `"flushall"`) || strings.Contains(list, `"fetch"`) || !strings.Contains(list, `"get"`) {
		t.Errorf("COMMAND LIST is %s", list)
	}
	c.Want(fmt.Sprint(":", strings.Count(list, "\n")-strings.Count(list, "|")), "command", "count")
	c.Want("*1\n  \"k\"", "command", "getkeys", "fetch", "k")
	if stats := c.Str("info", "commandstats"); !strings.Contains(stats, "cmdstat_get:calls=2,") || strings.Contains(stats, "fetch") {
		t.Errorf("the statistics are\n%s", stats)
	}
	c.Want("+OK", "conf", "rewrite")
	text, err := os.ReadFile(filepath.Join(dir, "a.conf"))
	if err != nil || !strings.Contains(string(text), "\nrename-command config cfg\nRENAME-COMMAND FlushAll \"\"\nrename-command get Fetch\n") {
		t.Errorf("the file is (%v)\n%s", err, text)
	}
}

// What cannot be kept stops the start, with Redis's words where Redis has some.
func TestRefusedLines(t *testing.T) {
	dir := shortDir(t)
	writeFiles(t, dir, map[string]string{"inc/b.conf": "\ntimeout x\n", "inc/a.conf": "hz 1"})
	for _, test := range []struct{ text, stdout, stderr string }{
		{"rename-command nosuch x", "", "at line 1\n>>> 'rename-command nosuch x'\nNo such command in rename-command\n"},
		{"\nrename-command GET set", "", "at line 2\n>>> 'rename-command GET set'\nTarget command name already exists\n"},
		{"rename-command config|get x", "", "No such command in rename-command\n"},
		{"user alice on", "", "at line 1\n>>> 'user alice on'\nUsers are not built in yet. "},
		{"user default off", "", ">>> 'user default off'\nUsers are not built in yet. "},
		{"aclfile users.acl", "", "aclfile: users are not built in yet, "},
		{"module.x 1", "Module Configuration detected without loadmodule directive or no ApplyConfig call: aborting\n", ""},
		{"sentinel monitor a b 1 1", "", "sentinel directive while not in sentinel mode\n"},
		{"include nosuch", "# Fatal error, can't open config file 'nosuch': No such file or directory\n", ""},
		{"include inc", "# Fatal error, can't open config file 'inc': Is a directory\n", ""},
		{"include inc/*.conf", "", "at line 3\n>>> 'timeout x'\n"},
	} {
		writeFiles(t, dir, map[string]string{"a.conf": test.text + "\nport 0\n"})
		p := startProcess(t, dir, "a.conf")
		if code := p.exit(t); code != 1 {
			t.Errorf("%q: exit status %d", test.text, code)
		}
		if !strings.Contains(p.stdout.String(), test.stdout) || !strings.Contains(p.stderr.String(), test.stderr) {
			t.Errorf("%q: stdout\n%s\nstderr\n%s", test.text, p.stdout.String(), p.stderr.String())
		}
	}
}

// Files include files, relative to where the server runs, which dir changes on
// the way; what has no effect is said once, also when CONFIG SET sets it.
func TestIncludesAndNotices(t *testing.T) {
	dir := shortDir(t)
	writeFiles(t, dir, map[string]string{
		"a.conf":            "port 0\nunixsocket s\ntcp-keepalive 1\nINCLUDE 'conf.d/*.conf'\nlfu-log-factor 14\nloadmodule /nosuch.so x\nnosuch.setting 1\n",
		"conf.d/1.conf":     "tcp-keepalive 11\ninclude more.conf",
		"conf.d/2.conf":     "lfu-log-factor 12\ninclude nosuch*\nuser default on nopass ~* &* +@all\n",
		"conf.d/.3.conf":    "garbage\n",
		"conf.d/dir.conf/x": "garbage\n",
		"more.conf":         "lfu-decay-time 5\nactivedefrag yes\n",
	})
	p := startProcess(t, dir, "a.conf")
	c := dialProcess(t, p, dir)
	c.Want("*6\n  \"tcp-keepalive\"\n  \"11\"\n  \"lfu-log-factor\"\n  \"14\"\n  \"lfu-decay-time\"\n  \"5\"",
		"CONFIG", "GET", "tcp-keepalive", "lfu-log-factor", "lfu-decay-time")
	for range 2 {
		c.Want("+OK", "CONFIG", "SET", "activerehashing", "no", "lfu-log-factor", "3")
	}
	c.Want("+OK", "CONFIG", "SET", "activerehashing", "yes")
	c.Want("+OK", "CONFIG", "SET", "activedefrag", "no", "jemalloc-bg-thread", "no") // the last to be logged
	await(t, func() bool { return strings.Contains(p.stdout.String(), "jemalloc-bg-thread") })
	log := p.stdout.String()
	for _, line := range []string{"The directive activedefrag has no effect: ", "The directive activerehashing has no effect: ",
		"The directive loadmodule has no effect: modules cannot be loaded: /nosuch.so\n"} {
		if n := strings.Count(log, line); n != 1 {
			t.Errorf("%q is logged %d times in\n%s", line, n, log)
		}
	}
}

// DEBUG CONFIG-REWRITE-FORCE-ALL writes every directive, and that file gives the
// values in force.
func TestRewriteForceAll(t *testing.T) {
	s := servertest.Start(t, "lfu-log-factor 12")
	c := s.Dial()
	c.Want("+OK", "CONFIG", "SET", "lfu-decay-time", "3", "requirepass", "x y")
	c.Want("+OK", "DEBUG", "CONFIG-REWRITE-FORCE-ALL")
	text, err := os.ReadFile(s.File)
	if err != nil {
		t.Fatal(err)
	}
	for d := range config.Directives {
		isSet := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(d.Name) + ` `).Match(text)
		if unset := d.Flags&config.EmptyIsUnset != 0 || d.Name == "bind" || d.Name == "replicaof"; !isSet && !unset {
			t.Errorf("%s is missing", d.Name)
		}
	}
	cfg := config.New(config.Options{})
	if err := cfg.Load(text, config.Loader{Extra: func(config.Line) error { return nil }}); err != nil {
		t.Fatal(err)
	}
	if cfg.Int("lfu-decay-time") != 3 || cfg.Int("lfu-log-factor") != 12 || cfg.String("requirepass") != "x y" {
		t.Errorf("the file is\n%s", text)
	}
}

// The file of this repository starts a server, with the defaults and without a
// word about directives without effect: the defaults are what they do.
func TestOwnFileStarts(t *testing.T) {
	dir := shortDir(t)
	file, err := filepath.Abs("../kvorum.conf")
	if err != nil {
		t.Fatal(err)
	}
	p := startProcess(t, dir, file, "--port", "0", "--unixsocket", "s")
	c := dialProcess(t, p, dir)
	c.Want("*2\n  \"maxmemory-policy\"\n  \"noeviction\"", "CONFIG", "GET", "maxmemory-policy")
	if log := p.stdout.String(); strings.Contains(log, "has no effect") {
		t.Errorf("the log is\n%s", log)
	}
}

// A file as people wrote them for Redis 6 and before: old names, quotes, capitals,
// line ends of another system.
func TestOldFileStarts(t *testing.T) {
	dir := shortDir(t)
	text := `# redis 6
PORT 0
unixsocket "s"
daemonize no
save 900 1
save 300 10
stop-writes-on-bgsave-error yes
slave-serve-stale-data yes
slave-read-only yes
repl-ping-slave-period 11
slave-priority 90
min-slaves-to-write 0
min-slaves-max-lag 12
slave-lazy-flush no
appendfilename "appendonly.aof"
lua-time-limit 4000
lua-replicate-commands yes
cluster-slave-validity-factor 9
cluster-slave-no-failover no
hash-max-ziplist-entries 511
hash-max-ziplist-value 63
list-max-ziplist-entries 512
list-max-ziplist-value 64
list-max-ziplist-size -1
zset-max-ziplist-entries 127
zset-max-ziplist-value 63
client-output-buffer-limit normal 0 0 0
client-output-buffer-limit slave 256mb 64mb 60
client-output-buffer-limit pubsub 32mb 8mb 60
slave-announce-ip 10.0.0.1
slave-announce-port 1234
aof-rewrite-incremental-fsync yes
notify-keyspace-events ""
`
	writeFiles(t, dir, map[string]string{"redis.conf": strings.ReplaceAll(text, "\n", "\r\n")})
	p := startProcess(t, dir, "redis.conf")
	c := dialProcess(t, p, dir)
	for name, want := range map[string]string{
		"save": "900 1 300 10", "slave-priority": "90", "replica-priority": "90", "repl-ping-replica-period": "11",
		"busy-reply-threshold": "4000", "hash-max-listpack-entries": "511", "zset-max-ziplist-value": "63",
		"list-max-listpack-size": "-1", "replica-announce-ip": "10.0.0.1", "cluster-slave-validity-factor": "9",
	} {
		c.Want(fmt.Sprintf("*2\n  %q\n  %q", name, want), "CONFIG", "GET", name)
	}
}

// A file with a password in it that only the server may read stays so, and a file
// that cannot be written is left as it was and said.
func TestRewriteKeepsPermissions(t *testing.T) {
	s := servertest.Start(t)
	c := s.Dial()
	if err := os.Chmod(s.File, 0o600); err != nil {
		t.Fatal(err)
	}
	c.Want("+OK", "CONFIG", "SET", "requirepass", "secret")
	c.Want("+OK", "CONFIG", "REWRITE")
	info, err := os.Stat(s.File)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(filepath.Dir(s.File))
	if err != nil || len(entries) != 2 { // the file and the socket
		t.Errorf("%v are left (%v)", entries, err)
	}
	if err := os.RemoveAll(s.File); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(s.File, 0o755); err != nil {
		t.Fatal(err)
	}
	c.Want("-ERR Rewriting config file: Is a directory", "CONFIG", "REWRITE")
	c.Want("-ERR CONFIG-REWRITE-FORCE-ALL failed: Is a directory", "DEBUG", "CONFIG-REWRITE-FORCE-ALL")
	if !strings.Contains(s.Log.String(), "# CONFIG REWRITE failed: Is a directory\n") {
		t.Errorf("the log is\n%s", s.Log.String())
	}
}

// A directive that the table calls effective is named by the code of this package,
// which is where all of them are acted on: nobody may take a reason out of the
// table and forget the effect.
func TestEffectiveDirectivesAreRead(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(b)
	}
	ownGetter := map[string]string{ // those that are not read by name
		"dir": "Chdir:", "latency-tracking-info-percentiles": ".Percentiles()", "save": ".SavePoints()", "replicaof": ".ReplicaOf()",
	}
	for d := range config.Directives {
		use := fmt.Sprintf("%q", d.Name)
		if getter := ownGetter[d.Name]; getter != "" {
			use = getter
		}
		if d.Effective() && !strings.Contains(source.String(), use) {
			t.Errorf("nothing acts on %s", d.Name)
		}
	}
}
