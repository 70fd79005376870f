package server_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"kvorum/server/servertest"
)

// nobodysAddr is an address for documentation that no machine has.
const nobodysAddr = "203.0.113.77"

// freePort returns a port that nobody listened on a moment ago.
func freePort(t testing.TB) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

// listenSomewhere has a server listen on a free port, which it returns. Between
// the question for it and the answer somebody else may take it: then another.
func listenSomewhere(t testing.TB, admin *servertest.Conn, bind string) int {
	t.Helper()
	const tries = 5
	reply := ""
	for range tries {
		port := freePort(t)
		if reply = admin.Do("CONFIG", "SET", "bind", bind, "port", strconv.Itoa(port)); reply == "+OK" {
			return port
		}
	}
	t.Fatalf("CONFIG SET bind %s: %s", bind, reply)
	return 0
}

// connect returns a client that got an answer, nil if nobody listens there.
func connect(t testing.TB, host string, port int) *servertest.Conn {
	t.Helper()
	conn, err := net.DialTimeout("tcp", net.JoinHostPort(host, strconv.Itoa(port)), 10*time.Second)
	if err != nil {
		return nil
	}
	c := servertest.NewConn(t, conn)
	c.Want("+PONG", "PING")
	return c
}

func wantListening(t testing.TB, port int, want map[string]bool) {
	t.Helper()
	for host, yes := range want {
		if got := connect(t, host, port) != nil; got != yes {
			t.Errorf("listens on %s: %v, want %v", host, got, yes)
		}
	}
}

// hasIPv6 reports whether the machine has the IPv6 loopback address.
func hasIPv6(t testing.TB) bool {
	ln, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Logf("no IPv6 here, part of the test is left out: %v", err)
		return false
	}
	ln.Close()
	return true
}

// bind and port change while the server runs: clients stay, sockets that are not
// wanted any more are closed, and INFO tells which there are.
func TestBindAndPortChangeAtRunTime(t *testing.T) {
	s := servertest.Start(t)
	admin := s.Dial()
	if have := admin.Info("listener0"); have != "" {
		t.Errorf("listener0 %q without a port", have)
	}
	if have := admin.Info("listener1"); have != "name=unix,bind="+s.Socket {
		t.Errorf("listener1 %q", have)
	}
	port := listenSomewhere(t, admin, "127.0.0.1")
	wantListening(t, port, map[string]bool{"127.0.0.1": true, "127.0.0.2": false})
	old := connect(t, "127.0.0.1", port)

	admin.Want("+OK", "CONFIG", "SET", "bind", "127.0.0.2 127.0.0.1")
	wantListening(t, port, map[string]bool{"127.0.0.1": true, "127.0.0.2": true})
	if have, want := admin.Info("listener0"), fmt.Sprintf("name=tcp,bind=127.0.0.2,bind=127.0.0.1,port=%d", port); have != want {
		t.Errorf("listener0 %q, want %q", have, want)
	}
	admin.Want("+OK", "CONFIG", "SET", "bind", "127.0.0.2")
	wantListening(t, port, map[string]bool{"127.0.0.1": false, "127.0.0.2": true})
	old.Want("+PONG", "PING")

	// From one address to all and back: the sockets are in each other's way.
	admin.Want("+OK", "CONFIG", "SET", "bind", "*")
	wantListening(t, port, map[string]bool{"127.0.0.1": true, "127.0.0.3": true})
	admin.Want("+OK", "CONFIG", "SET", "bind", "localhost")
	wantListening(t, port, map[string]bool{"127.0.0.1": true, "127.0.0.3": false})

	admin.Want("+OK", "CONFIG", "SET", "bind", "")
	admin.Want("*2\n  \"bind\"\n  \"\"", "CONFIG", "GET", "bind")
	wantListening(t, port, map[string]bool{"127.0.0.1": false})
	if have, want := admin.Info("listener0"), fmt.Sprintf("name=tcp,port=%d", port); have != want {
		t.Errorf("listener0 %q without an address, want %q", have, want)
	}
	if have := admin.Info("tcp_port"); have != strconv.Itoa(port) {
		t.Errorf("tcp_port %q, want %d", have, port)
	}
	second := listenSomewhere(t, admin, "127.0.0.1")
	admin.Want("+OK", "CONFIG", "SET", "port", "0")
	if have := admin.Info("listener0"); have != "name=tcp" {
		t.Errorf("listener0 %q without a port", have)
	}
	wantListening(t, second, map[string]bool{"127.0.0.1": false})
	old.Want("+PONG", "PING")
}

