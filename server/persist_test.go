package server_test

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"kvorum/server/servertest"
)

// infoField returns a field of INFO persistence.
func infoField(c *servertest.Conn, name string) string {
	m := regexp.MustCompile(`(?m)^` + name + `:(.*)\r$`).FindStringSubmatch(c.Str("INFO", "persistence"))
	if m == nil {
		return ""
	}
	return m[1]
}

func awaitField(t *testing.T, c *servertest.Conn, name, want string) {
	t.Helper()
	await(t, func() bool { return infoField(c, name) == want })
}

// What was saved is there after a restart, by SAVE, BGSAVE, a save point or the end.
func TestSaves(t *testing.T) {
	for name, save := range map[string]func(*process, *servertest.Conn){
		"save": func(p *process, c *servertest.Conn) { c.Want("+OK", "SAVE") },
		"bgsave": func(p *process, c *servertest.Conn) {
			c.Want("+Background saving started", "BGSAVE")
			awaitField(t, c, "rdb_saves", "1")
			if got := infoField(c, "rdb_last_bgsave_status"); got != "ok" {
				t.Errorf("status %s", got)
			}
		},
		"point": func(p *process, c *servertest.Conn) {
			c.Want("+OK", "CONFIG", "SET", "save", "1 1")
			awaitField(t, c, "rdb_saves", "1")
			awaitLog(t, p.stdout.String, `\* 1 changes in 1 seconds\. Saving\.\.\.\n`)
			c.Want("+OK", "CONFIG", "SET", "save", "")
		},
		"end": func(p *process, c *servertest.Conn) { c.Want("+OK", "CONFIG", "SET", "save", "1000 1") },
	} {
		t.Run(name, func(t *testing.T) {
			dir := shortDir(t)
			p := launch(t, dir, "--save", "")
			c := dial(t, dir)
			c.Want("+OK", "SET", "a", "1", "PXAT", "33177117420000")
			c.Want(":3", "RPUSH", "l", "a", "b", "c")
			c.Want(":1", "HSET", "h", "f", "v")
			c.Want("*1\n  :1", "HPEXPIREAT", "h", "33177117420000", "FIELDS", "1", "f")
			if got := infoField(c, "rdb_changes_since_last_save"); got != "6" {
				t.Errorf("%s changes", got)
			}
			save(p, c)
			if got := infoField(c, "rdb_changes_since_last_save"); name != "end" && got != "0" {
				t.Errorf("%s changes after the save", got)
			}
			p.signal(t, syscall.SIGTERM)
			p.exit(t)
			p = launch(t, dir, "--save", "")
			c = dial(t, dir)
			c.Want(`"1"`, "GET", "a")
			c.Want(":3", "LLEN", "l")
			c.Want(":33177117420000", "PEXPIRETIME", "a")
			c.Want("*1\n  :33177117420000", "HPEXPIRETIME", "h", "FIELDS", "1", "f")
			c.Want("+OK", "DEBUG", "MEMCHECK")
			if left, err := os.ReadDir(dir); err != nil || strings.Contains(fmt.Sprint(left), "temp-") {
				t.Errorf("left are %v, %v", left, err)
			}
			p.signal(t, syscall.SIGTERM)
			p.exit(t)
		})
	}
}

// A file that cannot be loaded stays as it is, and the server does not start.
func TestDamagedFile(t *testing.T) {
	dir := shortDir(t)
	p := launch(t, dir, "--save", "")
	c := dial(t, dir)
	c.Want(":3", "RPUSH", "list", "a", "b", "c")
	c.Want("+OK", "SAVE")
	p.signal(t, syscall.SIGTERM)
	p.exit(t)
	good, err := os.ReadFile(dir + "/dump.rdb")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		bad []byte
		sum string // rdbchecksum
		log string
	}{
		"cut":    {good[:len(good)-12], "yes", `# Short read or OOM loading DB\. Unrecoverable error, aborting now\.\n.*# Bad RDB file dump\.rdb: .*byte \d+: Unexpected EOF reading RDB file\n`},
		"sum":    {append(bytes.Clone(good[:len(good)-1]), good[len(good)-1]^1), "yes", `# Bad RDB file dump\.rdb: byte \d+: RDB CRC error: Wrong RDB checksum expected: \([0-9a-f]+\) but got \([0-9a-f]+\)\. Aborting now\.`},
		"magic":  {append([]byte("r"), good[1:]...), "yes", `# Bad RDB file dump\.rdb: Wrong signature trying to load DB from file\n`},
		"future": {append([]byte("REDIS0099"), good[9:]...), "yes", `# Bad RDB file dump\.rdb: Can't handle RDB format version 99`},
		"value":  {bytes.Replace(good, []byte("\x00\x03\x00\x81a"), []byte("\x00\x03\x00\x91a"), 1), "no", `# Bad RDB file dump\.rdb: key "list" at byte \d+: Listpack integrity check failed\.`},
		"empty":  {nil, "yes", `# Bad RDB file dump\.rdb: byte 0: Unexpected EOF`},
	} {
		if err := os.WriteFile(dir+"/dump.rdb", c.bad, 0o644); err != nil {
			t.Fatal(err)
		}
		p := startProcess(t, dir, "--port", "0", "--unixsocket", dir+"/s", "--save", "1 1", "--rdbchecksum", c.sum)
		if code := p.exit(t); code != 1 {
			t.Errorf("%s: status %d", name, code)
		}
		out := p.stdout.String()
		for _, want := range []string{c.log, `'kvorum check-rdb dump\.rdb' tells how far it is right`, `# Fatal error loading the DB, check server logs\. Exiting\.\n`} {
			if !regexp.MustCompile(`(?s)` + want).MatchString(out) {
				t.Errorf("%s: %q is not in\n%s", name, want, out)
			}
		}
		if now, err := os.ReadFile(dir + "/dump.rdb"); err != nil || !bytes.Equal(now, c.bad) {
			t.Errorf("%s: the file has changed (%v)", name, err)
		}
	}
}

