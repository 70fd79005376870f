package crash

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"kvorum/server/servertest"
)

// fill makes keys of every type and encoding, by commands whose effects in the log are
// not what was sent, too. Those that each writes are kept apart by name.
func fill(c *servertest.Conn, name string) {
	for i := range 200 {
		n := strconv.Itoa(i)
		c.Do("SET", name+"s"+n, strings.Repeat("v", i), "PX", "10000000")
		c.Do("RPUSH", name+"list", n, "text"+n, strings.Repeat("x", i))
		c.Do("SADD", name+"set", "m"+n)
		c.Do("SADD", name+"ints", n)
		c.Do("HSET", name+"hash", "f"+n, n)
		c.Do("ZADD", name+"zset", fmt.Sprintf("%d.25", i), "m"+n)
		c.Do("XADD", name+"stream", fmt.Sprintf("%d-1", i+1), "f", n)
		c.Do("INCRBYFLOAT", name+"float", "0.1")
	}
	c.Do("RPUSH", name+"short", "1", "a", "")
	c.Do("HSET", name+"pair", "f", "v")
	c.Do("ZADD", name+"few", "-inf", "a", "1e100", "b")
	c.Do("XGROUP", "CREATE", name+"stream", "g", "0")
	c.Do("XREADGROUP", "GROUP", "g", "c", "COUNT", "5", "STREAMS", name+"stream", ">")
	c.Do("XDEL", name+"stream", "3-1")
	c.Do("SPOP", name+"set", "20")
	c.Do("LMPOP", "1", name+"list", "LEFT", "COUNT", "3")
	c.Do("SELECT", "3")
	c.Do("MULTI")
	c.Do("SET", name+"other", "database")
	c.Do("EXPIRE", name+"other", "1000")
	c.Do("EXEC")
	c.Do("SELECT", "0")
	c.Do("GETEX", name+"s7", "PERSIST")
	c.Do("EXPIRE", name+"s8", "-1")
	c.Do("COPY", name+"hash", name+"hash2")
}

// The logs of either server are the other's: one goes on where the other has ended, with
// equal data, whatever the form of the base.
func TestLogsGoFromServerToServer(t *testing.T) {
	real := os.Getenv("REDIS_SERVER")
	if real == "" {
		var err error
		if real, err = exec.LookPath("redis-server"); err != nil {
			t.Skip("needs redis-server to hand the log to (Debian package redis-server)")
		}
	}
	bin := binary(t, t.TempDir())
	for _, preamble := range []string{"yes", "no"} {
		t.Run("preamble "+preamble, func(t *testing.T) {
			dir, err := os.MkdirTemp("", "kv") // short: the path of a socket has 107 bytes
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.RemoveAll(dir) })
			digest := ""
			for round := range 6 {
				args := []string{bin, "server"}
				if round%2 == 1 {
					args = []string{real}
				}
				p := launch(t, dir, append(args, "--aof-use-rdb-preamble", preamble, "--enable-debug-command", "yes")...)
				c := servertest.NewConn(t, mustDial(t, filepath.Join(dir, "s")))
				if have := c.Do("DEBUG", "DIGEST"); round > 0 && have != digest {
					t.Fatalf("round %d: %s does not find what was left: %s, want %s\n%s", round, args[0], have, digest, p.out.String())
				}
				fill(c, fmt.Sprintf("round%d:", round))
				if round >= 2 {
					c.Do("BGREWRITEAOF")
					for c.Info("aof_rewrite_in_progress") != "0" {
						time.Sleep(time.Millisecond)
					}
					c.Do("SET", "after", "rewrite")
				}
				digest = c.Do("DEBUG", "DIGEST")
				c.Send("SHUTDOWN")
				if err := p.cmd.Wait(); err != nil {
					t.Fatalf("%v\n%s", err, p.out.String())
				}
			}
		})
	}
}
