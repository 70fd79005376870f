package datadriven

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// startRedis runs a real server on a unix socket, so that no port is needed.
func startRedis(t *testing.T) string {
	t.Helper()
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("needs redis-server in PATH")
	}
	dir, err := os.MkdirTemp("", "dd") // short: socket paths are limited to 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	sock := filepath.Join(dir, "s")
	var out bytes.Buffer
	cmd := exec.Command(bin, "--port", "0", "--unixsocket", sock, "--save", "", "--dir", dir)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err == nil {
			t.Error("a killed server ended well")
		}
	})
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(pollEvery) {
		c, err := net.Dial("unix", sock)
		if err == nil {
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			return sock
		}
		if time.Now().After(deadline) {
			t.Fatalf("redis-server does not start: %v\n%s", err, out.String())
		}
	}
}

func TestRealServerWritesAndPassesScripts(t *testing.T) {
	sock := startRedis(t)
	path := filepath.Join(t.TempDir(), "x.txt")
	text := `# a script

run
SET a "\x00 "
GET a
DBSIZE
CONFIG SET hash-max-listpack-entries 7
NOPE

run resp3
CONFIG GET hash-max-listpack-entries
GET none

run conn=b replies=0
BLPOP l 0

run
RPUSH l x

read conn=b

run match
PEXPIRE a 30
PTTL a
----
:1
/:[0-9]+/

run until
EXISTS a
----
:0

run sort
MSET k1 1 k2 2 k3 3
KEYS *

run skip-reply
TIME
`
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	runOracle(t, path, sock, true)
	if t.Failed() {
		return
	}
	runOracle(t, path, sock, false)
	RunServer(t, path, sock)
	out, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"# written by redis ", "\n$2\n\\x00\\x20\n:1\n+OK\n-ERR unknown command 'NOPE'", "\n%1\n", "\n$1\n7\n_\n", "read conn=b\n----\n*2\n$1\nl\n$1\nx\n", "\n/:[0-9]+/\n", "\n*3\n$2\nk1\n$2\nk2\n$2\nk3\n"} {
		if !strings.Contains(string(out), part) {
			t.Errorf("%q is not in\n%s", part, out)
		}
	}
	s, err := dialServer(sock)
	if err != nil {
		t.Fatal(err)
	}
	if v := s.config["hash-max-listpack-entries"]; v == "7" {
		t.Error("the configuration was not restored")
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
}

// fakeServer answers each connection with fixed bytes, one piece per write.
func fakeServer(t *testing.T, pieces ...string) *link {
	t.Helper()
	a, b := net.Pipe()
	go func() {
		for _, p := range pieces {
			if _, err := b.Write([]byte(p)); err != nil {
				return
			}
		}
		b.Close()
	}()
	t.Cleanup(func() { a.Close() })
	return &link{c: a}
}

func TestTakeWaitsForWholeReplies(t *testing.T) {
	l := fakeServer(t, "*2\r\n:1", "\r\n$3\r\na", "bc\r\n+late", "\r\n")
	raw, err := l.take(1)
	if err != nil || string(raw) != "*2\r\n:1\r\n$3\r\nabc\r\n" {
		t.Fatalf("have %q, %v", raw, err)
	}
	if raw, err = l.take(0); err != nil || len(raw) != 0 {
		t.Fatalf("have %q, %v", raw, err)
	}
	if raw, err = l.take(1); err != nil || string(raw) != "+late\r\n" {
		t.Fatalf("have %q, %v", raw, err)
	}
	if _, err = l.take(1); err == nil {
		t.Fatal("no error at the end of the stream")
	}
}

func TestTakeFailsOnGarbage(t *testing.T) {
	l := fakeServer(t, "HTTP/1.1 400\r\n")
	if _, err := l.take(1); err == nil || errors.Is(err, errIncomplete) {
		t.Fatalf("have %v", err)
	}
}

func TestIdentifyTellsServersApart(t *testing.T) {
	for info, want := range map[string]string{
		"# Server\r\nredis_version:7.0.15\r\n":                                         "redis 7.0.15",
		"redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.0.1\r\n":        "valkey 8.0.1",
		"redis_version:7.2.4\r\nserver_name:kvorum\r\nkvorum_version:0.1\r\nx:y\r\n":   "kvorum 0.1",
		"redis_mode:standalone\r\nredis_version:6.0.0\r\nos:Linux redis_version:9\r\n": "redis 6.0.0",
	} {
		s := &server{}
		s.identify(info)
		if s.version() != want {
			t.Errorf("have %s, want %s", s.version(), want)
		}
	}
}
