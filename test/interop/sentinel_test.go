package interop

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"kvorum/test/peer"
)

// sentinelBinary returns the real server, which is a Sentinel when told so.
func sentinelBinary(t *testing.T) string {
	t.Helper()
	name := os.Getenv("REDIS_SERVER")
	if name == "" {
		name = "redis-server"
	}
	bin, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("needs a real server: %v", err)
	}
	return bin
}

// startSentinel starts a real Sentinel for the master at a port and returns its own.
func startSentinel(t *testing.T, bin string, master int) int {
	t.Helper()
	dir, port := t.TempDir(), peer.ReservePort(t)
	file := filepath.Join(dir, "sentinel.conf")
	text := fmt.Sprintf("port %d\nbind 127.0.0.1\ndir %s\nlogfile %s\nsentinel monitor m 127.0.0.1 %d 2\nsentinel down-after-milliseconds m 1000\nsentinel failover-timeout m 10000\n",
		port, dir, filepath.Join(dir, "log"), master)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, file, "--sentinel")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // an error means that it has ended
		_ = cmd.Wait()
	})
	return port
}

// ask is do on a connection of its own: Sentinels close those of clients when they
// change a server's role. "" when the server cannot be asked now.
func (n *server) ask(words ...string) string {
	c, err := n.Dial()
	if err != nil {
		return ""
	}
	defer c.Close()
	v, err := c.Do(words...)
	if err != nil {
		return ""
	}
	return string(v.Str)
}

// awaitAsleep waits until DEBUG SLEEP holds the server: until a PING stays unanswered.
func (n *server) awaitAsleep(t *testing.T) {
	t.Helper()
	until(t, "that the server sleeps", func() bool {
		c, err := net.Dial("unix", n.Sock())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.SetDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte("PING\r\n")); err != nil {
			t.Fatal(err)
		}
		_, err = c.Read(make([]byte, 1))
		return errors.Is(err, os.ErrDeadlineExceeded)
	})
}

// until waits until ok.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(syncTimeout); !ok(); time.Sleep(lookEvery) {
		if time.Now().After(end) {
			t.Fatal(what + " does not happen")
		}
	}
}

// TestRealSentinels: three real Sentinels find our master's replicas and each other,
// replace the master when it is killed, and make it a replica when it comes back. A
// client that asks them finds the new master.
func TestRealSentinels(t *testing.T) {
	t.Parallel() // mostly waiting for Sentinels
	bin := sentinelBinary(t)
	m := startNode(t, peer.StartKvorum)
	replicas := []*server{startNode(t, peer.StartKvorum), startNode(t, peer.StartKvorum)}
	for _, r := range replicas {
		r.follow(t, m.port)
	}
	var addrs []string
	for range 3 {
		addrs = append(addrs, "127.0.0.1:"+strconv.Itoa(startSentinel(t, bin, m.port)))
	}
	ctx := t.Context()
	sentinel := redis.NewSentinelClient(&redis.Options{Addr: addrs[0]})
	t.Cleanup(func() { _ = sentinel.Close() })
	until(t, "that the Sentinels know all", func() bool {
		state, err := sentinel.Master(ctx, "m").Result()
		return err == nil && state["num-slaves"] == "2" && state["num-other-sentinels"] == "2" && state["flags"] == "master"
	})
	m.do(t, "SET", "k", "v")
	for _, r := range replicas {
		until(t, "that a replica has the key", func() bool { return r.do(t, "GET", "k") == "v" })
	}
	if err := m.Kill(); err != nil {
		t.Fatal(err)
	}
	client := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "m", SentinelAddrs: addrs})
	t.Cleanup(func() { _ = client.Close() })
	until(t, "that a client writes to the new master", func() bool { return client.Set(ctx, "k", "w", 0).Err() == nil })
	promoted, other := replicas[0], replicas[1]
	if strings.Contains(other.ask("INFO", "replication"), "role:master") {
		promoted, other = other, promoted
	}
	until(t, "that the other one follows", func() bool { return other.ask("GET", "k") == "w" })
	if stats := promoted.ask("INFO", "stats"); !strings.Contains(stats, "sync_full:0\r\n") {
		t.Errorf("the other replica needed everything anew\n%s", stats)
	}
	if err := m.Restart(); err != nil {
		t.Fatal(err)
	}
	until(t, "that the old master follows", func() bool {
		return strings.Contains(m.ask("INFO", "replication"), "role:slave") && m.ask("GET", "k") == "w"
	})
}
