// Package peer runs real server processes for whole-system tests: kvorum, built
// from this tree, and the server it is compared with.
//
//	KVORUM_SERVER      a binary to test instead of building one
//	KVORUM_BUILDFLAGS  flags for the build, such as "-race" or "-tags memdebug"
//	REDIS_SERVER       the server to compare with (redis-server of PATH)
//
// Every server listens on a unix socket in a directory of its own, so tests need
// no ports and run beside each other. Processes end with the test that started
// them; only their own pid is ever signalled.
//
// I1: the binary is built at most once per test process. I2: no wait here is a
// fixed time: readiness is asked for until a deadline.
//
// Tests only; no package of the program may import it.
package peer

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	startTimeout = 30 * time.Second
	stopTimeout  = 20 * time.Second
	pollEvery    = 5 * time.Millisecond
)

// Server is a running process.
type Server struct {
	Name    string // "kvorum", "redis" or "valkey"
	Own     string // its own version
	Version string // the version of Redis it stands for
	Args    []string

	bin   string
	words []string // all arguments of the process
	ours  bool     // built from this tree
	sock  string
	cmd   *exec.Cmd
	done  chan struct{} // closed when the process has ended
	log   *logBuffer

	killed bool // by Kill
}

// build is the binary made from this tree.
var build struct {
	once sync.Once
	dir  string
	bin  string
	err  error
}

// Main is for TestMain: it runs the tests and removes what was built for them.
func Main(m *testing.M) {
	code := m.Run()
	if build.dir != "" {
		if err := os.RemoveAll(build.dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	os.Exit(code)
}

// StartKvorum starts our server with further arguments (--directive value); the
// first may be the path of a configuration file. It
// ends with the test, which fails if the server then ends badly.
func StartKvorum(t testing.TB, args ...string) *Server {
	t.Helper()
	return start(t, kvorum(t), []string{"server"}, args, true)
}

// kvorum returns the path of our binary.
func kvorum(t testing.TB) string {
	t.Helper()
	if bin := os.Getenv("KVORUM_SERVER"); bin != "" {
		return bin
	}
	build.once.Do(buildKvorum)
	if build.err != nil {
		t.Fatal(build.err)
	}
	return build.bin
}

func buildKvorum() {
	root, err := moduleRoot()
	if err != nil {
		build.err = err
		return
	}
	if build.dir, err = os.MkdirTemp("", "kv"); err != nil {
		build.err = err
		return
	}
	build.bin = filepath.Join(build.dir, "kvorum")
	args := append([]string{"build", "-o", build.bin}, strings.Fields(os.Getenv("KVORUM_BUILDFLAGS"))...)
	cmd := exec.Command("go", append(args, "./cmd/kvorum")...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		build.err = fmt.Errorf("peer: building kvorum: %w\n%s", err, out)
	}
}

// moduleRoot is the folder of go.mod: a test runs in its package's folder.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("peer: no go.mod above the test's folder")
		}
		dir = up
	}
}

// StartOracle starts the server to compare with. Without one in PATH or in
// REDIS_SERVER the test is skipped.
func StartOracle(t testing.TB, args ...string) *Server {
	t.Helper()
	return start(t, oracle(t), nil, args, false)
}

// oracle returns the path of the server to compare with.
func oracle(t testing.TB) string {
	t.Helper()
	name := os.Getenv("REDIS_SERVER")
	if name == "" {
		name = "redis-server"
	}
	bin, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("needs a real server to compare with: %v", err)
	}
	return bin
}

// StartUnder starts our server (ours) or the one to compare with as an argument of
// another program, which has to become it: the pid stays. The words are that program
// and its arguments, such as "ip", "netns", "exec" and a namespace.
func StartUnder(t testing.TB, words []string, ours bool, args ...string) *Server {
	t.Helper()
	program := append([]string(nil), words[1:]...)
	if ours {
		program = append(program, kvorum(t), "server")
	} else {
		program = append(program, oracle(t))
	}
	return start(t, words[0], program, args, ours)
}

func start(t testing.TB, bin string, program, args []string, ours bool) *Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "kv") // short: the path of a socket has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Args: args, bin: bin, ours: ours, sock: filepath.Join(dir, "s"), log: &logBuffer{}}
	s.words = program
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") { // a configuration file comes first
		s.words, args = append(s.words, args[0]), args[1:]
	}
	s.words = append(s.words, "--port", "0", "--unixsocket", s.sock, "--save", "", "--dir", dir, "--enable-debug-command", "yes")
	s.words = append(s.words, args...)
	if err := s.launch(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := s.await(); err != nil {
		t.Fatal(err)
	}
	return s
}

// loopsAsAsked returns the environment of a kvorum that makes as many event loops as its
// arguments ask for, on a machine with fewer processors, too: there threads are
// interrupted in more places.
func loopsAsAsked(args []string) []string {
	env := os.Environ()
	if at := slices.Index(args, "--io-threads"); at >= 0 {
		if n, err := strconv.Atoi(args[at+1]); err == nil && n > runtime.NumCPU() {
			env = append(env, "GOMAXPROCS="+args[at+1])
		}
	}
	return env
}