// What cannot be listened on leaves the old sockets in place, also those that
// had to be closed for the attempt.
func TestFailedBindRollsBack(t *testing.T) {
	s := servertest.Start(t)
	admin := s.Dial()
	port := listenSomewhere(t, admin, "127.0.0.1")
	const failed = "-ERR CONFIG SET failed (possibly related to argument 'bind') - Failed to bind to specified addresses."
	for _, bad := range []string{"999.999.999.999", "127.0.0.1 " + nobodysAddr, "127.0.0.2 foo::bar", "127.0.0.1 127.0.0.1"} {
		admin.Want(failed, "CONFIG", "SET", "bind", bad)
		admin.Want("*2\n  \"bind\"\n  \"127.0.0.1\"", "CONFIG", "GET", "bind")
		wantListening(t, port, map[string]bool{"127.0.0.1": true, "127.0.0.2": false})
	}
	admin.Want("+OK", "CONFIG", "SET", "bind", "*")
	admin.Want(failed, "CONFIG", "SET", "bind", "127.0.0.1 "+nobodysAddr)
	wantListening(t, port, map[string]bool{"127.0.0.1": true, "127.0.0.2": true})

	other, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	taken := other.Addr().(*net.TCPAddr).Port
	admin.Want("-ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. Check server logs.",
		"CONFIG", "SET", "port", strconv.Itoa(taken))
	wantListening(t, port, map[string]bool{"127.0.0.1": true})

	// An address that may be missing is no failure, a name that may be is.
	admin.Want("+OK", "CONFIG", "SET", "bind", "-"+nobodysAddr+" 127.0.0.1")
	wantListening(t, port, map[string]bool{"127.0.0.1": true, "127.0.0.2": false})
	if have, want := admin.Info("listener0"), fmt.Sprintf("name=tcp,bind=127.0.0.1,port=%d", port); have != want {
		t.Errorf("listener0 %q, want %q", have, want)
	}
	admin.Want(failed, "CONFIG", "SET", "bind", "-999.999.999.999 127.0.0.1")

	for _, line := range []string{
		fmt.Sprintf(" # Warning: Could not create server TCP listening socket 999.999.999.999:%d: Name or service not known\n", port),
		fmt.Sprintf(" # Warning: Could not create server TCP listening socket %s:%d: bind: Cannot assign requested address\n", nobodysAddr, port),
		fmt.Sprintf(" # Warning: Could not create server TCP listening socket foo::bar:%d: Name or service not known\n", port),
		fmt.Sprintf(" # Warning: Could not create server TCP listening socket 127.0.0.1:%d: bind: Address already in use\n", port),
		fmt.Sprintf(" # Warning: Could not create server TCP listening socket *:%d: bind: Address already in use\n", taken),
	} {
		if !strings.Contains(s.Log.String(), line) {
			t.Errorf("the log lacks %q:\n%s", line, s.Log.String())
		}
	}
}

