package crash

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"kvorum/config"
	"kvorum/logx"
	"kvorum/resp"
	"kvorum/server"
	"kvorum/server/servertest"
	"kvorum/vfs"
	"kvorum/vfs/errfs"
)

// The workload numbers its writes. Write i appends i to the list "log" and sets "last"
// to i, as a transaction, so what a server has must be all writes up to some number:
// at least those that were acknowledged while the log was on, at most those sent.

// node is a server on a file system.
type node struct {
	t    *testing.T
	s    *server.Server
	log  *servertest.Buffer
	done chan error
	sock string
}

// boot starts a server; nil if it did not start.
func boot(t *testing.T, fsys vfs.FS, dir string, lines ...string) *node {
	t.Helper()
	n := &node{t: t, log: &servertest.Buffer{}, done: make(chan error, 1), sock: filepath.Join(dir, "s")}
	text := strings.Join(append([]string{"port 0", "save \"\"", "io-threads 1", "enable-debug-command yes", "unixsocket " + n.sock}, lines...), "\n") + "\n"
	cfg := config.New(config.Options{Dir: dir})
	if err := cfg.Load([]byte(text), config.Loader{}); err != nil {
		t.Fatal(err)
	}
	var err error
	n.s, err = server.New(cfg, "", logx.New(logx.Options{Stdout: n.log}))
	if err != nil {
		t.Fatal(err)
	}
	n.s.SetDisk(fsys, 2*time.Millisecond)
	go func() { n.done <- n.s.Run() }()
	select {
	case <-n.s.Started():
		return n
	case <-n.done:
		n.done <- nil
		n.end()
		t.Logf("no start:\n%s", n.log.String())
		return nil
	}
}

// end ends the server.
func (n *node) end() {
	n.s.Stop()
	select {
	case <-n.done:
	case <-time.After(20 * time.Second):
		n.t.Fatalf("the server did not end:\n%s", n.log.String())
	}
	if err := n.s.Close(); err != nil {
		n.t.Error(err)
	}
}

// client sends one command at a time.
type client struct {
	conn net.Conn
	r    *bufio.Reader
	stop func() bool // gives up waiting for a reply
}

var errGaveUp = errors.New("no reply comes")

func dial(t *testing.T, sock string, stop func() bool) *client {
	t.Helper()
	conn, err := net.Dial("unix", sock)
	if err != nil {
		t.Fatal(err)
	}
	return &client{conn, bufio.NewReader(conn), stop}
}

// lines sends commands and returns the first lines of so many replies.
func (c *client) lines(replies int, commands ...[]string) ([]string, error) {
	var b []byte
	for _, words := range commands {
		b = resp.AppendCommandStrings(b, words...)
	}
	if _, err := c.conn.Write(b); err != nil {
		return nil, err
	}
	var list []string
	for len(list) < replies {
		if err := c.conn.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
			return nil, err
		}
		if _, err := c.r.Peek(1); err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				return nil, err
			}
			if c.stop() {
				return nil, errGaveUp
			}
			continue
		}
		if err := c.conn.SetReadDeadline(time.Time{}); err != nil {
			return nil, err
		}
		line, err := c.r.ReadString('\n')
		if err != nil {
			return nil, err
		}
		list = append(list, strings.TrimSpace(line))
	}
	return list, nil
}

// one is lines for one command with a reply of one line.
func (c *client) one(words ...string) (string, error) {
	list, err := c.lines(1, words)
	if err != nil {
		return "", err
	}
	return list[0], nil
}

// info returns a field of INFO.
func (c *client) info(field string) (string, error) {
	head, err := c.one("INFO", "persistence")
	if err != nil {
		return "", err
	}
	size, err := strconv.Atoi(head[1:])
	if err != nil {
		return "", fmt.Errorf("INFO replied %q", head)
	}
	b := make([]byte, size+2)
	for n := 0; n < len(b); {
		k, err := c.r.Read(b[n:])
		if err != nil {
			return "", err
		}
		n += k
	}
	_, after, _ := strings.Cut(string(b), "\n"+field+":")
	value, _, _ := strings.Cut(after, "\r")
	return value, nil
}

