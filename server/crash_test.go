package server_test

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// deathOf returns the signal that a process died of, 0 if it exited.
func deathOf(t *testing.T, p *process) syscall.Signal {
	t.Helper()
	p.exit(t)
	if status := p.cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signaled() {
		return status.Signal()
	}
	return 0
}

const (
	reportStart = `\n\n=== REDIS BUG REPORT START: Cut & paste starting from here ===\n`
	reportEnd   = `\n=== REDIS BUG REPORT END\. Make sure to include from START to END\. ===\n`
)

// sectionsOf are the parts of a report, in order.
var sectionsOf = []string{"STACK TRACE", "STACK TRACE DONE", "INFO OUTPUT", "CLIENT LIST OUTPUT", "CONFIG DEBUG OUTPUT"}

func wantReport(t *testing.T, log, cause string) {
	t.Helper()
	pattern := "(?s)" + reportStart + cause
	for _, title := range sectionsOf {
		pattern += ".*\n------ " + title + " ------\n"
	}
	pattern += ".*unixsocket: " + ".*" + reportEnd
	if !regexp.MustCompile(pattern).MatchString(log) {
		t.Errorf("the log does not match %s\n%s", pattern, log)
	}
	if n := strings.Count(log, "BUG REPORT START"); n != 1 {
		t.Errorf("%d reports", n)
	}
	for _, line := range []string{"redis_version:7.2.4", " name=me ", "\ncluster_enabled:0"} {
		if !strings.Contains(log, line) {
			t.Errorf("the report lacks %q\n%s", line, log)
		}
	}
	if strings.Contains(log, "secret") {
		t.Error("the report shows a password")
	}
}

// Each way to crash leaves a report in the log and the right kind of death.
func TestCrashReport(t *testing.T) {
	linuxOnly(t)
	for _, test := range []struct {
		form  string // of DEBUG
		args  []string
		cause string
		death syscall.Signal
		exit  int
	}{
		{form: "SEGFAULT", cause: `\d+:M [^\n]* # Redis 7\.2\.4 crashed by signal: 11, .*# Accessing address: 0x[0-9a-f]+\n`, death: syscall.SIGSEGV},
		{form: "PANIC", cause: `.*# Guru Meditation: DEBUG PANIC called at Unix time \d+ #debug_crash\.go:\d+\n`, death: syscall.SIGABRT},
		{form: "ASSERT", cause: `.*# === ASSERTION FAILED ===\n.*# ==> debug_crash\.go:\d+ 'debug: 1 == 2' is not true\n`, death: syscall.SIGABRT},
		{form: "PANIC", args: []string{"--use-exit-on-panic", "yes"}, cause: `.*# Guru Meditation: `, exit: 1},
	} {
		t.Run(test.form, func(t *testing.T) {
			t.Parallel()
			dir := shortDir(t)
			p := launch(t, dir, append(test.args, "--logfile", "log", "--requirepass", "secret", "--io-threads", "2")...)
			c := dial(t, dir)
			c.Want("+OK", "AUTH", "secret")
			c.Want("+OK", "CLIENT", "SETNAME", "me")
			c.Send("DEBUG", test.form)
			c.WantClosed()
			if sig := deathOf(t, p); sig != test.death || sig == 0 && p.cmd.ProcessState.ExitCode() != test.exit {
				t.Errorf("%s: %v", test.form, p.cmd.ProcessState)
			}
			log := file(dir + "/log")()
			wantReport(t, log, test.cause)
			if !strings.Contains(log, "servercmd.debug"+test.form[:1]+strings.ToLower(test.form[1:])+"(") {
				t.Error("the stack lacks the culprit")
			}
		})
	}
}

// Signals that nobody sends without reason end in a report too, and in the death
// that they mean; without crash-log-enabled only in the latter.
func TestCrashReportOfSignals(t *testing.T) {
	linuxOnly(t)
	for _, sig := range []syscall.Signal{syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGABRT, syscall.SIGQUIT} {
		dir := shortDir(t)
		p := launch(t, dir, "--logfile", "log", "--requirepass", "secret")
		c := dial(t, dir)
		c.Want("+OK", "AUTH", "secret")
		c.Want("+OK", "CLIENT", "SETNAME", "me")
		p.signal(t, sig)
		if death := deathOf(t, p); death != sig {
			t.Errorf("%v: %v", sig, p.cmd.ProcessState)
		}
		wantReport(t, file(dir+"/log")(), `\d+:M [^\n]* # Redis 7\.2\.4 crashed by signal: \d+, si_code: 0 `)
	}
	dir := shortDir(t)
	p := launch(t, dir, "--logfile", "log")
	dial(t, dir).Want("+OK", "CONFIG", "SET", "crash-log-enabled", "no")
	p.signal(t, syscall.SIGABRT)
	if death := deathOf(t, p); death != syscall.SIGABRT || strings.Contains(file(dir+"/log")(), "BUG REPORT") {
		t.Errorf("%v\n%s", p.cmd.ProcessState, file(dir+"/log")())
	}
}

