package server_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"kvorum/server/servertest"
	"kvorum/vfs"
	"kvorum/vfs/errfs"
)

// slowDisk is the machine's file system with a disk that can be stopped or filled.
type slowDisk struct {
	*errfs.FS
	stopped atomic.Pointer[chan struct{}] // closed when the disk goes on
	waiting atomic.Int32                  // operations that wait for that
	fails   atomic.Bool                   // operations on the log fail
}

func newSlowDisk() *slowDisk {
	d := &slowDisk{FS: errfs.New(vfs.OS{})}
	d.Fail(func(op errfs.Op) error {
		if !strings.Contains(op.Path, ".incr.") {
			return nil
		}
		if d.fails.Load() {
			return syscall.ENOSPC
		}
		if ch := d.stopped.Load(); ch != nil {
			d.waiting.Add(1)
			<-*ch
			d.waiting.Add(-1)
		}
		return nil
	})
	return d
}

func (d *slowDisk) stop() {
	ch := make(chan struct{})
	d.stopped.Store(&ch)
}

func (d *slowDisk) goOn() {
	if ch := d.stopped.Swap(nil); ch != nil {
		close(*ch)
	}
}

// wantNothing checks that no reply comes for a moment.
func wantNothing(t *testing.T, c *servertest.Conn) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(30 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	var b [1]byte
	if n, err := c.Conn.Read(b[:]); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("a reply came early: %q, %v", b[:n], err)
	}
}

// With "always" a reply waits for the disk, those of others do not, and the order of a
// connection's replies stays.
func TestRepliesWaitForTheSync(t *testing.T) {
	d := newSlowDisk()
	s := servertest.StartOn(t, d, "appendonly yes", "appendfsync always", "io-threads 2")
	defer d.goOn()
	a, b, blocked, other := s.Dial(), s.Dial(), s.Dial(), s.Dial()
	a.Want("+OK", "SET", "k", "0")
	blocked.Send("BLPOP", "list", "0")
	awaitInfo(t, other, "blocked_clients", "1")
	d.stop()
	a.Send("SET", "k", "1")
	a.Send("GET", "k")
	a.Send("CLIENT", "LIST")
	a.Send("BLPOP", "never", "0.01")
	await(t, func() bool { return other.Do("GET", "k") == `"1"` })
	b.Send("RPUSH", "list", "x", "y")
	await(t, func() bool { return other.Do("LLEN", "list") == ":1" })
	for _, c := range []*servertest.Conn{a, b, blocked} {
		wantNothing(t, c)
	}
	d.goOn()
	for i, want := range []string{"+OK", `"1"`} {
		if v := a.Read(); v.Text() != want {
			t.Errorf("reply %d: %s, want %s", i, v.Text(), want)
		}
	}
	if v := a.Read(); !strings.Contains(string(v.Str), "cmd=client|list") {
		t.Errorf("third reply: %s", v.Text())
	}
	if v := a.Read(); !v.Null {
		t.Errorf("fourth reply: %s", v.Text())
	}
	if v := b.Read(); v.Text() != ":2" {
		t.Errorf("pusher: %s", v.Text())
	}
	if v := blocked.Read(); v.Text() != "*2\n  \"list\"\n  \"x\"" {
		t.Errorf("blocked: %s", v.Text())
	}
	a.Want("+OK", "SET", "k", "2")
	d.stop()
	a.Send("SET", "k", "3")
	a.Send("QUIT")
	await(t, func() bool { return d.waiting.Load() > 0 })
	wantNothing(t, a)
	other.Want("+OK", "CONFIG", "SET", "appendfsync", "everysec") // nobody waits any more
	for range 2 {
		if v := a.Read(); v.Text() != "+OK" {
			t.Errorf("held: %s", v.Text())
		}
	}
	a.WantClosed()
}

// With "everysec" a disk that takes nothing stops nobody, until too much waits for it.
func TestStalledDiskStopsNobody(t *testing.T) {
	d := newSlowDisk()
	s := servertest.StartOn(t, d, "appendonly yes", "io-threads 2")
	defer d.goOn()
	c := s.Dial()
	c.Want("+OK", "SET", "k", "before")
	await(t, func() bool { return c.Info("aof_buffer_length") == "0" })
	d.stop()
	value := strings.Repeat("v", 1000)
	for i := range 500 {
		c.Want("+OK", "SET", "k"+strconv.Itoa(i), value)
	}
	if lag, _ := strconv.Atoi(c.Info("aof_buffer_length")); lag < 400_000 {
		t.Errorf("%d bytes wait for the disk", lag)
	}
	d.goOn()
	await(t, func() bool { return c.Info("aof_buffer_length") == "0" })
	digest := c.Do("DEBUG", "DIGEST")
	c.Want("+OK", "DEBUG", "LOADAOF")
	c.Want(digest, "DEBUG", "DIGEST")
}