// tally is how far a workload has come.
type tally struct {
	sent    int // writes that may have happened
	durable int // of these, all that must be there after a crash
	acked   int
	on      bool // acknowledged writes are durable
}

// write does the next n writes.
func (w *tally) write(c *client, n int) error {
	for range n {
		i := strconv.Itoa(w.sent)
		w.sent++
		// MULTI, two QUEUED, and what EXEC replies: *2, :n, +OK or an error.
		list, err := c.lines(4, []string{"MULTI"}, []string{"RPUSH", "log", i}, []string{"SET", "last", i}, []string{"EXEC"})
		if err != nil {
			return err
		}
		if list[3] != "*2" {
			w.sent-- // refused
			continue
		}
		if err := c.rest(); err != nil {
			return err
		}
		w.acked = w.sent
		if w.on {
			w.durable = w.acked
		}
	}
	return nil
}

// rest reads the rest of the replies to EXEC.
func (c *client) rest() error {
	for range 2 {
		if _, err := c.r.ReadString('\n'); err != nil {
			return err
		}
	}
	return nil
}

// rewritten waits until no rewrite is under way.
func (c *client) rewritten() error {
	for {
		busy, err := c.info("aof_rewrite_in_progress")
		if err != nil {
			return err
		}
		waiting, err := c.info("aof_rewrite_scheduled")
		if err != nil {
			return err
		}
		if busy == "0" && waiting == "0" {
			return nil
		}
		if c.stop() {
			return errGaveUp
		}
		time.Sleep(time.Millisecond)
	}
}