// Someone who is connecting while bind changes is not turned away when the
// address is wanted before and after.
func TestCommonAddressStaysOpen(t *testing.T) {
	s := servertest.Start(t)
	admin := s.Dial()
	port := listenSomewhere(t, admin, "127.0.0.1")
	stop, failed := make(chan struct{}), make(chan error, 1)
	go func() {
		defer close(failed)
		for {
			select {
			case <-stop:
				return
			default:
			}
			conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
			if err == nil {
				_, err = conn.Write([]byte("PING\r\n"))
			}
			reply := make([]byte, 16)
			if err == nil {
				_, err = conn.Read(reply)
			}
			if err != nil {
				failed <- err
				return
			}
			conn.Close()
		}
	}()
	for i := range 50 {
		admin.Want("+OK", "CONFIG", "SET", "bind", []string{"127.0.0.2 127.0.0.1", "127.0.0.1"}[i%2])
	}
	close(stop)
	if err := <-failed; err != nil {
		t.Error(err)
	}
}

// Addresses of IPv6 clients have brackets; an IPv6 socket takes no IPv4 clients,
// so that the default of bind can have both.
func TestIPv6(t *testing.T) {
	if !hasIPv6(t) {
		t.Skip("no IPv6 here")
	}
	s := servertest.Start(t)
	admin := s.Dial()
	port := listenSomewhere(t, admin, "::1")
	wantListening(t, port, map[string]bool{"::1": true, "127.0.0.1": false})
	c := connect(t, "::1", port)
	line := c.Str("CLIENT", "INFO")
	if have, want := clientField(line, "addr"), c.LocalAddr().String(); have != want || !strings.HasPrefix(have, "[::1]:") {
		t.Errorf("addr %q, want %q", have, want)
	}
	if have, want := clientField(line, "laddr"), fmt.Sprintf("[::1]:%d", port); have != want {
		t.Errorf("laddr %q, want %q", have, want)
	}
	admin.Want("+OK", "CONFIG", "SET", "bind", "::*")
	wantListening(t, port, map[string]bool{"::1": true, "127.0.0.1": false})
	admin.Want("+OK", "CONFIG", "SET", "bind", "* -::*")
	wantListening(t, port, map[string]bool{"::1": true, "127.0.0.1": true})
	if have, want := admin.Info("listener0"), fmt.Sprintf("name=tcp,bind=*,bind=-::*,port=%d", port); have != want {
		t.Errorf("listener0 %q, want %q", have, want)
	}
	admin.Want(":1", "CLIENT", "KILL", "ADDR", c.LocalAddr().String())
	c.WantClosed()
}

