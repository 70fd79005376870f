package server_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"kvorum/server/servertest"
)

const readyLine = "Ready to accept connections unix\n"

// launch starts a server that listens on dir/s and waits until it does.
func launch(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	p := startProcess(t, dir, append([]string{"--port", "0", "--unixsocket", dir + "/s", "--enable-debug-command", "yes"}, args...)...)
	await(t, func() bool {
		select {
		case <-p.done:
			t.Fatalf("the server has ended:\n%s%s", p.stdout.String(), p.stderr.String())
		default:
		}
		conn, err := net.Dial("unix", dir+"/s")
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})
	return p
}

func dial(t *testing.T, dir string) *servertest.Conn {
	t.Helper()
	conn, err := net.Dial("unix", dir+"/s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return servertest.NewConn(t, conn)
}

func (p *process) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// awaitLog waits until the log, or what else read returns, has a line.
func awaitLog(t *testing.T, read func() string, want string) {
	t.Helper()
	re := regexp.MustCompile(want)
	for deadline := time.Now().Add(20 * time.Second); !re.MatchString(read()); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%q does not come in\n%s", want, read())
		}
	}
}

func file(path string) func() string {
	return func() string {
		b, err := os.ReadFile(path)
		if err != nil {
			return ""
		}
		return string(b)
	}
}

func linuxOnly(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("needs Linux's /proc")
	}
}

// HUP and USR1 do nothing; a first INT ends the server in order, a second one at
// once and with status 1.
func TestSignals(t *testing.T) {
	dir := shortDir(t)
	p := launch(t, dir)
	c := dial(t, dir)
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGPIPE} {
		p.signal(t, sig)
		c.Want("+PONG", "PING")
	}
	p.signal(t, syscall.SIGALRM)
	awaitLog(t, p.stdout.String, `Received SIGALRM\n\n-+ STACK TRACE -+\ngoroutine (?s:.*)-+ STACK TRACE DONE -+\n`)
	c.Want("+PONG", "PING")

	// A command that holds its loop keeps the first INT from ending the process.
	c.Send("DEBUG", "SLEEP", "5")
	awaitStopped(t, dir)
	p.signal(t, syscall.SIGINT)
	awaitLog(t, p.stdout.String, `\d+:signal-handler \(\d+\) Received SIGINT scheduling shutdown\.\.\.\n`)
	p.signal(t, syscall.SIGINT)
	if code := p.exit(t); code != 1 || !strings.Contains(p.stdout.String(), ") You insist... exiting now.\n") {
		t.Errorf("status %d\n%s", code, p.stdout.String())
	}
}

// awaitStopped waits until the server answers nobody.
func awaitStopped(t *testing.T, dir string) {
	t.Helper()
	await(t, func() bool {
		conn, err := net.Dial("unix", dir+"/s")
		if err != nil {
			return false
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte("PING\r\n")); err != nil {
			return false
		}
		_, err = conn.Read(make([]byte, 1))
		return err != nil
	})
}

// A server that is told to save at its end and cannot goes on; FORCE lets it end.
func TestSignalThatWouldSave(t *testing.T) {
	dir := shortDir(t)
	p := launch(t, dir, "--shutdown-on-sigterm", "save", "--shutdown-on-sigint", "save force")
	c := dial(t, dir)
	c.Want("+OK", "SET", "a", "1")
	if err := os.Mkdir(dir+"/dump.rdb", 0o755); err != nil { // no file can take its place
		t.Fatal(err)
	}
	p.signal(t, syscall.SIGTERM)
	awaitLog(t, p.stdout.String, `# Error trying to save the DB, can't exit\.\n.*# Errors trying to shut down the server\. Check the logs for more information\.\n`)
	c.Want("+PONG", "PING")
	c.Want("-ERR Errors trying to SHUTDOWN. Check logs.", "SHUTDOWN", "SAVE")
	c.Want("-ERR No shutdown in progress.", "SHUTDOWN", "ABORT")
	c.Want("+OK", "CONFIG", "SET", "shutdown-on-sigterm", "default")
	p.signal(t, syscall.SIGINT)
	if code := p.exit(t); code != 0 || !strings.Contains(p.stdout.String(), "# Error trying to save the DB. Exit anyway.\n") {
		t.Errorf("status %d\n%s", code, p.stdout.String())
	}
}