// story is a workload: appends, a rewrite amid them, the log turned off and on.
func (w *tally) story(c *client) error {
	steps := []func() error{
		func() error { return w.write(c, 4) },
		func() error { _, err := c.one("BGREWRITEAOF"); return err },
		func() error { return w.write(c, 4) },
		c.rewritten,
		func() error { return w.write(c, 2) },
		func() error { w.on = false; _, err := c.one("CONFIG", "SET", "appendonly", "no"); return err },
		func() error { return w.write(c, 2) },
		func() error { _, err := c.one("CONFIG", "SET", "appendonly", "yes"); return err },
		func() error { return w.write(c, 2) },
		c.rewritten,
		func() error {
			on, err := c.info("aof_enabled")
			if w.on = on == "1"; w.on {
				w.durable = w.acked
			}
			return err
		},
		func() error { return w.write(c, 3) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
		if c.stop() {
			return errGaveUp // what is done without a disk proves nothing
		}
	}
	return nil
}

// verify starts a server on what is left and looks at its data.
func verify(t *testing.T, fsys *vfs.Mem, dir string, w *tally, what string) {
	t.Helper()
	n := boot(t, fsys, dir, "appendonly yes", "appendfsync always")
	if n == nil {
		t.Fatalf("%s: the server does not start again", what)
	}
	defer n.end()
	c := servertest.NewConn(t, mustDial(t, n.sock))
	got := strings.Fields(strings.NewReplacer("\"", "", ")", "").Replace(c.Do("LRANGE", "log", "0", "-1")))
	var numbers []string
	for _, word := range got {
		if _, err := strconv.Atoi(word); err == nil {
			numbers = append(numbers, word)
		}
	}
	for i, word := range numbers {
		if word != strconv.Itoa(i) {
			t.Fatalf("%s: write %d is missing or out of place: %q", what, i, got)
		}
	}
	if k := len(numbers); k < w.durable || k > w.sent {
		t.Fatalf("%s: %d writes are there; %d were acknowledged, %d sent\n%s", what, k, w.durable, w.sent, n.log.String())
	}
	if k := len(numbers); k > 0 {
		c.Want(strconv.Quote(strconv.Itoa(k-1)), "GET", "last")
	}
}

func mustDial(t *testing.T, sock string) net.Conn {
	t.Helper()
	conn, err := net.Dial("unix", sock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// disk returns a file system in memory with the folder of a server.
func disk(t *testing.T) (*vfs.Mem, string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "kv") // short: the path of a socket has 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	m := vfs.NewMem()
	at := "/"
	for _, part := range strings.Split(strings.Trim(filepath.ToSlash(dir), "/"), "/") {
		at = at + part
		if err := m.Mkdir(at); err != nil {
			t.Fatal(err)
		}
		at += "/"
	}
	return m, dir
}

// tell runs the story on a server; it reports whether it came to its end.
func tell(t *testing.T, fsys *errfs.FS, dir, policy string, w *tally) bool {
	t.Helper()
	n := boot(t, fsys, dir, "appendonly yes", "appendfsync "+policy, "aof-use-rdb-preamble "+preamble(dir))
	if n == nil {
		return false
	}
	began := time.Now()
	w.on = policy == "always"
	c := dial(t, n.sock, func() bool {
		if time.Since(began) > 15*time.Second {
			t.Errorf("no reply for long:\n%s", n.log.String())
			return true
		}
		return fsys.Crashed()
	})
	err := w.story(c)
	_ = c.conn.Close()
	if err != nil && !errors.Is(err, errGaveUp) {
		t.Errorf("%v\n%s", err, n.log.String())
	}
	n.end()
	return err == nil
}

// preamble draws the format of bases.
func preamble(dir string) string {
	if len(dir) > 0 && dir[len(dir)-1]%2 == 0 {
		return "yes"
	}
	return "no"
}

// stride is how many operations lie between those that a test looks at: all with
// KVORUM_CRASHES=all.
func stride() int {
	if os.Getenv("KVORUM_CRASHES") == "all" {
		return 1
	}
	return 4
}

// With "always" everything that was acknowledged is there after a crash at any
// operation; with "everysec" a beginning of it; and the server always starts.
func TestCrashAtEveryFileOperation(t *testing.T) {
	for _, policy := range []string{"always", "everysec"} {
		t.Run(policy, func(t *testing.T) {
			for at := 1; ; at += stride() {
				mem, dir := disk(t)
				fsys := errfs.New(mem)
				fsys.CrashAt(at)
				var w tally
				ended := tell(t, fsys, dir, policy, &w)
				if !fsys.Crashed() {
					if !ended {
						t.Fatal("the story does not come to its end")
					}
					t.Logf("%d operations", at-1)
					return
				}
				if policy != "always" {
					w.durable = 0
				}
				seed := uint64(at)
				rng := rand.New(rand.NewPCG(seed, 1))
				verify(t, mem.Crash(nil), dir, &w, fmt.Sprintf("crash at %d, nothing unsynced left", at))
				verify(t, mem.Crash(func(n int) int { return n }), dir, &w, fmt.Sprintf("crash at %d, all left", at))
				verify(t, mem.Crash(func(n int) int { return rng.IntN(n + 1) }), dir, &w, fmt.Sprintf("crash at %d, some left, seed %d", at, seed))
				if t.Failed() {
					return
				}
			}
		})
	}
}

// An error at any operation costs nothing that was acknowledged, and service goes on.
func TestErrorAtEveryFileOperation(t *testing.T) {
	mem, dir := disk(t)
	probe := errfs.New(mem)
	var w tally
	if !tell(t, probe, dir, "always", &w) {
		t.Fatal("the story does not come to its end")
	}
	t.Logf("%d operations", probe.Count())
	for at := 1; at <= probe.Count(); at += stride() {
		t.Run(strconv.Itoa(at), func(t *testing.T) {
			for _, cause := range []error{syscall.ENOSPC, syscall.EIO} {
				mem, dir := disk(t)
				fsys := errfs.New(mem)
				fsys.FailAt(at, cause)
				var w tally
				if !tell(t, fsys, dir, "always", &w) && w.sent > 0 {
					t.Fatalf("%v at %d: the story does not come to its end", cause, at)
				}
				verify(t, mem.Crash(nil), dir, &w, fmt.Sprintf("%v at %d", cause, at))
			}
		})
	}
}
