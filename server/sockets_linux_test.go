//go:build linux

package server_test

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"kvorum/server/servertest"
)

// Connections have the options of the directives, also after a change.
func TestSocketOptions(t *testing.T) {
	s := servertest.Start(t, "socket-mark-id 99")
	admin := s.Dial()
	port := listenSomewhere(t, admin, "127.0.0.1")
	options := func(c *servertest.Conn) (text string) {
		fd, err := strconv.Atoi(clientField(c.Str("CLIENT", "INFO"), "fd"))
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range [][2]int{{syscall.IPPROTO_TCP, syscall.TCP_NODELAY}, {syscall.SOL_SOCKET, syscall.SO_KEEPALIVE},
			{syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE}, {syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL}, {syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT}} {
			v, err := syscall.GetsockoptInt(fd, o[0], o[1])
			if err != nil {
				t.Fatal(err)
			}
			text += fmt.Sprint(v, " ")
		}
		mark, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_MARK)
		if err != nil || mark != 99 && mark != 0 {
			t.Errorf("mark %d (%v)", mark, err)
		}
		if mark == 0 {
			t.Log("no mark: the process may not set one")
		}
		return text
	}
	old := connect(t, "127.0.0.1", port)
	if have, want := options(old), "1 1 300 100 3 "; have != want {
		t.Errorf("have %s, want %s", have, want)
	}
	for sec, want := range map[string]string{"60": "1 1 60 20 3 ", "2": "1 1 2 1 3 "} {
		admin.Want("+OK", "CONFIG", "SET", "tcp-keepalive", sec)
		if have := options(connect(t, "127.0.0.1", port)); have != want {
			t.Errorf("tcp-keepalive %s: have %s, want %s", sec, have, want)
		}
	}
	admin.Want("+OK", "CONFIG", "SET", "tcp-keepalive", "0")
	if have := options(connect(t, "127.0.0.1", port)); !strings.HasPrefix(have, "1 0 ") {
		t.Errorf("tcp-keepalive 0: have %s", have)
	}
	if have, want := options(old), "1 1 300 100 3 "; have != want {
		t.Errorf("the old connection has %s, want %s", have, want)
	}
}

// Connections of replicas may hold back small packets, those of others never do.
func TestReplicaMayWaitForMore(t *testing.T) {
	s := servertest.Start(t)
	admin := s.Dial()
	port := listenSomewhere(t, admin, "127.0.0.1")
	for _, on := range []bool{false, true, false} {
		want := 1
		if on {
			want = 0
		}
		admin.Want("+OK", "CONFIG", "SET", "repl-disable-tcp-nodelay", map[bool]string{false: "no", true: "yes"}[on])
		replica := connect(t, "127.0.0.1", port)
		fd, err := strconv.Atoi(clientField(replica.Str("CLIENT", "INFO"), "fd"))
		if err != nil {
			t.Fatal(err)
		}
		replica.Send("PSYNC", "?", "-1")
		await(t, func() bool { return admin.Str("CLIENT", "LIST", "TYPE", "replica") != "" })
		if have, err := syscall.GetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY); err != nil || have != want {
			t.Errorf("repl-disable-tcp-nodelay %v: TCP_NODELAY is %d (%v)", on, have, err)
		}
		admin.Want(":1", "CLIENT", "KILL", "TYPE", "replica")
		await(t, func() bool { return admin.Str("CLIENT", "LIST", "TYPE", "replica") == "" })
	}
}