// A sync that takes long shows in INFO, and beyond the limit writes are refused.
func TestStalledSyncShowsAndIsBounded(t *testing.T) {
	d := newSlowDisk()
	s := servertest.StartLimited(t, d, 100_000, "appendonly yes")
	defer d.goOn()
	c := s.Dial()
	d.stop()
	value := strings.Repeat("v", 1000)
	refused := ""
	await(t, func() bool {
		refused = c.Do("SET", "k", value)
		return refused != "+OK"
	})
	if refused != "-MISCONF Errors writing to the AOF file: the disk is too slow" {
		t.Errorf("refused with %s", refused)
	}
	c.Want(strconv.Quote(value), "GET", "k")
	if c.Info("aof_last_write_status") != "err" {
		t.Error("INFO tells nothing")
	}
	d.goOn()
	await(t, func() bool { return c.Do("SET", "k", "v") == "+OK" })
}

// While the disk is full writes are refused, reads are not, and service resumes with
// all that was taken.
func TestFullDiskRefusesWrites(t *testing.T) {
	for _, policy := range []string{"always", "everysec", "no"} {
		t.Run(policy, func(t *testing.T) {
			d := newSlowDisk()
			s := servertest.StartOn(t, d, "appendonly yes", "appendfsync "+policy)
			c, other := s.Dial(), s.Dial()
			c.Want(":1", "RPUSH", "l", "0")
			await(t, func() bool { return c.Info("aof_buffer_length") == "0" })
			d.fails.Store(true)
			c.Send("RPUSH", "l", "1")
			want := "-MISCONF Errors writing to the AOF file: No space left on device"
			await(t, func() bool { return other.Do("PING") == want })
			other.Want(want, "SET", "a", "b")
			other.Want(":2", "LLEN", "l")
			if other.Info("aof_last_write_status") != "err" {
				t.Error("INFO tells nothing")
			}
			d.fails.Store(false)
			await(t, func() bool { return other.Do("PING") == "+PONG" })
			if v := c.Read(); v.Text() != ":2" {
				t.Errorf("the write that met the error: %s", v.Text())
			}
			if !strings.Contains(s.Log.String(), "AOF write error looks solved, Redis can write again.") {
				t.Error("the log tells nothing")
			}
			digest := c.Do("DEBUG", "DIGEST")
			c.Want("+OK", "DEBUG", "LOADAOF")
			c.Want(digest, "DEBUG", "DIGEST")
		})
	}
}

// manifest returns the manifest of a server.
func manifest(t *testing.T, s *servertest.Instance) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(filepath.Dir(s.File), "appendonlydir", "appendonly.aof.manifest"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func awaitRewrite(t *testing.T, c *servertest.Conn) {
	t.Helper()
	await(t, func() bool {
		return c.Info("aof_rewrite_in_progress") == "0" && c.Info("aof_rewrite_scheduled") == "0"
	})
}

// A rewrite that fails leaves the log whole, is counted, and after three failures the
// automatic one waits.
func TestFailedRewrites(t *testing.T) {
	d := newSlowDisk()
	s := servertest.StartOn(t, d, "appendonly yes", "auto-aof-rewrite-percentage 0", "aof-use-rdb-preamble no")
	c := s.Dial()
	c.Want("+OK", "SET", "k", "v")
	d.Fail(func(op errfs.Op) error {
		if op.Name == "write" && strings.Contains(op.Path, "temp-rewriteaof") {
			return syscall.EIO
		}
		return nil
	})
	for i := range 3 {
		c.Want("+Background append only file rewriting started", "BGREWRITEAOF")
		awaitRewrite(t, c)
		if have := c.Info("aof_rewrites_consecutive_failures"); have != strconv.Itoa(i+1) {
			t.Fatalf("%s failures after %d", have, i+1)
		}
	}
	if c.Info("aof_last_bgrewrite_status") != "err" {
		t.Error("INFO tells nothing")
	}
	want := "file appendonly.aof.1.base.aof seq 1 type b\n"
	for i := range 4 {
		want += fmt.Sprintf("file appendonly.aof.%[1]d.incr.aof seq %[1]d type i\n", i+1)
	}
	if have := manifest(t, s); have != want {
		t.Errorf("manifest:\n%s", have)
	}
	c.Want("+OK", "CONFIG", "SET", "auto-aof-rewrite-percentage", "1", "auto-aof-rewrite-min-size", "1")
	c.Want("+OK", "SET", "k", "w")
	await(t, func() bool { return strings.Contains(s.Log.String(), "triggered the limit, will retry in 1 minutes") })
	d.Fail(nil)
	c.Want("+Background append only file rewriting started", "BGREWRITEAOF")
	awaitRewrite(t, c)
	if have := manifest(t, s); have != "file appendonly.aof.2.base.aof seq 2 type b\nfile appendonly.aof.5.incr.aof seq 5 type i\n" {
		t.Errorf("manifest:\n%s", have)
	}
	if c.Info("aof_last_bgrewrite_status") != "ok" || c.Info("aof_rewrites_consecutive_failures") != "0" {
		t.Error("INFO does not forget")
	}
}

// The log is rewritten when it has grown, and keeps its old files if told to.
func TestAutomaticRewrite(t *testing.T) {
	s := servertest.Start(t, "appendonly yes", "auto-aof-rewrite-min-size 20000", "aof-disable-auto-gc yes", "aof-use-rdb-preamble yes")
	c := s.Dial()
	for i := range 300 {
		c.Want("+OK", "SET", "k", strings.Repeat(strconv.Itoa(i%10), 100))
	}
	await(t, func() bool { return c.Info("aof_rewrites") != "0" })
	awaitRewrite(t, c)
	if m := manifest(t, s); !strings.Contains(m, "file appendonly.aof.1.base.rdb seq 1 type h\n") || !strings.Contains(m, "incr.aof seq 1 type h\n") {
		t.Errorf("manifest:\n%s", m)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(s.File), "appendonlydir", "appendonly.aof.1.incr.aof")); err != nil {
		t.Error(err)
	}
	digest := c.Do("DEBUG", "DIGEST")
	c.Want("+OK", "DEBUG", "LOADAOF")
	c.Want(digest, "DEBUG", "DIGEST")
}