// SHUTDOWN closes connections without a reply, removes what the server has put
// into folders, and says so in Redis's order.
func TestShutdownCommand(t *testing.T) {
	for _, words := range [][]string{{"SHUTDOWN"}, {"SHUTDOWN", "NOSAVE", "NOW"}, {"SHUTDOWN", "SAVE", "FORCE"}} {
		dir := shortDir(t)
		p := launch(t, dir, "--pidfile", "pid", "--dbfilename", "dump")
		c, other := dial(t, dir), dial(t, dir)
		c.Send(words...)
		c.WantClosed()
		other.WantClosed()
		if code := p.exit(t); code != 0 {
			t.Errorf("%v: status %d", words, code)
		}
		awaitLog(t, p.stdout.String, `(?s)\* User requested shutdown\.\.\.\n.*\* Removing the pid file\.\n.*\* Removing the unix socket file\.\n.*# Redis is now ready to exit, bye bye\.\.\.\n$`)
		left, _ := filepath.Glob(dir + "/*")
		if saved := len(words) != 3 || words[1] == "SAVE"; saved != (len(left) == 1 && filepath.Base(left[0]) == "dump") {
			t.Errorf("%v: left are %v", words, left)
		}
	}
}

// A log on a full disk costs lines, nothing else; one that is moved away is begun
// anew without a signal.
func TestLogOnFullDiskAndRotated(t *testing.T) {
	linuxOnly(t)
	dir := shortDir(t)
	p := launch(t, dir, "--logfile", "/dev/full")
	c := dial(t, dir)
	c.Want("+OK", "DEBUG", "LOG", "lost")
	c.Want("+PONG", "PING")
	p.signal(t, syscall.SIGTERM)
	if code := p.exit(t); code != 0 || p.stdout.String()+p.stderr.String() != "" {
		t.Errorf("status %d\n%s%s", code, p.stdout.String(), p.stderr.String())
	}

	dir = shortDir(t)
	p = launch(t, dir, "--logfile", "log")
	c = dial(t, dir)
	c.Want("+OK", "DEBUG", "LOG", "first")
	if err := os.Rename(dir+"/log", dir+"/log.1"); err != nil {
		t.Fatal(err)
	}
	c.Want("+OK", "DEBUG", "LOG", "second")
	line := regexp.MustCompile(fmt.Sprintf(`^%d:M \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d\.\d{3} # DEBUG LOG: second\n$`, p.cmd.Process.Pid))
	if now := file(dir + "/log")(); !line.MatchString(now) {
		t.Errorf("the new log is %q", now)
	}
	if old := file(dir + "/log.1")(); !strings.HasSuffix(old, "# DEBUG LOG: first\n") {
		t.Errorf("the old log is %q", old)
	}
}

// Settings that make little sense are told of at the start.
func TestWarningsAtStart(t *testing.T) {
	linuxOnly(t)
	p := launch(t, shortDir(t), "--tcp-backlog", "100000000", "--maxmemory", "1000")
	awaitLog(t, p.stdout.String, `# WARNING: The TCP backlog setting of 100000000 cannot be enforced because /proc/sys/net/core/somaxconn is set to the lower value of \d+\.\n`)
	awaitLog(t, p.stdout.String, `# WARNING: You specified a maxmemory value that is less than 1MB \(current value is 1000 bytes\)\. Are you sure this is what you really want\?\n`)
}

// A pid file that cannot be written is told of, no more.
func TestPidFileUnwritable(t *testing.T) {
	p := launch(t, shortDir(t), "--pidfile", "/nosuch/pid")
	awaitLog(t, p.stdout.String, `# Failed to write PID file: No such file or directory\n`)
	p.signal(t, syscall.SIGTERM)
	if code := p.exit(t); code != 0 {
		t.Errorf("status %d", code)
	}
}

// daemonize: the command ends with status 0 when the server serves, and with 1
// when the configuration or the start is no good; the server is in a session of
// its own, has no terminal, and its pid is in a file.
func TestDaemonize(t *testing.T) {
	linuxOnly(t)
	dir := shortDir(t)
	args := []string{"--daemonize", "yes", "--port", "0", "--unixsocket", dir + "/s", "--logfile", "log", "--pidfile", dir + "/pid"}
	p := startProcess(t, dir, args...)
	if code := p.exit(t); code != 0 {
		t.Fatalf("status %d\n%s%s%s", code, p.stdout.String(), p.stderr.String(), file(dir+"/log")())
	}
	pid, err := strconv.Atoi(strings.TrimSpace(file(dir + "/pid")()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) }) // it has usually ended
	dial(t, dir).Want("+PONG", "PING")
	for fd := range 3 {
		if to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, fd)); err != nil || to != "/dev/null" {
			t.Errorf("descriptor %d is %s (%v)", fd, to, err)
		}
	}
	stat := strings.Fields(file(fmt.Sprintf("/proc/%d/stat", pid))())
	if len(stat) < 6 || stat[5] != strconv.Itoa(pid) {
		t.Errorf("session: %v", stat)
	}
	if log := file(dir + "/log")(); strings.Count(log, "starting") != 1 || !strings.HasPrefix(log, strconv.Itoa(pid)+":C ") {
		t.Errorf("the log is\n%s", log)
	}
	c := dial(t, dir)
	c.Send("SHUTDOWN")
	c.WantClosed()
	awaitLog(t, file(dir+"/log"), `bye bye`)
	await(t, func() bool { _, err := os.Stat(dir + "/pid"); return os.IsNotExist(err) })

	for _, bad := range [][]string{
		append(args, "--nosuch", "1"),
		append(args, "--unixsocket", "/nosuch/s"),
	} {
		p := startProcess(t, dir, bad...)
		if code := p.exit(t); code != 1 || p.stdout.String()+p.stderr.String()+file(dir+"/log")() == "" {
			t.Errorf("%v: status %d", bad[len(args):], code)
		}
	}
}

