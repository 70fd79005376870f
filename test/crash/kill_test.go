package crash

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kvorum/resp"
	"kvorum/server/servertest"
)

// binary builds the server, or takes the one that KVORUM_SERVER names.
func binary(t *testing.T, dir string) string {
	if bin := os.Getenv("KVORUM_SERVER"); bin != "" {
		return bin
	}
	bin := filepath.Join(dir, "kvorum")
	out, err := exec.Command("go", "build", "-o", bin, "kvorum/cmd/kvorum").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

// process is a server with data in a folder.
type process struct {
	cmd *exec.Cmd
	out bytes.Buffer
}

// launch starts a server with a log: args are the program and further directives.
func launch(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	args = append(args, "--port", "0", "--unixsocket", filepath.Join(dir, "s"), "--dir", dir, "--save", "", "--appendonly", "yes")
	p := &process{cmd: exec.Command(args[0], args[1:]...)}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.kill() })
	for until := time.Now().Add(20 * time.Second); ; {
		if conn, err := net.Dial("unix", filepath.Join(dir, "s")); err == nil {
			line := ""
			if _, err = conn.Write([]byte("EXISTS x\r\n")); err == nil {
				line, _ = bufio.NewReader(conn).ReadString('\n')
			}
			_ = conn.Close()
			if line == ":0\r\n" {
				return p
			}
		}
		if time.Now().After(until) {
			p.kill()
			t.Fatalf("the server does not start:\n%s", p.out.String())
		}
		time.Sleep(2 * time.Millisecond) // between two questions whether it answers
	}
}

// kill ends the process as nothing else does, and waits for its end.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	_ = p.cmd.Wait()         // the same
}

// crashWritesMax is the most writes that are acknowledged before a crash is set off.
const crashWritesMax = 4000

// writer is a client that appends numbers to a list of its own, several at a time.
type writer struct {
	key         string
	sent, acked int
	crash       func() // called with each write that is acknowledged
}

// load writes until the server is gone.
func (w *writer) load(sock string, pipeline int) {
	conn, err := net.Dial("unix", sock)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	r := bufio.NewReader(conn)
	for {
		var b []byte
		for range pipeline {
			b = resp.AppendCommandStrings(b, "RPUSH", w.key, strconv.Itoa(w.sent))
			w.sent++
		}
		if _, err := conn.Write(b); err != nil {
			return
		}
		for range pipeline {
			line, err := r.ReadString('\n')
			if err != nil || line[0] != ':' {
				return
			}
			w.acked++
			w.crash()
		}
	}
}

// With "always" nothing that was acknowledged is missing after the process was killed,
// whatever it was doing.
func TestKilledServerKeepsWhatItAcknowledged(t *testing.T) {
	rounds, _ := strconv.Atoi(os.Getenv("KVORUM_KILLS"))
	if rounds == 0 {
		rounds = 4
	}
	dir, err := os.MkdirTemp("", "kv") // short: the path of a socket has 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	bin := binary(t, dir)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	total := 0
	always := []string{bin, "server", "--appendfsync", "always", "--auto-aof-rewrite-min-size", "16kb", "--auto-aof-rewrite-percentage", "50"}
	for round := range rounds {
		p := launch(t, dir, always...)
		var writers []*writer
		var wait sync.WaitGroup
		// The crash comes after any number of writes, with others on their way.
		now, left := make(chan struct{}), &atomic.Int64{}
		left.Store(1 + rng.Int64N(crashWritesMax))
		crash := func() {
			if left.Add(-1) == 0 {
				close(now)
			}
		}
		for i := range 8 {
			w := &writer{key: fmt.Sprintf("round%d:%d", round, i), crash: crash}
			writers = append(writers, w)
			pipeline := 1 + rng.IntN(8)
			wait.Go(func() { w.load(filepath.Join(dir, "s"), pipeline) })
		}
		select {
		case <-now:
		case <-time.After(30 * time.Second):
			t.Error("writes are not acknowledged")
		}
		p.kill()
		wait.Wait()
		p = launch(t, dir, always...)
		c := servertest.NewConn(t, mustDial(t, filepath.Join(dir, "s")))
		for _, w := range writers {
			check(t, c, w)
			total += w.acked
		}
		p.kill()
	}
	t.Logf("%d kills, %d writes acknowledged", rounds, total)
}

// check compares a list with what its writer knows.
func check(t *testing.T, c *servertest.Conn, w *writer) {
	t.Helper()
	c.Write(resp.AppendCommandStrings(nil, "LRANGE", w.key, "0", "-1"))
	list := c.Read()
	for i, v := range list.Elems {
		if string(v.Str) != strconv.Itoa(i) {
			t.Fatalf("%s: element %d is %q", w.key, i, v.Str)
		}
	}
	if n := len(list.Elems); n < w.acked || n > w.sent {
		t.Fatalf("%s: %d writes are there; %d were acknowledged, %d sent", w.key, n, w.acked, w.sent)
	}
}