// The Unix socket has the permissions of unixsocketperm, replaces what has its
// name, and its clients say where they came in.
func TestUnixSocket(t *testing.T) {
	dir := shortDir(t)
	path := filepath.Join(dir, "u")
	if err := os.WriteFile(path, []byte("left behind"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := servertest.Start(t, "unixsocket "+path, "unixsocketperm 707")
	s.Socket = path
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&os.ModeSocket == 0 || info.Mode().Perm() != 0o707 {
		t.Errorf("mode %v (%v), want a socket with 0707", info.Mode(), err)
	}
	line := s.Dial().Str("CLIENT", "LIST")
	if !strings.Contains(line, " addr="+path+":0 laddr="+path+":0 ") || clientField(line, "flags") != "U" {
		t.Errorf("have %q", line)
	}
	s.Server.Stop()
	s.AwaitEnd()
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the socket is left: %v", err)
	}
	if !strings.Contains(s.Log.String(), " * Removing the unix socket file.\n") {
		t.Errorf("the log is\n%s", s.Log.String())
	}
}

// A server removes its own socket file only: one that another server has put in
// its place stays.
func TestUnixSocketOfAnotherStays(t *testing.T) {
	path := filepath.Join(shortDir(t), "u")
	first := servertest.Start(t, "unixsocket "+path)
	second := servertest.Start(t, "unixsocket "+path)
	first.Server.Stop()
	first.AwaitEnd()
	if strings.Contains(first.Log.String(), "unix socket file") {
		t.Errorf("the log is\n%s", first.Log.String())
	}
	second.Socket = path
	second.Dial().Want("+PONG", "PING")
}

// A start that cannot listen says why, in Redis's words, and ends with status 1.
func TestStartsThatCannotListen(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := strconv.Itoa(taken.Addr().(*net.TCPAddr).Port)
	dir := shortDir(t)
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o755); err != nil {
		t.Fatal(err)
	}
	socket := func(addr, port, problem string) string {
		return regexp.QuoteMeta("# Warning: Could not create server TCP listening socket "+addr+":"+port+": "+problem) + `\n` +
			`[^\n]*` + regexp.QuoteMeta("# Failed listening on port "+port+" (tcp), aborting.") + `\n$`
	}
	long := strings.Repeat("a", 120)
	for _, test := range []struct {
		args []string
		log  string
	}{
		{[]string{"--port", port}, socket("*", port, "bind: Address already in use")},
		{[]string{"--port", port, "--bind", "127.0.0.1"}, socket("127.0.0.1", port, "bind: Address already in use")},
		{[]string{"--port", port, "--bind", "127.0.0.2", nobodysAddr}, socket(nobodysAddr, port, "bind: Cannot assign requested address")},
		{[]string{"--port", port, "--bind", "::1%lo"}, socket("::1%lo", port, "Name or service not known")},
		{[]string{"--port", port, "--bind", "-" + nobodysAddr},
			`bind: Cannot assign requested address\n[^\n]*# Configured to not listen anywhere, exiting\.\n$`},
		{[]string{"--port", port, "--bind", ""}, `# Configured to not listen anywhere, exiting\.\n$`},
		{[]string{"--port", "0", "--unixsocket", "/nosuch/s"}, `# Failed opening Unix socket: bind: No such file or directory\n$`},
		{[]string{"--port", "0", "--unixsocket", "d"}, `# Failed opening Unix socket: bind: Address already in use\n$`},
		{[]string{"--port", "0", "--unixsocket", long}, `# Failed opening Unix socket: unix socket path too long \(120\), must be under 108\n$`},
	} {
		p := startProcess(t, dir, test.args...)
		if code := p.exit(t); code != 1 {
			t.Errorf("%v: exit status %d", test.args, code)
		}
		if !regexp.MustCompile(test.log).MatchString(p.stdout.String()) {
			t.Errorf("%v: the log is\n%s", test.args, p.stdout.String())
		}
	}
}

// Two servers do not share a port; the first is not disturbed.
func TestTwoServersOnOnePort(t *testing.T) {
	dir := shortDir(t)
	port := strconv.Itoa(freePort(t))
	first := startProcess(t, dir, "--port", port, "--bind", "127.0.0.1")
	await(t, func() bool { return strings.Contains(first.stdout.String(), "Ready to accept connections tcp\n") })
	second := startProcess(t, dir, "--port", port, "--bind", "127.0.0.1")
	if code := second.exit(t); code != 1 {
		t.Errorf("exit status %d", code)
	}
	if !strings.Contains(second.stdout.String(), " # Warning: Could not create server TCP listening socket 127.0.0.1:"+port+": bind: Address already in use\n") {
		t.Errorf("the log is\n%s", second.stdout.String())
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	if connect(t, "127.0.0.1", n) == nil {
		t.Error("the first server is gone")
	}
}

// A failed change is told in the log, with what is done about it.
func TestFailedBindIsLogged(t *testing.T) {
	p := startProcess(t, shortDir(t), "--port", "0", "--unixsocket", "s")
	await(t, func() bool { return strings.Contains(p.stdout.String(), "Ready to accept connections unix\n") })
	conn, err := net.Dial("unix", filepath.Join(p.cmd.Dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	c := servertest.NewConn(t, conn)
	c.Do("CONFIG", "SET", "port", strconv.Itoa(freePort(t)), "bind", nobodysAddr)
	const want = "# Failed applying new configuration. Possibly related to new port setting. Restoring previous settings.\n"
	await(t, func() bool { return strings.Contains(p.stdout.String(), want) }) // it comes through a pipe
}