// A configuration on standard input reaches the process in the background.
func TestDaemonizeFromStandardInput(t *testing.T) {
	dir := shortDir(t)
	cmd := exec.Command(os.Args[0], "-")
	cmd.Env = append(os.Environ(), asServer+"=1", "GORACE=atexit_sleep_ms=0")
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader("daemonize yes\nport 0\nunixsocket s\npidfile pid\n" + strings.Repeat("# filler\n", 20000))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if pid, err := strconv.Atoi(strings.TrimSpace(file(dir + "/pid")())); err == nil {
		t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) }) // it has usually ended
	}
	c := dial(t, dir)
	c.Send("SHUTDOWN")
	c.WantClosed()
	await(t, func() bool { _, err := os.Stat(dir + "/pid"); return os.IsNotExist(err) })
}

func cmdline(t *testing.T, p *process) string {
	t.Helper()
	return strings.TrimRight(file(fmt.Sprintf("/proc/%d/cmdline", p.cmd.Process.Pid))(), "\x00")
}

// The title that ps shows follows the template, also when it is longer than the
// arguments were, and what the process knows of its arguments stays.
func TestProcessTitle(t *testing.T) {
	linuxOnly(t)
	dir := shortDir(t)
	p := launch(t, dir)
	c := dial(t, dir)
	if have, want := cmdline(t, p), fmt.Sprintf("%s unixsocket:%s/s", os.Args[0], dir); have != want {
		t.Errorf("the title is %q, not %q", have, want)
	}
	long := strings.Repeat("long title ", 40) + "end"
	for template, want := range map[string]string{
		"T {port} {tls-port} {unixsocket} {config-file} {server-mode}": "T 0 0 " + dir + "/s -",
		"{{x} {title}": "{x} " + os.Args[0],
		long:           long,
		"short":        "short",
	} {
		c.Want("+OK", "CONFIG", "SET", "proc-title-template", template)
		// A change that comes before the server is ready is shown once it is.
		awaitThat(t, template+" is shown", func() bool { return cmdline(t, p) == want })
	}
	c.Want("-ERR CONFIG SET failed (possibly related to argument 'proc-title-template') - template format is invalid or contains unknown variables",
		"CONFIG", "SET", "proc-title-template", "{invalid-var}")
	if exe := c.Info("executable"); exe != os.Args[0] {
		t.Errorf("executable is %q", exe)
	}

	quiet := launch(t, shortDir(t), "--set-proc-title", "no")
	if have := cmdline(t, quiet); !strings.Contains(have, "\x00--set-proc-title\x00no") {
		t.Errorf("the arguments are %q", have)
	}
}

// The score follows the directives relative to what it was, absolutely, and goes
// back; it is left alone while the directive is off.
func TestOOMScore(t *testing.T) {
	linuxOnly(t)
	dir := shortDir(t)
	p := launch(t, dir, "--oom-score-adj", "yes", "--oom-score-adj-values", "7 8 9")
	path := fmt.Sprintf("/proc/%d/oom_score_adj", p.cmd.Process.Pid)
	base, err := strconv.Atoi(strings.TrimSpace(file("/proc/self/oom_score_adj")()))
	if err != nil {
		t.Skip("no score here")
	}
	want := func(score int) {
		t.Helper()
		if have := strings.TrimSpace(file(path)()); have != strconv.Itoa(score) {
			t.Errorf("the score is %s, not %d", have, score)
		}
	}
	await(t, func() bool { return strings.TrimSpace(file(path)()) == strconv.Itoa(base+7) })
	c := dial(t, dir)
	c.Want("+OK", "CONFIG", "SET", "oom-score-adj-values", strconv.Itoa(base+20)+" 800 900", "oom-score-adj", "absolute")
	want(base + 20)
	// A second directive that fails takes the first one back.
	if reply := c.Do("CONFIG", "SET", "oom-score-adj", "relative", "maxclients", "4000000000"); !strings.HasPrefix(reply,
		"-ERR CONFIG SET failed (possibly related to argument 'maxclients')") {
		t.Errorf("have %s", reply)
	}
	want(base + 20)
	c.Want("+OK", "REPLICAOF", "127.0.0.1", "1")
	want(800)
	c.Want("+OK", "REPLICAOF", "NO", "ONE")
	want(base + 20)
	c.Want("+OK", "CONFIG", "SET", "oom-score-adj", "no")
	want(base)
	c.Want("+OK", "CONFIG", "SET", "oom-score-adj-values", "30 30 30")
	want(base)
}