// A panic where nobody guards leaves the runtime's words and all stacks in the log
// that is there then, though the one of the start has been moved away.
func TestUnguardedPanicReachesLog(t *testing.T) {
	linuxOnly(t)
	t.Setenv(panicOnUsr1, "1")
	dir := shortDir(t)
	p := launch(t, dir, "--logfile", "log")
	if err := os.Rename(dir+"/log", dir+"/old"); err != nil {
		t.Fatal(err)
	}
	dial(t, dir).Want("+OK", "DEBUG", "LOG", "new file")
	open := func(name string) bool {
		files, err := filepath.Glob("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/fd/*")
		return err == nil && slices.ContainsFunc(files, func(fd string) bool {
			to, err := os.Readlink(fd)
			return err == nil && strings.HasSuffix(to, "/"+name)
		})
	}
	await(t, func() bool { return open("log") && !open("old") })
	p.signal(t, syscall.SIGUSR1)
	if death := deathOf(t, p); death != syscall.SIGABRT {
		t.Errorf("%v", p.cmd.ProcessState)
	}
	if log := file(dir + "/log")(); !strings.Contains(log, "panic: ") || !strings.Contains(log, "netloop.(*Loop).run") {
		t.Errorf("the log is\n%s", log)
	}
}

// An event loop that does not come round within the period is told of once, with
// what it does, and the server lives on.
func TestWatchdog(t *testing.T) {
	dir := shortDir(t)
	p := launch(t, dir)
	c := dial(t, dir)
	c.Want("*2\n  \"watchdog-period\"\n  \"0\"", "CONFIG", "GET", "watchdog-period")
	c.Want("+OK", "CONFIG", "SET", "watchdog-period", "1")
	c.Want("*2\n  \"watchdog-period\"\n  \"200\"", "CONFIG", "GET", "watchdog-period")
	c.Want("+OK", "DEBUG", "SLEEP", "0.7")
	c.Want("+OK", "CONFIG", "SET", "watchdog-period", "0")
	awaitLog(t, p.stdout.String, `(?s)--- WATCHDOG TIMER EXPIRED ---\n.*debugSleep.*STACK TRACE DONE.*--------\n`)
	if n := strings.Count(p.stdout.String(), "WATCHDOG TIMER EXPIRED"); n != 1 {
		t.Errorf("it was told %d times", n)
	}
	c.Want("+PONG", "PING")
}

// systemd is told each step in Redis's words; INFO names who supervises; daemonize
// is not obeyed then.
func TestSupervisedBySystemd(t *testing.T) {
	linuxOnly(t)
	for _, mode := range []string{"systemd", "auto"} {
		dir := shortDir(t)
		conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: dir + "/n", Net: "unixgram"})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		want := func(state string) {
			t.Helper()
			b := make([]byte, 256)
			n, err := conn.Read(b)
			if err != nil || string(b[:n]) != state {
				t.Errorf("systemd is told %q (%v), not %q", b[:n], err, state)
			}
		}
		t.Setenv("NOTIFY_SOCKET", dir+"/n")
		p := launch(t, dir, "--supervised", mode, "--daemonize", "yes")
		want("STATUS=Redis is loading...\n")
		want("STATUS=Ready to accept connections\n")
		want("READY=1\n")
		c := dial(t, dir)
		if have := c.Info("process_supervised"); have != "systemd" {
			t.Errorf("process_supervised is %q", have)
		}
		p.signal(t, syscall.SIGTERM)
		want("STOPPING=1\n")
		if code := p.exit(t); code != 0 || !strings.Contains(p.stdout.String(), "* Supervised by systemd. Please make sure you set appropriate values for TimeoutStartSec and TimeoutStopSec in your service unit.\n") {
			t.Errorf("status %d\n%s", code, p.stdout.String())
		}
		if err := os.Unsetenv("NOTIFY_SOCKET"); err != nil {
			t.Fatal(err)
		}
	}
	p := launch(t, shortDir(t), "--supervised", "systemd")
	awaitLog(t, p.stdout.String, `# systemd supervision error: NOTIFY_SOCKET not found!\n`)
}

// upstart sees the process stop itself, and continues it.
func TestSupervisedByUpstart(t *testing.T) {
	linuxOnly(t)
	dir := shortDir(t)
	t.Setenv("UPSTART_JOB", "kvorum")
	p := startProcess(t, dir, "--supervised", "auto", "--port", "0", "--unixsocket", dir+"/s")
	awaitLog(t, p.stdout.String, `\* supervised by upstart, will stop to signal readiness\.\n`)
	await(t, func() bool {
		stat := strings.Fields(file("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/stat")())
		return len(stat) > 2 && stat[2] == "T"
	})
	p.signal(t, syscall.SIGCONT)
	awaitLog(t, p.stdout.String, readyLine)
	if have := dial(t, dir).Info("process_supervised"); have != "upstart" {
		t.Errorf("process_supervised is %q", have)
	}
}