// A log that cannot be made is refused; one that fails later is tried again.
func TestLogThatCannotBeTurnedOn(t *testing.T) {
	d := newSlowDisk()
	s := servertest.StartOn(t, d)
	c := s.Dial()
	c.Want("+OK", "SET", "k", "v")
	d.Fail(func(op errfs.Op) error {
		if op.Name == "mkdir" {
			return syscall.EROFS
		}
		return nil
	})
	c.Want("-ERR CONFIG SET failed (possibly related to argument 'appendonly') - Unable to turn on AOF. Check server logs.", "CONFIG", "SET", "appendonly", "yes")
	c.Want("*2\n  \"appendonly\"\n  \"no\"", "CONFIG", "GET", "appendonly")
	var failed atomic.Bool
	d.Fail(func(op errfs.Op) error {
		if strings.HasSuffix(op.Path, ".incr") && !failed.Swap(true) {
			return syscall.ENOSPC
		}
		return nil
	})
	c.Want("+OK", "CONFIG", "SET", "appendonly", "yes")
	awaitRewrite(t, c)
	c.Want("+OK", "SET", "k", "w")
	c.Want("+OK", "DEBUG", "LOADAOF")
	c.Want(`"w"`, "GET", "k")
	if !failed.Load() {
		t.Error("nothing has failed")
	}
}

// Turned off and on again, several times in a row, the log has what the server has.
func TestLogTurnedOffAndOn(t *testing.T) {
	s := servertest.Start(t)
	c := s.Dial()
	for i := range 5 {
		c.Want("+OK", "CONFIG", "SET", "appendonly", "yes")
		c.Want(":"+strconv.Itoa(2*i+1), "RPUSH", "l", "on")
		awaitRewrite(t, c)
		if c.Info("aof_enabled") != "1" {
			t.Fatal("the log is not on")
		}
		digest := c.Do("DEBUG", "DIGEST")
		c.Want("+OK", "DEBUG", "LOADAOF")
		c.Want(digest, "DEBUG", "DIGEST")
		c.Want("+OK", "CONFIG", "SET", "appendonly", "no")
		c.Want("+OK", "CONFIG", "SET", "appendonly", "yes")
		c.Want("+OK", "CONFIG", "SET", "appendonly", "no")
		c.Want(":"+strconv.Itoa(2*i+2), "RPUSH", "l", "off")
		await(t, func() bool { return c.Info("aof_enabled") == "0" && c.Info("aof_rewrite_in_progress") == "0" })
	}
}

