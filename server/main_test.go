package server_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"kvorum/server"
	"kvorum/server/servertest"
)

// asServer makes the test binary be the server: the tests of this file start it
// as a process of its own.
const asServer = "KVORUM_TEST_AS_SERVER"

// panicOnUsr1 gives that server a goroutine that the server does not know of, and
// that panics when it is told to.
const panicOnUsr1 = "KVORUM_TEST_PANIC_ON_USR1"

func TestMain(m *testing.M) {
	if os.Getenv(asServer) != "" {
		if os.Getenv(panicOnUsr1) != "" {
			ch := make(chan os.Signal, 1)
			signal.Notify(ch, syscall.SIGUSR1)
			go func() { panic(<-ch) }()
		}
		os.Exit(server.Main(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// process is a running server program.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr servertest.Buffer
	done           chan struct{}
}

func startProcess(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(os.Args[0], args...), done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), asServer+"=1", "GORACE=atexit_sleep_ms=0")
	p.cmd.Dir = dir
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // the exit status is looked at by those who want it
		close(p.done)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it has usually ended
		<-p.done
	})
	return p
}

// exit waits for the end and returns the exit status.
func (p *process) exit(t *testing.T) int {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(20 * time.Second):
		t.Fatalf("the server does not end:\n%s%s", p.stdout.String(), p.stderr.String())
	}
	return p.cmd.ProcessState.ExitCode()
}

// shortDir is a folder whose path leaves room for the name of a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "kv")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// A start from a file with all that the Tcl suite writes into one: the lines
// that it waits for, a relative dir, the pid file, and SIGTERM within a second.
func TestProcessLife(t *testing.T) {
	dir := shortDir(t)
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	conf := fmt.Sprintf("always-show-logo yes\nport 0\nlogfile ''\nsave ''\nappendonly yes\nactivedefrag yes\nloglevel verbose\n"+
		"dir ./data\npidfile %[1]s/pid\nunixsocket %[1]s/s\nunixsocketperm 700\n", dir)
	if err := os.WriteFile(filepath.Join(dir, "a.conf"), []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	p := startProcess(t, dir, "a.conf", "--maxmemory-samples", "7")
	await(t, func() bool { return strings.Contains(p.stdout.String(), "Ready to accept connections unix\n") })
	order := regexp.MustCompile(fmt.Sprintf(`(?s)^%[1]d:C .*Configuration loaded\n.*%[1]d:M .*activedefrag has no effect.* PID: %[1]d\n.*\* Server initialized\n.*\* Ready to accept`, p.cmd.Process.Pid))
	if !order.MatchString(p.stdout.String()) {
		t.Errorf("the log is\n%s", p.stdout.String())
	}
	pid, err := os.ReadFile(filepath.Join(dir, "pid"))
	if err != nil || string(pid) != fmt.Sprintf("%d\n", p.cmd.Process.Pid) {
		t.Errorf("pid file %q (%v)", pid, err)
	}
	conn, err := net.Dial("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	c := servertest.NewConn(t, conn)
	resolved, _ := filepath.EvalSymlinks(dir)
	c.Want(fmt.Sprintf("*4\n  \"dir\"\n  %q\n  \"maxmemory-samples\"\n  \"7\"", filepath.Join(resolved, "data")), "CONFIG", "GET", "dir", "maxmemory-samples")
	c.Want("-ERR CONFIG SET failed (possibly related to argument 'dir') - can't set protected config", "CONFIG", "SET", "dir", "/")
	start := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := p.exit(t); code != 0 {
		t.Errorf("exit status %d", code)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("the end took %v", took)
	}
	if _, err := os.Stat(filepath.Join(dir, "pid")); !os.IsNotExist(err) {
		t.Error("the pid file is left")
	}
	if !regexp.MustCompile(`(?m)^\d+:signal-handler \(\d+\) Received SIGTERM scheduling shutdown\.\.\.$`).MatchString(p.stdout.String()) {
		t.Errorf("the log is\n%s", p.stdout.String())
	}
}

// What stops a start is said where and as Redis says it, with exit status 1.
func TestProcessRefusesToStart(t *testing.T) {
	dir := shortDir(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	if err := os.WriteFile(filepath.Join(dir, "bad.conf"), []byte("port 0\n\nfoo \"bar\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args           []string
		stdout, stderr string // patterns
	}{
		{[]string{"bad.conf"}, `^$`,
			`^\n\*\*\* FATAL CONFIG FILE ERROR \(Redis 7\.2\.\d+\) \*\*\*\nReading the configuration file, at line 3\n>>> 'foo "bar"'\nBad directive or wrong number of arguments\n$`},
		{[]string{"none.conf"}, ` # Fatal error, can't open config file '.*/none\.conf': No such file or directory\n$`, `^$`},
		{[]string{"--port", "0", "--dir", "/nosuch"}, `^$`, `>>> 'dir .*/nosuch.*'\nNo such file or directory\n$`},
		{[]string{"--port", "0", "--logfile", "/nosuch/log"}, `^$`, `Can't open the log file: No such file or directory\n$`},
		{[]string{"--sentinel"}, `^$`, `Sentinel mode is not built in yet\n$`},
		{[]string{"--port", "0"}, `# Configured to not listen anywhere, exiting\.\n$`, `^$`},
		{[]string{"--bind", "127.0.0.1", "--port", port},
			`# Warning: Could not create server TCP listening socket 127\.0\.0\.1:\d+: bind: Address already in use\n.*# Failed listening on port \d+ \(tcp\), aborting\.\n$`, `^$`},
		{[]string{"--port", "0", "--unixsocket", "/nosuch/s"}, `Failed opening Unix socket: bind: No such file or directory\n`, `^$`},
	} {
		p := startProcess(t, dir, test.args...)
		if code := p.exit(t); code != 1 {
			t.Errorf("%v: exit status %d", test.args, code)
		}
		if !regexp.MustCompile(test.stdout).MatchString(p.stdout.String()) || !regexp.MustCompile(test.stderr).MatchString(p.stderr.String()) {
			t.Errorf("%v: stdout\n%s\nstderr\n%s", test.args, p.stdout.String(), p.stderr.String())
		}
	}
}

// The version is on one line that tools can read.
func TestProcessVersion(t *testing.T) {
	p := startProcess(t, shortDir(t), "--version")
	if code := p.exit(t); code != 0 {
		t.Errorf("exit status %d", code)
	}
	if !regexp.MustCompile(`^Redis server v=7\.2\.\d+ .*bits=64.*\n$`).MatchString(p.stdout.String()) {
		t.Errorf("have %q", p.stdout.String())
	}
}

// Without a configuration file, or with one on standard input.
func TestProcessReadsStandardInput(t *testing.T) {
	dir := shortDir(t)
	p := &process{cmd: exec.Command(os.Args[0], "-", "--port", "0"), done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), asServer+"=1", "GORACE=atexit_sleep_ms=0")
	p.cmd.Dir = dir
	p.cmd.Stdin = bytes.NewReader([]byte("port 1\nunixsocket s\n"))
	p.cmd.Stdout = &p.stdout
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // ended by the signal
		close(p.done)
	}()
	await(t, func() bool { return strings.Contains(p.stdout.String(), "Ready to accept connections unix\n") })
	if strings.Contains(p.stdout.String(), "tcp") {
		t.Errorf("the log is\n%s", p.stdout.String())
	}
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := p.exit(t); code != 0 {
		t.Errorf("exit status %d", code)
	}
}
