package server_test

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"kvorum/server/servertest"
)

// What could break: a file that has something of what came after BGSAVE, or lacks what
// was there before.

// fillTypes stores small keys, and large values of every type.
func fillTypes(t *testing.T, c *servertest.Conn) {
	t.Helper()
	c.Want("+OK", "DEBUG", "POPULATE", "5000", "key", "100")
	for _, line := range []struct{ head, words string }{
		{"HSET h", "f%d value-%d"}, {"SADD s", "m%d"}, {"ZADD z", "%d m%d"}, {"RPUSH l", "a-longer-element-%d"},
	} {
		args := strings.Fields(line.head)
		for i := range 3000 {
			args = append(args, strings.Fields(strings.ReplaceAll(line.words, "%d", fmt.Sprint(i)))...)
		}
		c.Do(args...)
	}
	for i := range 3000 {
		c.Do("HSET", "th", fmt.Sprint(i), "value")
		if i%3 > 0 {
			c.Do("HPEXPIREAT", "th", fmt.Sprint(33177117420000+i*7919%1000), "FIELDS", "1", fmt.Sprint(i))
		}
		c.Do("XADD", "x", fmt.Sprintf("%d-1", i+1), "field", "value")
	}
	c.Want("+OK", "XGROUP", "CREATE", "x", "g", "0")
	c.Do("XREADGROUP", "GROUP", "g", "me", "COUNT", "100", "STREAMS", "x", ">")
}

// overwrite changes all of that at random until stop is set.
func overwrite(t *testing.T, dir string, seed int, stop *atomic.Bool) {
	c := dial(t, dir)
	for i := seed; !stop.Load(); i += 7 {
		n := i * 7919 % 5000
		switch i % 10 {
		case 0:
			c.Do("HSET", "h", fmt.Sprintf("f%d", n%3000), "new", fmt.Sprintf("new%d", n), "new")
		case 1:
			c.Do("SPOP", "s")
		case 2:
			c.Do("ZADD", "z", fmt.Sprint(n), fmt.Sprintf("m%d", n))
		case 3:
			c.Do("LPOP", "l", "2")
			c.Do("RPUSH", "l", "new")
		case 4:
			c.Do("XADD", "x", "MAXLEN", "2000", "*", "new", "value")
			c.Do("XREADGROUP", "GROUP", "g", "me", "COUNT", "3", "STREAMS", "x", ">")
		case 5:
			c.Do("DEL", fmt.Sprintf("key:%d", n))
		case 6:
			c.Do("EXPIRE", fmt.Sprintf("key:%d", n), "100")
		case 7:
			c.Do("HPEXPIRE", "th", "1000000", "FIELDS", "2", fmt.Sprint(n%3000), fmt.Sprint(n%3001))
			c.Do("HPERSIST", "th", "FIELDS", "1", fmt.Sprint(n%2999))
		case 8:
			c.Do("HSET", "th", fmt.Sprint(n%3000), "new")
			c.Do("HDEL", "th", fmt.Sprint(n%2998))
		default:
			c.Do("SET", fmt.Sprintf("key:%d", n), "new")
		}
	}
}

func TestBackgroundSaveIsThePresent(t *testing.T) {
	dir := shortDir(t)
	p := launch(t, dir, "--save", "", "--enable-debug-command", "yes", "--io-threads", "2")
	c := dial(t, dir)
	fillTypes(t, c)
	for round := range 3 {
		want := c.Str("DEBUG", "DIGEST")
		c.Want("+Background saving started", "BGSAVE")
		var stop atomic.Bool
		var writers sync.WaitGroup
		for i := range 3 {
			writers.Go(func() { overwrite(t, dir, 1000*round+i, &stop) })
		}
		awaitField(t, c, "rdb_bgsave_in_progress", "0")
		stop.Store(true)
		writers.Wait()
		c.Want("+OK", "DEBUG", "RELOAD", "NOSAVE")
		if got := c.Str("DEBUG", "DIGEST"); got != want {
			t.Fatalf("round %d: the file has %s, at BGSAVE it was %s", round, got, want)
		}
	}
	p.signal(t, syscall.SIGTERM)
	p.exit(t)
}

// A save in the background that is cancelled, by CANCEL or by the end, leaves nothing.
func TestBackgroundSaveCancelled(t *testing.T) {
	dir := shortDir(t)
	p := launch(t, dir, "--save", "", "--rdb-key-save-delay", "10000", "--enable-debug-command", "yes")
	c := dial(t, dir)
	c.Want("+OK", "DEBUG", "POPULATE", "1000")
	c.Want("+Background saving started", "BGSAVE")
	c.Want("-ERR Background save already in progress", "BGSAVE")
	if got := infoField(c, "current_save_keys_total"); got != "1000" {
		t.Errorf("%s keys to save", got)
	}
	c.Do("SET", "key:1", "kept before it changes")
	c.Want("+Background saving cancelled", "BGSAVE", "CANCEL")
	awaitField(t, c, "rdb_bgsave_in_progress", "0")
	c.Want("+OK", "MULTI")
	c.Want("+QUEUED", "BGSAVE")
	c.Want("+QUEUED", "SET", "after", "BGSAVE")
	c.Want("*2\n  +Background saving started\n  +OK", "EXEC")
	if got := infoField(c, "rdb_bgsave_in_progress"); got != "1" {
		t.Errorf("BGSAVE in a transaction: in progress %s", got)
	}
	p.signal(t, syscall.SIGTERM)
	p.exit(t)
	if left, err := os.ReadDir(dir); err != nil || strings.Contains(fmt.Sprint(left), ".rdb") {
		t.Errorf("left are %v, %v", left, err)
	}
}