// Writes are refused while saving does not work, until it does.
func TestMisconf(t *testing.T) {
	dir := shortDir(t)
	p := launch(t, dir, "--save", "1000 1")
	c := dial(t, dir)
	c.Want("+OK", "SET", "a", "1")
	if err := os.Mkdir(dir+"/dump.rdb", 0o755); err != nil {
		t.Fatal(err)
	}
	c.Want("-ERR Error saving, see the log", "SAVE")
	c.Want("+OK", "SET", "a", "2") // only saves in the background count
	c.Want("+Background saving started", "BGSAVE")
	awaitField(t, c, "rdb_last_bgsave_status", "err")
	for _, words := range [][]string{{"SET", "a", "3"}, {"PING"}, {"DEL", "a"}} {
		if got := c.Str(words...); !strings.HasPrefix(got, "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.") {
			t.Errorf("%v: %s", words, got)
		}
	}
	c.Want(`"2"`, "GET", "a")
	c.Want("+OK", "CONFIG", "SET", "stop-writes-on-bgsave-error", "no")
	c.Want("+OK", "SET", "a", "4")
	c.Want("+OK", "CONFIG", "SET", "stop-writes-on-bgsave-error", "yes")
	if err := os.Remove(dir + "/dump.rdb"); err != nil {
		t.Fatal(err)
	}
	c.Want("+Background saving started", "BGSAVE")
	awaitField(t, c, "rdb_last_bgsave_status", "ok")
	c.Want("+OK", "SET", "a", "5")
	p.signal(t, syscall.SIGTERM)
	p.exit(t)
}

// While a file is loaded clients are told so, and may look on.
func TestLoading(t *testing.T) {
	dir := shortDir(t)
	p := launch(t, dir, "--save", "")
	c := dial(t, dir)
	c.Want("+OK", "DEBUG", "POPULATE", "20000", "key", "100")
	c.Want("+OK", "SAVE")
	p.signal(t, syscall.SIGTERM)
	p.exit(t)
	p = launch(t, dir, "--save", "1 1", "--key-load-delay", "2000")
	c = dial(t, dir)
	awaitField(t, c, "loading", "1")
	c.Want("-LOADING Redis is loading the dataset in memory", "PING")
	c.Want("-LOADING Redis is loading the dataset in memory", "GET", "key:1")
	c.Want("-LOADING Redis is loading the dataset in memory", "SAVE")
	c.Want("-LOADING Redis is loading the dataset in memory", "CONFIG", "SET", "repl-diskless-load", "swapdb")
	c.Want("-LOADING Redis is loading the dataset in memory", "CONFIG", "SET", "loglevel", "debug", "appendonly", "yes")
	c.Want("+OK", "CONFIG", "SET", "loglevel", "notice")
	for _, name := range []string{"loading_start_time", "loading_total_bytes", "loading_loaded_bytes", "loading_loaded_perc", "loading_eta_seconds", "loading_rdb_used_mem"} {
		if infoField(c, name) == "" {
			t.Errorf("INFO has no %s", name)
		}
	}
	before, err := os.ReadFile(dir + "/dump.rdb")
	if err != nil {
		t.Fatal(err)
	}
	p.signal(t, syscall.SIGTERM) // half of the data must not take the place of all
	if code := p.exit(t); code != 0 {
		t.Errorf("status %d", code)
	}
	if after, err := os.ReadFile(dir + "/dump.rdb"); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file has changed (%v)", err)
	}
	p = launch(t, dir, "--save", "")
	c = dial(t, dir)
	awaitField(t, c, "loading", "0")
	c.Want(":20000", "DBSIZE")
	c.Want("+OK", "DEBUG", "RELOAD")
	c.Want(":20000", "DBSIZE")
	c.Want("-ERR Error trying to load the RDB dump, check server logs", "DEBUG", "RELOAD", "NOFLUSH")
	c.Want("+OK", "DEBUG", "RELOAD", "NOFLUSH", "MERGE")
	c.Want("-ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.", "DEBUG", "RELOAD", "NOW")
	c.Want("+OK", "DEBUG", "MEMCHECK")
	p.signal(t, syscall.SIGTERM)
	p.exit(t)
}

// FLUSHALL ends a save, and with save points empties the file.
func TestFlushAndSave(t *testing.T) {
	dir := shortDir(t)
	p := launch(t, dir, "--save", "")
	c := dial(t, dir)
	c.Want("+OK", "DEBUG", "POPULATE", "100")
	c.Want("+OK", "SAVE")
	c.Want("+OK", "FLUSHALL")
	c.Want("+OK", "DEBUG", "RELOAD", "NOSAVE")
	c.Want(":100", "DBSIZE")
	c.Want("+OK", "CONFIG", "SET", "save", "1000 1000")
	c.Want("+OK", "FLUSHALL")
	c.Want("+OK", "DEBUG", "RELOAD", "NOSAVE")
	c.Want(":0", "DBSIZE")
	c.Want("+OK", "CONFIG", "SET", "save", "")
	p.signal(t, syscall.SIGTERM)
	p.exit(t)
}