// startLimited is startProcess with a limit of open files, soft and hard.
func startLimited(t *testing.T, dir string, files int, args ...string) *process {
	t.Helper()
	shell := append([]string{"-c", `ulimit -n "$0" && exec "$@"`, strconv.Itoa(files), os.Args[0]}, args...)
	p := &process{cmd: exec.Command("sh", shell...), done: make(chan struct{})}
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

// unprivileged skips a test where limits can be raised at will.
func unprivileged(t *testing.T) {
	t.Helper()
	out, err := exec.Command("sh", "-c", "ulimit -n 200 && ulimit -n 201").CombinedOutput()
	if err == nil {
		t.Skipf("this process may raise limits: %s", out)
	}
}

// With fewer descriptors than maxclients wants, maxclients is lowered at the start
// and told so; later it cannot be raised; with hardly any the server does not start.
func TestLowFileLimit(t *testing.T) {
	unprivileged(t)
	p := startLimited(t, shortDir(t), 200, "--port", "0", "--unixsocket", "s", "--io-threads", "1")
	await(t, func() bool { return strings.Contains(p.stdout.String(), "Ready to accept connections unix\n") })
	const refused = "requiring at least %d max file descriptors.\n" +
		`[^\n]* # Server can't set maximum open files to %d because of OS error: Operation not permitted.\n` +
		`[^\n]* # Current maximum open files is 200. maxclients has been reduced to 168 to compensate for low ulimit. ` +
		"If you need higher maxclients increase 'ulimit -n'.\n"
	if !regexp.MustCompile(fmt.Sprintf("# You requested maxclients of 10000 "+refused, 10032, 10032)).MatchString(p.stdout.String()) {
		t.Errorf("the log is\n%s", p.stdout.String())
	}
	c := dialProcess(t, p, p.cmd.Dir)
	c.Want("*2\n  \"maxclients\"\n  \"168\"", "CONFIG", "GET", "maxclients")
	c.Want("-ERR CONFIG SET failed (possibly related to argument 'maxclients') - "+
		"The operating system is not able to handle the specified number of clients, try with 168", "CONFIG", "SET", "maxclients", "1000")
	c.Want("*2\n  \"maxclients\"\n  \"168\"", "CONFIG", "GET", "maxclients")
	again := regexp.MustCompile(fmt.Sprintf("# You requested maxclients of 1000 "+refused, 1032, 1032))
	await(t, func() bool { return again.MatchString(p.stdout.String()) }) // it comes through a pipe
	c.Want("+OK", "CONFIG", "SET", "maxclients", "100")

	p = startLimited(t, shortDir(t), 30, "--port", "0", "--unixsocket", "s", "--io-threads", "1")
	if code := p.exit(t); code != 1 {
		t.Errorf("exit status %d", code)
	}
	const hardly = "# Your current 'ulimit -n' of 30 is not enough for the server to start. Please increase your open file limit to at least 10032. Exiting.\n"
	if !strings.HasSuffix(p.stdout.String(), hardly) {
		t.Errorf("the log is\n%s", p.stdout.String())
	}
}

// setFileLimit changes the soft limit of open files of another process.
func setFileLimit(t *testing.T, pid int, files uint64) {
	t.Helper()
	var limit syscall.Rlimit
	for _, set := range []bool{false, true} {
		var from, to unsafe.Pointer
		if set {
			limit.Cur, from = files, unsafe.Pointer(&limit)
		} else {
			to = unsafe.Pointer(&limit)
		}
		if _, _, e := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(pid), syscall.RLIMIT_NOFILE, uintptr(from), uintptr(to), 0, 0); e != 0 {
			t.Skipf("prlimit: %v", e)
		}
	}
}

// cpuTicks returns the processor time of a process in clock ticks (10 ms).
func cpuTicks(t *testing.T, pid int) (ticks int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	for _, w := range words[11:13] {
		n, err := strconv.Atoi(w)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return ticks
}

// Without descriptors the server says so, once in a while, does not spin, serves
// those whom it has, and lets the others in as soon as there are descriptors.
func TestNoDescriptorsLeft(t *testing.T) {
	p := startProcess(t, shortDir(t), "--port", "0", "--unixsocket", "s")
	await(t, func() bool { return strings.Contains(p.stdout.String(), "Ready to accept connections unix\n") })
	old := dialProcess(t, p, p.cmd.Dir)
	old.Want("+PONG", "PING")
	pid := p.cmd.Process.Pid
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	// Some of the numbers below the limit may still be free.
	const waiting = 64
	setFileLimit(t, pid, uint64(len(open)))
	var conns []*servertest.Conn
	for range waiting {
		c := dialProcess(t, p, p.cmd.Dir)
		c.Send("PING")
		conns = append(conns, c)
	}
	const line = " # Accepting client connection: accept: Too many open files\n"
	await(t, func() bool { return strings.Contains(p.stdout.String(), line) })
	before, from := cpuTicks(t, pid), time.Now()
	for time.Since(from) < 300*time.Millisecond { // that nothing happens has no event
		old.Want("+PONG", "PING")
		time.Sleep(10 * time.Millisecond)
	}
	if used := cpuTicks(t, pid) - before; used > 15 {
		t.Errorf("%d ms of processor time in 300 ms", 10*used)
	}
	if n, most := strings.Count(p.stdout.String(), line), 2+int(time.Since(from)/time.Second); n > most {
		t.Errorf("%d lines in the log, want at most %d", n, most)
	}
	setFileLimit(t, pid, 10000)
	for _, c := range conns {
		if v := c.Read(); v.Text() != "+PONG" {
			t.Errorf("have %s", v.Text())
		}
	}
}