// A process pinned by server_cpulist, with all its threads.
func TestCPUList(t *testing.T) {
	linuxOnly(t)
	cpus := regexp.MustCompile(`Cpus_allowed_list:\s+(\d+)`)
	first := cpus.FindStringSubmatch(file("/proc/self/status")())
	if first == nil {
		t.Skip("the system does not tell")
	}
	p := launch(t, shortDir(t), "--server_cpulist", first[1])
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", p.cmd.Process.Pid))
	if err != nil || len(tasks) == 0 {
		t.Fatal(tasks, err)
	}
	for _, task := range tasks {
		status := file(task)()
		if status != "" && !strings.Contains(status, "Cpus_allowed_list:\t"+first[1]+"\n") {
			t.Errorf("%s: %s", task, cpus.FindString(status))
		}
	}
}

// What --help, --check-system and --test-memory print, and their status.
func TestProcessAnswers(t *testing.T) {
	for _, test := range []struct {
		args           []string
		stdout, stderr string // patterns
		status         int
	}{
		{[]string{"-v"}, `^Redis server v=`, `^$`, 0},
		{[]string{"--help"}, `^$`, `^Usage: kvorum server `, 1},
		{[]string{"-h", "more"}, `^$`, `^Usage: kvorum server `, 1},
		{[]string{"--test-memory"}, `^$`, `^Please specify the amount of memory to test in megabytes\.\nExample:`, 1},
		{[]string{"--test-memory", "x"}, `^$`, `^Please specify the amount`, 1},
		{[]string{"--test-memory", "1"}, `Testing 1 MB: pass 50 of 50\nYour memory passed this test\.\n`, `^$`, 0},
		{[]string{"--check-system"}, `^\[slow-clocksource\]\.\.\.(OK|skipped|WARNING:\n.*)\n\[xen-clocksource\]\.\.\.`, `^$`, -1},
	} {
		p := startProcess(t, shortDir(t), test.args...)
		code := p.exit(t)
		if test.status == -1 {
			test.status = 0
			if strings.Contains(p.stdout.String(), "WARNING") {
				test.status = 1
			}
		}
		if code != test.status || !regexp.MustCompile(test.stdout).MatchString(p.stdout.String()) || !regexp.MustCompile(test.stderr).MatchString(p.stderr.String()) {
			t.Errorf("%v: status %d, stdout\n%s\nstderr\n%s", test.args, code, p.stdout.String(), p.stderr.String())
		}
	}
}

// More loops than processors only take turns.
func TestNoMoreLoopsThanProcessors(t *testing.T) {
	for _, test := range []struct {
		maxProcs string
		want     int
	}{{"", runtime.NumCPU()}, {"1", 1}, {strconv.Itoa(runtime.NumCPU() + 3), runtime.NumCPU() + 3}} {
		t.Setenv("GOMAXPROCS", test.maxProcs)
		asked := runtime.NumCPU() + 5
		p := launch(t, shortDir(t), "--io-threads", strconv.Itoa(asked))
		awaitLog(t, p.stdout.String, fmt.Sprintf(`\* io-threads is %d: there are %d event loops`, asked, test.want))
	}
}

// With a loop for every processor no thread interrupts others when it wakes.
func TestAsManyLoopsAsProcessorsGiveWay(t *testing.T) {
	linuxOnly(t)
	for loops, want := range map[int]string{runtime.NumCPU(): "3", max(runtime.NumCPU()-1, 1): "0"} {
		if loops == runtime.NumCPU() && want == "0" {
			continue // one processor
		}
		p := launch(t, shortDir(t), "--io-threads", strconv.Itoa(loops))
		tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", p.cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		for _, task := range tasks {
			stat := file(fmt.Sprintf("/proc/%d/task/%s/stat", p.cmd.Process.Pid, task.Name()))()
			fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
			const policy = 41 - 3 // proc(5), behind the name
			if len(fields) <= policy || fields[policy] != want {
				t.Errorf("%d loops: thread %s: %q, want the policy %s", loops, task.Name(), stat, want)
			}
		}
	}
}