// launch starts the process.
func (s *Server) launch() error {
	cmd, done := exec.Command(s.bin, s.words...), make(chan struct{})
	if s.ours {
		cmd.Env = loopsAsAsked(s.words)
	}
	cmd.Stdout, cmd.Stderr = s.log, s.log
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		_ = cmd.Wait() // how it ended is in ProcessState
		close(done)
	}()
	s.cmd, s.done, s.killed = cmd, done, false
	return nil
}

// Restart ends the server and starts it again as it was, at the same addresses
// and without the data. No other method may run meanwhile.
func (s *Server) Restart() error {
	if err := s.stop(); err != nil {
		return err
	}
	if err := s.launch(); err != nil {
		return err
	}
	return s.await()
}

// await waits until the server answers, and learns who it is.
func (s *Server) await() error {
	deadline := time.Now().Add(startTimeout)
	for {
		c, err := s.Dial()
		if err == nil {
			defer c.Close()
			return s.identify(c)
		}
		if time.Now().After(deadline) || !s.Alive() {
			return fmt.Errorf("peer: %s does not start: %w\n%s", s.cmd.Path, err, s.Log())
		}
		time.Sleep(pollEvery)
	}
}

// identify reads name and versions from INFO, or for a server without INFO from
// HELLO.
func (s *Server) identify(c *Conn) error {
	v, err := c.Do("INFO", "server")
	if err != nil {
		return err
	}
	s.Name, s.Version = "redis", infoField(v.Str, "redis_version")
	s.Own = s.Version
	for _, name := range []string{"valkey", "kvorum"} {
		if own := infoField(v.Str, name+"_version"); own != "" {
			s.Name, s.Own = name, own
		}
	}
	if s.Version == "" {
		return fmt.Errorf("peer: %s: INFO server has no redis_version: %q", s.cmd.Path, v.Str)
	}
	return nil
}

func infoField(info []byte, name string) string {
	for _, line := range strings.Split(string(info), "\r\n") {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			return v
		}
	}
	return ""
}

// String names the server and its arguments.
func (s *Server) String() string {
	return strings.TrimSpace(s.Name + " " + s.Own + " " + strings.Join(s.Args, " "))
}

// Sock is the path of the server's unix socket.
func (s *Server) Sock() string { return s.sock }

// Alive reports whether the process runs.
func (s *Server) Alive() bool {
	select {
	case <-s.done:
		return false
	default:
		return true
	}
}

// AtLeast reports whether the server stands for a Redis of this version
// ("7.2.0") or a later one.
func (s *Server) AtLeast(version string) bool { return !Older(s.Version, version) }

// Older compares dotted versions.
func Older(have, want string) bool {
	var h, w [3]int
	// A part that is missing is 0, which is what it means.
	_, _ = fmt.Sscanf(have, "%d.%d.%d", &h[0], &h[1], &h[2])
	_, _ = fmt.Sscanf(want, "%d.%d.%d", &w[0], &w[1], &w[2])
	for i := range h {
		if h[i] != w[i] {
			return h[i] < w[i]
		}
	}
	return false
}

// Log returns the end of what the server wrote.
func (s *Server) Log() string { return s.log.tail() }

// stop ends the process: politely, and by force when it does not follow. Our own
// server must not need force, nor have died before.
func (s *Server) stop() error {
	died := !s.Alive()
	if died && s.killed {
		return nil
	}
	if !died {
		_ = s.cmd.Process.Signal(syscall.SIGTERM) // an error means that it has just ended
		select {
		case <-s.done:
		case <-time.After(stopTimeout):
			_ = s.cmd.Process.Kill()
			<-s.done
			if s.ours {
				return fmt.Errorf("peer: %s did not end on SIGTERM within %v\n%s", s, stopTimeout, s.Log())
			}
		}
	}
	if code := s.cmd.ProcessState.ExitCode(); s.ours && (died || code != 0) {
		return fmt.Errorf("peer: %s ended with status %d\n%s", s, code, s.Log())
	}
	return nil
}

// Kill ends the process as a crash of the machine would: without warning.
func (s *Server) Kill() error {
	s.killed = true
	err := s.cmd.Process.Kill()
	<-s.done
	return err
}

// AwaitEnd waits until the process has ended by itself, as it was told to.
func (s *Server) AwaitEnd(most time.Duration) error {
	select {
	case <-s.done:
		s.killed = true
		return nil
	case <-time.After(most):
		return fmt.Errorf("peer: %s has not ended within %v\n%s", s, most, s.Log())
	}
}

// logBuffer keeps the beginning and the end of a process's output: a panic's
// message comes before its many stacks.
type logBuffer struct {
	mu   sync.Mutex
	head bytes.Buffer
	last []byte
}

const logPart = 32 << 10 // bytes kept of the beginning, and of the end

// Write implements io.Writer.
func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(p)
	if room := logPart - l.head.Len(); room > 0 {
		take := min(room, len(p))
		l.head.Write(p[:take])
		p = p[take:]
	}
	l.last = append(l.last, p...)
	if len(l.last) > 2*logPart {
		l.last = append(l.last[:0], l.last[len(l.last)-logPart:]...)
	}
	return n, nil
}

func (l *logBuffer) tail() string {
	const show = 6000
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.head.String() + string(l.last)
	if i := strings.Index(text, "panic"); i >= 0 {
		return text[i:min(len(text), i+show)]
	}
	return text[max(0, len(text)-show):]
}
