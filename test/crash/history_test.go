package crash

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"kvorum/server/servertest"
	"kvorum/vfs"
	"kvorum/vfs/errfs"
)

// follower is a replica that keeps the stream it is sent.
type follower struct {
	id   string
	from int64
	conn net.Conn
	over chan struct{}

	mu     sync.Mutex
	stream []byte
}

// follow asks for the stream of a server from the beginning, without data.
func follow(sock string) (*follower, error) {
	conn, err := net.Dial("unix", sock)
	if err != nil {
		return nil, err
	}
	f := &follower{conn: conn, over: make(chan struct{})}
	r := bufio.NewReader(conn)
	if _, err = io.WriteString(conn, "PSYNC ? -1\r\n"); err == nil {
		err = f.head(r)
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	go func() {
		defer close(f.over)
		b := make([]byte, 4096)
		for {
			n, err := r.Read(b)
			f.mu.Lock()
			f.stream = append(f.stream, b[:n]...)
			f.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return f, nil
}

// head reads what comes before the stream.
func (f *follower) head(r *bufio.Reader) error {
	for {
		if err := f.conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			return err
		}
		line, err := r.ReadString('\n')
		line = strings.TrimSpace(line)
		switch {
		case err != nil:
			return err
		case strings.HasPrefix(line, "+FULLRESYNC"):
			if _, err := fmt.Sscanf(line, "+FULLRESYNC %s %d", &f.id, &f.from); err != nil {
				return err
			}
		case strings.HasPrefix(line, "$"):
			size, err := strconv.Atoi(line[1:])
			if err == nil {
				_, err = r.Discard(size)
			}
			return errors.Join(err, f.conn.SetReadDeadline(time.Time{}))
		case line != "":
			return errors.New(line)
		}
	}
}

// end returns all of the stream that came from a server which has ended.
func (f *follower) end() []byte {
	<-f.over
	_ = f.conn.Close()
	return f.stream
}

// followed runs the story on a server that a replica follows, with messages that are in
// the stream only.
func followed(t *testing.T, fsys *errfs.FS, dir, policy string) *follower {
	t.Helper()
	n := boot(t, fsys, dir, "appendonly yes", "appendfsync "+policy, "repl-diskless-sync no", "aof-use-rdb-preamble "+preamble(dir))
	if n == nil {
		return nil
	}
	defer n.end()
	f, err := follow(n.sock)
	if err != nil {
		return nil // the disk had crashed
	}
	c := dial(t, n.sock, fsys.Crashed)
	defer func() { _ = c.conn.Close() }()
	var w tally
	for range 2 {
		err = w.story(c)
		for i := 0; err == nil && i < 6; i++ {
			if err = w.write(c, 1); err == nil {
				_, err = c.one("PUBLISH", "c", strings.Repeat("m", i))
			}
		}
	}
	if err != nil && !errors.Is(err, errGaveUp) {
		t.Errorf("%v\n%s", err, n.log.String())
	}
	return f
}

// claim starts a server on what is left. If it says that its data are a state of the
// history of the stream, they are that. It reports whether it does.
func claim(t *testing.T, fsys *vfs.Mem, dir string, f *follower, stream []byte, what string) bool {
	t.Helper()
	n := boot(t, fsys, dir, "appendonly yes")
	if n == nil {
		t.Fatalf("%s: the server does not start again", what)
	}
	defer n.end()
	c := servertest.NewConn(t, mustDial(t, n.sock))
	field := func(name string) string {
		_, after, _ := strings.Cut(c.Do("INFO", "replication"), name+":")
		value, _, _ := strings.Cut(after, "\\r")
		value, _, _ = strings.Cut(value, "\r")
		return value
	}
	if field("master_replid2") != f.id {
		return false
	}
	end, err := strconv.ParseInt(field("second_repl_offset"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	size := end - 1 - f.from
	if size < 0 {
		t.Fatalf("%s: %d bytes are claimed\n%s", what, size, n.log.String())
	}
	if size > int64(len(stream)) { // the server ended before it had sent these: nobody knows them
		return false
	}
	writes := bytes.Count(stream[:size], []byte("EXEC\r\n"))
	if have := c.Do("LLEN", "log"); !strings.HasSuffix(have, strconv.Itoa(writes)) || strings.TrimLeft(have, ":(integer) ") != strconv.Itoa(writes) {
		t.Fatalf("%s: %d bytes are claimed, which are %d writes, but there are %s", what, size, writes, have)
	}
	return true
}

// After a crash at any operation on a file the log says nothing wrong about the history
// of its data.
func TestHistoryAfterCrash(t *testing.T) {
	for _, policy := range []string{"always", "everysec"} {
		t.Run(policy, func(t *testing.T) {
			claims := 0
			for at := 10; ; at += 3 * stride() {
				mem, dir := disk(t)
				fsys := errfs.New(mem)
				fsys.CrashAt(at)
				f := followed(t, fsys, dir, policy)
				if f == nil {
					continue
				}
				stream := f.end()
				rng := rand.New(rand.NewPCG(uint64(at), 1))
				for _, survive := range []func(int) int{nil, func(n int) int { return n }, func(n int) int { return rng.IntN(n + 1) }} {
					if claim(t, mem.Crash(survive), dir, f, stream, fmt.Sprintf("crash at %d", at)) {
						claims++
					}
				}
				if !fsys.Crashed() {
					break
				}
			}
			if t.Logf("%d claims", claims); claims < 4 {
				t.Errorf("%d claims show little", claims)
			}
		})
	}
}
