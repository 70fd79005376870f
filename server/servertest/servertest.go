// Package servertest runs whole servers inside a test's process: sockets, loops,
// configuration and all. Tests of single handlers are better off with
// engine/enginetest, which is the same without what is around the engine.
//
//	func TestScript(t *testing.T) {
//		datadriven.Dir(t, "testdata", func(t *testing.T) datadriven.Exec {
//			return servertest.Start(t, "requirepass secret").Exec
//		})
//	}
//
// A server listens on a unix socket in a folder of its own, so that tests need
// no port numbers, and ends with the test, which then fails if memory was lost.
//
// Tests only; no package of the program may import it.
package servertest

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"kvorum/config"
	"kvorum/logx"
	"kvorum/resp"
	"kvorum/server"
	"kvorum/vfs"
)

// wait bounds the wait for anything that a server does.
const wait = 20 * time.Second

// Instance is a running server.
type Instance struct {
	Server *server.Server
	Socket string // path of its unix socket
	File   string // path of its configuration file
	Log    *Buffer
	Done   chan struct{} // closed when it has ended

	t     testing.TB
	conns map[string]*Conn
}

// Start runs a server with the given lines of configuration until the test
// ends. It listens on a unix socket only, and lets DEBUG be used.
func Start(t testing.TB, lines ...string) *Instance {
	t.Helper()
	return StartOn(t, vfs.OS{}, lines...)
}

// StartOn is Start with the data on a file system of the test's, on which the log tries
// again soon after an error.
func StartOn(t testing.TB, fsys vfs.FS, lines ...string) *Instance {
	t.Helper()
	in := prepare(t, lines)
	in.Server.SetDisk(fsys, retryAfter)
	in.run()
	return in
}

// StartLimited is StartOn with a bound on the bytes that wait for the disk.
func StartLimited(t testing.TB, fsys vfs.FS, lagMax int64, lines ...string) *Instance {
	t.Helper()
	in := prepare(t, lines)
	in.Server.SetDisk(fsys, retryAfter)
	in.Server.SetLagMax(lagMax)
	in.run()
	return in
}

// prepare makes a server that does not run yet.
func prepare(t testing.TB, lines []string) *Instance {
	t.Helper()
	dir, err := os.MkdirTemp("", "kv") // short: the path of a socket has 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	in := &Instance{
		t: t, Socket: filepath.Join(dir, "s"), File: filepath.Join(dir, "conf"), Log: &Buffer{},
		Done: make(chan struct{}), conns: make(map[string]*Conn),
	}
	text := strings.Join(append([]string{"port 0", "save \"\"", "enable-debug-command yes", "unixsocket " + in.Socket}, lines...), "\n") + "\n"
	if err := os.WriteFile(in.File, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cfg := config.New(config.Options{Dir: dir})
	if err := cfg.Load([]byte(text), config.Loader{}); err != nil {
		t.Fatal(err)
	}
	if n := int(cfg.Int("io-threads")); n > runtime.GOMAXPROCS(0) {
		runtime.GOMAXPROCS(n) // as many loops as the test wants, also on fewer processors
	}
	in.Server, err = server.New(cfg, in.File, logx.New(logx.Options{Stdout: in.Log}))
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// retryAfter is the pause of the log after an error.
const retryAfter = 5 * time.Millisecond

// run runs the server and arranges its end.
func (in *Instance) run() {
	var runErr error
	go func() {
		runErr = in.Server.Run()
		close(in.Done)
	}()
	in.t.Cleanup(func() {
		in.Server.Stop()
		in.AwaitEnd()
		if runErr != nil {
			in.t.Errorf("the server ended with %v", runErr)
		}
		if err := in.Server.Close(); err != nil {
			in.t.Error(err)
		}
	})
	select {
	case <-in.Server.Started():
	case <-in.Done:
		in.t.Fatalf("the server did not start: %v", runErr)
	}
}

// AwaitEnd waits until the server has ended.
func (in *Instance) AwaitEnd() {
	select {
	case <-in.Done:
	case <-time.After(wait):
		in.t.Fatal("the server did not end")
	}
}

// Exec runs a command on a named connection: it is a datadriven.Exec.
func (in *Instance) Exec(name string, proto int, args [][]byte) []byte {
	c := in.conns[name]
	if c == nil {
		c = in.Dial()
		in.conns[name] = c
		if proto == 3 {
			c.Do("HELLO", "3")
		}
	}
	if args == nil {
		return nil
	}
	c.Write(resp.AppendCommand(nil, args...))
	v := c.Read()
	return v.AppendWire(nil)
}

// Dial opens a connection, until the test ends.
func (in *Instance) Dial() *Conn {
	in.t.Helper()
	conn, err := net.Dial("unix", in.Socket)
	if err != nil {
		in.t.Fatal(err)
	}
	return NewConn(in.t, conn)
}

// Conn is a client's connection. A failure ends the test.
type Conn struct {
	net.Conn
	t testing.TB
	r *resp.ReplyReader
}

// NewConn makes a client of a connection, which is closed when the test ends.
func NewConn(t testing.TB, conn net.Conn) *Conn {
	t.Cleanup(func() { conn.Close() })
	return &Conn{conn, t, resp.NewReplyReader(conn)}
}

// Write sends bytes.
func (c *Conn) Write(b []byte) {
	c.t.Helper()
	if err := c.SetDeadline(time.Now().Add(wait)); err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.Conn.Write(b); err != nil {
		c.t.Fatalf("writing to the server: %v", err)
	}
}

// Send sends a command without waiting for the reply.
func (c *Conn) Send(words ...string) {
	c.t.Helper()
	c.Write(resp.AppendCommandStrings(nil, words...))
}

// Read returns the next reply.
func (c *Conn) Read() resp.Value {
	c.t.Helper()
	v, err := c.TryRead()
	if err != nil {
		c.t.Fatalf("reading a reply: %v", err)
	}
	return v
}

// TryRead returns the next reply, or why there is none.
func (c *Conn) TryRead() (resp.Value, error) {
	if err := c.SetDeadline(time.Now().Add(wait)); err != nil {
		return resp.Value{}, err
	}
	return c.r.Read()
}

// Do runs a command and returns its reply as resp.Value.Text shows it.
func (c *Conn) Do(words ...string) string {
	c.t.Helper()
	c.Send(words...)
	v := c.Read()
	return v.Text()
}

// Str runs a command and returns the string of its reply.
func (c *Conn) Str(words ...string) string {
	c.t.Helper()
	c.Send(words...)
	v := c.Read()
	return string(v.Str)
}

// Want runs a command and checks the reply, as Do shows it.
func (c *Conn) Want(want string, words ...string) {
	c.t.Helper()
	if have := c.Do(words...); have != want {
		c.t.Errorf("%s\n have %s\n want %s", strings.Join(words, " "), have, want)
	}
}

// WantClosed checks that the server closes the connection without more replies.
func (c *Conn) WantClosed() {
	c.t.Helper()
	if v, err := c.TryRead(); err == nil {
		c.t.Errorf("a reply where the connection should close: %s", v.Text())
	} else if ne, ok := err.(net.Error); ok && ne.Timeout() {
		c.t.Error("the connection stays open")
	}
}

// Info returns a field of INFO, "" when it is not there.
func (c *Conn) Info(name string) string {
	c.t.Helper()
	for _, line := range strings.Split(c.Str("INFO", "everything"), "\r\n") {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			return v
		}
	}
	return ""
}

// Buffer collects a log. Any goroutine may use it.
type Buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// String returns what was written so far.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