// A rewrite whose file cannot even be made gives its snapshot up: others find a place.
func TestRewriteWithoutFile(t *testing.T) {
	d := newSlowDisk()
	s := servertest.StartOn(t, d, "appendonly yes", "auto-aof-rewrite-percentage 0", "aof-use-rdb-preamble yes")
	c := s.Dial()
	c.Want("+OK", "SET", "k", "v")
	d.Fail(func(op errfs.Op) error {
		if op.Name == "create" && strings.Contains(op.Path, "temp-rewriteaof") {
			return syscall.ENOSPC
		}
		return nil
	})
	c.Want("+OK", "DEBUG", "POPULATE", "20000", "key", "1000")
	for range 3 {
		c.Want("+Background append only file rewriting started", "BGREWRITEAOF")
		awaitRewrite(t, c)
	}
	d.Fail(nil)
	c.Want("+Background saving started", "BGSAVE")
	awaitField(t, c, "rdb_bgsave_in_progress", "0")
	c.Want("+Background append only file rewriting started", "BGREWRITEAOF")
	awaitRewrite(t, c)
	if c.Info("aof_last_bgrewrite_status") != "ok" || c.Info("rdb_last_bgsave_status") != "ok" {
		t.Error("it is not as if nothing had happened")
	}
}

// Two rewrites while the writer stands still: what happened between them is in the file
// that was made for it, not in one that the first rewrite has removed.
func TestTwoRewritesBeforeTheWriter(t *testing.T) {
	d := newSlowDisk()
	s := servertest.StartOn(t, d, "appendonly yes", "appendfsync no", "auto-aof-rewrite-percentage 0")
	c := s.Dial()
	goOn, waiting := make(chan struct{}), make(chan struct{}, 1)
	var full atomic.Bool
	d.Fail(func(op errfs.Op) error {
		switch {
		case op.Name != "write":
		case strings.Contains(op.Path, ".1.incr."):
			waiting <- struct{}{}
			<-goOn
		case full.Load() && strings.Contains(op.Path, "temp-rewriteaof"):
			return syscall.ENOSPC
		}
		return nil
	})
	c.Want("+OK", "SET", "a", "1")
	<-waiting
	for i, key := range []string{"b", "c"} {
		full.Store(i > 0)
		c.Want("+Background append only file rewriting started", "BGREWRITEAOF")
		awaitRewrite(t, c)
		c.Want("+OK", "SET", key, "1")
	}
	d.Fail(nil)
	close(goOn)
	digest := c.Do("DEBUG", "DIGEST")
	c.Want("+OK", "DEBUG", "LOADAOF")
	c.Want(digest, "DEBUG", "DIGEST")
	if have := manifest(t, s); !strings.HasSuffix(have, ".2.incr.aof seq 2 type i\nfile appendonly.aof.3.incr.aof seq 3 type i\n") {
		t.Errorf("manifest:\n%s", have)
	}
}

// What CONFIG SET says while a replica takes over other data counts.
func TestLogTurnedOffDuringRestart(t *testing.T) {
	s := servertest.Start(t, "appendonly yes")
	c := s.Dial()
	s.Server.RestartLog(func() { c.Want("+OK", "CONFIG", "SET", "appendonly", "no") })
	if c.Info("aof_enabled") != "0" {
		t.Error("the log is on")
	}
	c.Want("+OK", "CONFIG", "SET", "appendonly", "yes")
	awaitRewrite(t, c)
	s.Server.RestartLog(func() {
		c.Want("+OK", "CONFIG", "SET", "appendonly", "no")
		c.Want("+OK", "CONFIG", "SET", "appendonly", "yes")
	})
	awaitRewrite(t, c)
	if c.Info("aof_enabled") != "1" {
		t.Error("the log is off")
	}
	digest := c.Do("DEBUG", "DIGEST")
	c.Want("+OK", "DEBUG", "LOADAOF")
	c.Want(digest, "DEBUG", "DIGEST")
}

// A change for which there is no room is as if it had not been asked for.
func TestTooManyChangesOfTheLog(t *testing.T) {
	s := servertest.Start(t)
	c := s.Dial()
	release := s.Server.HoldLog()
	const refused = "-ERR CONFIG SET failed (possibly related to argument 'appendonly') - too many changes of the append-only log are waiting"
	last, reply := "no", ""
	for i := 0; reply != refused && i < 1000; i++ {
		next := []string{"yes", "no"}[i%2]
		if reply = c.Do("CONFIG", "SET", "appendonly", next); reply == "+OK" {
			last = next
		}
	}
	c.Want(refused, "CONFIG", "SET", "appendonly", map[string]string{"yes": "no", "no": "yes"}[last])
	release()
	if last == "yes" {
		await(t, func() bool { return c.Do("CONFIG", "SET", "appendonly", "no") == "+OK" })
	}
	await(t, func() bool { return c.Info("aof_enabled") == "0" && c.Info("aof_rewrite_in_progress") == "0" })
	c.Want("+Background saving started", "BGSAVE")
}
