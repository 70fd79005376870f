package server_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"kvorum/config"
	"kvorum/logx"
	"kvorum/resp"
	"kvorum/server"
	"kvorum/server/servertest"
)

// A client that must authenticate learns nothing before, and the form of HELLO
// that does all at once gives it name, protocol and access together.
func TestHelloAndAuth(t *testing.T) {
	s := servertest.Start(t, "requirepass secret")
	c := s.Dial()
	c.Want("-NOAUTH Authentication required.", "DBSIZE")
	c.Want("-WRONGPASS invalid username-password pair or user is disabled.", "HELLO", "3", "AUTH", "default", "wrong", "SETNAME", "me")
	c.Want("-NOAUTH Authentication required.", "CLIENT", "GETNAME")
	c.Send("HELLO", "3", "AUTH", "default", "secret", "SETNAME", "me")
	if v := c.Read(); v.Type != '%' || len(v.Elems) != 14 {
		t.Errorf("HELLO replied %s", v.Text())
	}
	c.Want(`"me"`, "CLIENT", "GETNAME")
	c.Want("_", "DEBUG", "PROTOCOL", "null")
	c.Want("+RESET", "RESET")
	c.Want("-NOAUTH Authentication required.", "PING")
	c.Want("+OK", "AUTH", "secret")
	c.Want("$-1", "CLIENT", "GETNAME")

	// A password that goes away lets everybody in.
	other := s.Dial()
	other.Want("-NOAUTH Authentication required.", "PING")
	c.Want("+OK", "CONFIG", "SET", "requirepass", "")
	other.Want("+PONG", "PING")
}

// Before a client has authenticated, a request may have few and short arguments
// only: a stranger cannot make the server keep much.
func TestStrangerHasSmallLimits(t *testing.T) {
	s := servertest.Start(t, "requirepass secret")
	c := s.Dial()
	c.Write([]byte("*100\r\n"))
	if v := c.Read(); v.Text() != "-ERR Protocol error: unauthenticated multibulk length" {
		t.Errorf("have %s", v.Text())
	}
	c.WantClosed()
	c = s.Dial()
	c.Write(append(resp.AppendCommandStrings(nil, "AUTH", "secret"), resp.AppendCommandStrings(nil, "SET", "k", strings.Repeat("x", 20000))...))
	for range 2 {
		if v := c.Read(); v.Text() != "+OK" {
			t.Errorf("have %s", v.Text())
		}
	}
}

// CLIENT LIST sees the clients of all loops, in the order of their arrival, and
// KILL reaches them there.
func TestClientListAndKillOverLoops(t *testing.T) {
	const count = 200
	s := servertest.Start(t, "io-threads 2")
	admin := s.Dial()
	admin.Want("+OK", "CLIENT", "SETNAME", "admin")
	conns := make([]*servertest.Conn, count)
	for i := range conns {
		conns[i] = s.Dial()
		conns[i].Want("+OK", "CLIENT", "SETNAME", fmt.Sprintf("c%d", i))
	}
	lines := strings.Split(strings.TrimSuffix(admin.Str("CLIENT", "LIST"), "\n"), "\n")
	if len(lines) != count+1 {
		t.Fatalf("%d clients are listed, want %d", len(lines), count+1)
	}
	last := uint64(0)
	for i, line := range lines[1:] {
		id, err := strconv.ParseUint(clientField(line, "id"), 10, 64)
		if err != nil || id <= last {
			t.Fatalf("line %d: id %d after %d (%v)", i, id, last, err)
		}
		last = id
		if name := clientField(line, "name"); name != fmt.Sprintf("c%d", i) {
			t.Fatalf("line %d is that of %q", i, name)
		}
		if cmd := clientField(line, "cmd"); cmd != "client|setname" {
			t.Fatalf("line %d: last command %q", i, cmd)
		}
	}
	ids := []string{clientField(lines[7], "id"), clientField(lines[150], "id")}
	picked := admin.Str("CLIENT", "LIST", "ID", ids[1], "99999999", ids[0])
	if names := regexp.MustCompile(` name=(\S+)`).FindAllString(picked, -1); fmt.Sprint(names) != "[ name=c149  name=c6]" {
		t.Errorf("CLIENT LIST ID: %v", names)
	}
	for i, id := range ids {
		admin.Want(":1", "CLIENT", "KILL", "TYPE", "normal", "ID", id, "SKIPME", "no")
		conns[[]int{6, 149}[i]].WantClosed()
	}
	admin.Want(fmt.Sprintf(":%d", count-2), "CLIENT", "KILL", "USER", "default")
	for i, c := range conns {
		if i != 6 && i != 149 {
			c.WantClosed()
		}
	}
	admin.Want(":1", "CLIENT", "KILL", "USER", "default", "SKIPME", "no")
	admin.WantClosed()
}

// CLIENT LIST tells the last command of a client, executed or refused, as Valkey
// 7.2.7 does.
func TestClientListTellsTheLastCommand(t *testing.T) {
	s := servertest.Start(t)
	a, b := s.Dial(), s.Dial()
	a.Want("+OK", "CLIENT", "SETNAME", "x")
	for _, step := range [][2]string{
		{"GET", "get"}, {"NOSUCH", "NULL"}, {"CLIENT NOSUCH", "NULL"}, {"CLIENT", "client"}, {"CONFIG GET", "config|get"},
		{"SET a b FOO", "set"}, {"PING", "ping"}, {"GET k x", "get"}, {"CLIENT PAUSE x", "client|pause"},
	} {
		a.Do(strings.Fields(step[0])...)
		if line := lineOf(b.Str("CLIENT", "LIST"), "x"); !strings.Contains(line, " cmd="+step[1]+" ") {
			t.Errorf("after %s: %s", step[0], line)
		}
	}
}

// A client that was killed by its own command still gets the reply, and the
// requests behind it are not served.
func TestClientKillsItself(t *testing.T) {
	s := servertest.Start(t)
	c := s.Dial()
	id := c.Do("CLIENT", "ID")[1:]
	c.Write(append(resp.AppendCommandStrings(nil, "CLIENT", "KILL", "ID", id, "SKIPME", "no"), resp.AppendCommandStrings(nil, "SET", "k", "v")...))
	if v := c.Read(); v.Text() != ":1" {
		t.Errorf("have %s", v.Text())
	}
	c.WantClosed()
	s.Dial().Want("$-1", "GET", "k")
}

func clientField(line, name string) string {
	for _, word := range strings.Fields(line) {
		if v, ok := strings.CutPrefix(word, name+"="); ok {
			return v
		}
	}
	return ""
}

// Replies of requests around a long one, which runs off the loop, keep their
// order.
func TestLongCommandsKeepTheOrderOfReplies(t *testing.T) {
	s := servertest.Start(t)
	c := s.Dial()
	var in []byte
	for i := range 50 {
		in = resp.AppendCommandStrings(in, "ECHO", strconv.Itoa(i))
		in = resp.AppendCommandStrings(in, "CLIENT", "LIST", "ID", "0")
		in = resp.AppendCommandStrings(in, "INFO", "cluster")
	}
	c.Write(in)
	for i := range 50 {
		for _, want := range []string{strconv.Itoa(i), "", "# Cluster\r\ncluster_enabled:0\r\n"} {
			if v := c.Read(); string(v.Str) != want {
				t.Fatalf("request %d: have %q, want %q", i, v.Str, want)
			}
		}
	}
}

// The slow log keeps the newest entries, with the client's name, and no
// passwords.
func TestSlowlog(t *testing.T) {
	s := servertest.Start(t, "slowlog-log-slower-than 1000", "slowlog-max-len 3")
	c := s.Dial()
	c.Want("+OK", "CLIENT", "SETNAME", "slowpoke")
	for i := range 5 {
		c.Want("+OK", "DEBUG", "SLEEP", fmt.Sprintf("0.00%d", i+2))
	}
	c.Want(":3", "SLOWLOG", "LEN")
	c.Send("SLOWLOG", "GET")
	v := c.Read()
	if len(v.Elems) != 3 {
		t.Fatalf("SLOWLOG GET: %s", v.Text())
	}
	for i, e := range v.Elems {
		if id := e.Elems[0].Int; id != int64(4-i) {
			t.Errorf("entry %d has number %d", i, id)
		}
		if us := e.Elems[2].Int; us < int64(6-i)*1000 {
			t.Errorf("entry %d took %d us, slept %d ms", i, us, 6-i)
		}
		if name := string(e.Elems[5].Str); name != "slowpoke" {
			t.Errorf("entry %d: client %q", i, name)
		}
	}
	c.Want("+OK", "SLOWLOG", "RESET")
	c.Want(":0", "SLOWLOG", "LEN")
	c.Want("+OK", "CONFIG", "SET", "slowlog-log-slower-than", "0")
	c.Want("+OK", "CONFIG", "SET", "requirepass", "geheim", "slowlog-max-len", "100")
	c.Want("+OK", "AUTH", "geheim")
	c.Send("HELLO", "2", "auth", "default", "geheim")
	c.Read()
	c.Send("SLOWLOG", "GET", "-1")
	v = c.Read()
	if text := v.Text(); strings.Contains(text, "geheim") || strings.Count(text, "(redacted)") != 4 {
		t.Errorf("passwords in the slow log:\n%s", text)
	}
}

// CONFIG SET changes all directives or none, also when many change them at once.
func TestConfigSetIsAtomic(t *testing.T) {
	s := servertest.Start(t, "io-threads 2")
	c := s.Dial()
	c.Want("-ERR CONFIG SET failed (possibly related to argument 'lfu-decay-time') - argument couldn't be parsed into an integer",
		"CONFIG", "SET", "lfu-log-factor", "77", "lfu-decay-time", "x")
	c.Want("*2\n  \"lfu-log-factor\"\n  \"10\"", "CONFIG", "GET", "lfu-log-factor")
	var wg sync.WaitGroup
	for i := range 4 {
		conn := s.Dial()
		wg.Add(1)
		go func() {
			defer wg.Done()
			n := strconv.Itoa(i + 1)
			for range 200 {
				conn.Want("+OK", "CONFIG", "SET", "lfu-log-factor", n, "lfu-decay-time", n)
				conn.Send("CONFIG", "GET", "lfu-*")
				if v := conn.Read(); string(v.Elems[1].Str) != string(v.Elems[3].Str) {
					t.Errorf("half of a CONFIG SET shows: %s", v.Text())
					return
				}
			}
		}()
	}
	wg.Wait()
}

// A directive that cannot take effect leaves everything as it was.
func TestConfigSetRollsBack(t *testing.T) {
	s := servertest.Start(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	c := s.Dial()
	c.Want("+OK", "CONFIG", "SET", "bind", "127.0.0.1")
	c.Want("-ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. Check server logs.",
		"CONFIG", "SET", "loglevel", "warning", "port", port)
	c.Want("*4\n  \"loglevel\"\n  \"notice\"\n  \"port\"\n  \"0\"", "CONFIG", "GET", "loglevel", "port")
	if addrs := s.Server.Addrs(); len(addrs) != 1 || addrs[0] != s.Socket {
		t.Errorf("the server listens on %v", addrs)
	}
}

// CONFIG REWRITE keeps comments and writes what has changed; the file starts a
// server with the same values.
func TestConfigRewrite(t *testing.T) {
	s := servertest.Start(t, "# a comment", "lfu-log-factor 12")
	c := s.Dial()
	c.Want("+OK", "CONFIG", "SET", "lfu-log-factor", "13", "requirepass", "a \"b\"")
	c.Want("+OK", "CONFIG", "REWRITE")
	text, err := os.ReadFile(s.File)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# a comment\nlfu-log-factor 13\n", `requirepass "a \"b\""`, "unixsocket \"" + s.Socket} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	cfg := config.New(config.Options{})
	if err := cfg.Load(text, config.Loader{Extra: func(config.Line) error { return nil }}); err != nil || cfg.String("requirepass") != `a "b"` {
		t.Errorf("the file gives %q (%v)", cfg.String("requirepass"), err)
	}
}

// FLUSHALL empties the server at once while others write, loses no memory, and
// with SYNC all of it is free at the reply.
func TestFlushallUnderLoad(t *testing.T) {
	s := servertest.Start(t, "io-threads 2")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i := range 3 {
		conn := s.Dial()
		wg.Add(1)
		go func() {
			defer wg.Done()
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				var in []byte
				for k := range 64 {
					in = resp.AppendCommandStrings(in, "SET", fmt.Sprintf("k%d:%d:%d", i, n, k), strings.Repeat("v", k*40), "EX", "1000")
				}
				conn.Write(in)
				for range 64 {
					if v := conn.Read(); v.Text() != "+OK" {
						t.Errorf("SET replied %s", v.Text())
						return
					}
				}
			}
		}()
	}
	c := s.Dial()
	for i := range 30 {
		await(t, func() bool { return c.Do("DBSIZE") != ":0" })
		c.Want("+OK", []string{"FLUSHALL", "FLUSHDB"}[i%2], []string{"SYNC", "ASYNC"}[i/2%2])
		if i%5 == 0 {
			c.Want("+OK", "DEBUG", "MEMCHECK")
		}
	}
	close(stop)
	wg.Wait()
	c.Want("+OK", "FLUSHALL", "SYNC")
	c.Want(":0", "DBSIZE")
	if n := c.Info("lazyfree_pending_objects"); n != "0" {
		t.Errorf("%s objects wait to be freed after FLUSHALL SYNC", n)
	}
	if n := c.Info("mem_records"); n != "0" {
		t.Errorf("%s bytes of records are left", n)
	}
	c.Want("+OK", "DEBUG", "MEMCHECK")
}

// await waits for a condition.
func await(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not happen")
		}
	}
}

// After a protocol error the requests before it have their replies, the error
// follows, and the connection closes although the client goes on sending.
func TestProtocolErrorThenClose(t *testing.T) {
	s := servertest.Start(t)
	for input, want := range map[string]string{
		"*3\r\n$3\r\nSET\r\n$1\r\nx\r\nfooz\r\n":         "-ERR Protocol error: expected '$', got 'f'",
		"*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$20000000000\r\n": "-ERR Protocol error: invalid bulk length",
		"*blabla\r\n":                             "-ERR Protocol error: invalid multibulk length",
		"set x \"unbalanced\r\n":                  "-ERR Protocol error: unbalanced quotes in request",
		strings.Repeat("\x00", 1<<17):             "-ERR Protocol error: too big inline request",
		"*" + strings.Repeat("\x00", 1<<17):       "-ERR Protocol error: too big mbulk count string",
		"*1\r\n$" + strings.Repeat("\x00", 1<<17): "-ERR Protocol error: too big bulk count string",
	} {
		c := s.Dial()
		c.Write([]byte("PING\r\n\r\n*-10\r\n"))
		_, _ = c.Conn.Write([]byte(input)) // the server may have closed before it has all of a long one
		for _, line := range []string{"+PONG", want} {
			if v := c.Read(); v.Text() != line {
				t.Errorf("%.40q: have %s, want %s", input, v.Text(), line)
			}
		}
		c.WantClosed()
	}
}

// maxclients counts those of all loops; who is refused is told why.
func TestMaxClients(t *testing.T) {
	s := servertest.Start(t, "maxclients 3", "io-threads 2")
	var conns []*servertest.Conn
	for range 3 {
		c := s.Dial()
		c.Want("+PONG", "PING")
		conns = append(conns, c)
	}
	c := s.Dial()
	if v := c.Read(); v.Text() != "-ERR max number of clients reached" {
		t.Errorf("have %s", v.Text())
	}
	c.WantClosed()
	if n := conns[0].Info("rejected_connections"); n != "1" {
		t.Errorf("rejected_connections:%s", n)
	}
	conns[0].Want("+OK", "CONFIG", "SET", "maxclients", "4")
	s.Dial().Want("+PONG", "PING")
}

// CONFIG RESETSTAT zeroes the counters; the next INFO counts what came after.
func TestInfoCounts(t *testing.T) {
	s := servertest.Start(t, "io-threads 2")
	c := s.Dial()
	c.Want("+OK", "SET", "k", "v")
	c.Want(`"v"`, "GET", "k")
	c.Want("$-1", "GET", "none")
	c.Want("-ERR wrong number of arguments for 'get' command", "GET")
	c.Want("-ERR unknown command 'nosuch', with args beginning with: ", "nosuch")
	for field, want := range map[string]string{
		"keyspace_hits": "1", "keyspace_misses": "1", "total_error_replies": "2", "errorstat_ERR": "count=2",
		"db0": "keys=1,expires=0,avg_ttl=0", "connected_clients": "1", "loops": "2", "redis_version": "7.2.4", "server_name": "kvorum",
	} {
		if have := c.Info(field); have != want {
			t.Errorf("%s:%s, want %s", field, have, want)
		}
	}
	if have := c.Info("cmdstat_get"); !regexp.MustCompile(`^calls=2,usec=\d+,usec_per_call=\d+\.\d\d,rejected_calls=1,failed_calls=0$`).MatchString(have) {
		t.Errorf("cmdstat_get:%s", have)
	}
	if have := c.Info("latency_percentiles_usec_get"); !regexp.MustCompile(`^p50=[\d.]+,p99=[\d.]+,p99.9=[\d.]+$`).MatchString(have) {
		t.Errorf("latency_percentiles_usec_get:%s", have)
	}
	in, _ := strconv.Atoi(c.Info("total_net_input_bytes"))
	out, _ := strconv.Atoi(c.Info("total_net_output_bytes"))
	if in < 100 || out < 10000 {
		t.Errorf("%d bytes in, %d out", in, out)
	}
	c.Want("+OK", "CONFIG", "RESETSTAT")
	for field, want := range map[string]string{
		"keyspace_hits": "0", "total_error_replies": "0", "errorstat_ERR": "", "cmdstat_get": "", "rdb_changes_since_last_save": "1",
	} {
		if have := c.Info(field); have != want {
			t.Errorf("after RESETSTAT %s:%s, want %s", field, have, want)
		}
	}
}

// The mean TTL of a database comes from a sample.
func TestInfoAverageTTL(t *testing.T) {
	c := servertest.Start(t).Dial()
	for i := range 200 {
		c.Want("+OK", "SET", fmt.Sprint(i), "v", "EX", "1000")
	}
	have := c.Info("db0")
	m := regexp.MustCompile(`^keys=200,expires=200,avg_ttl=(\d+)$`).FindStringSubmatch(have)
	if m == nil {
		t.Fatalf("db0:%s", have)
	}
	if ttl, _ := strconv.Atoi(m[1]); ttl < 900_000 || ttl > 1_000_000 {
		t.Errorf("avg_ttl:%d", ttl)
	}
}

// LATENCY HISTOGRAM tells the calls of a command, as running totals.
func TestLatencyHistogram(t *testing.T) {
	c := servertest.Start(t).Dial()
	c.Want("+OK", "DEBUG", "SLEEP", "0.003")
	for range 10 {
		c.Want(":0", "DBSIZE")
	}
	c.Send("LATENCY", "HISTOGRAM", "dbsize", "debug", "nosuch", "config")
	v := c.Read()
	if len(v.Elems) != 4 || string(v.Elems[0].Str) != "dbsize" || v.Elems[1].Elems[1].Int != 10 {
		t.Fatalf("have %s", v.Text())
	}
	steps := v.Elems[1].Elems[3].Elems
	if len(steps) < 2 || steps[len(steps)-1].Int != 10 {
		t.Errorf("have %s", v.Text())
	}
	slow := v.Elems[3].Elems[3].Elems
	if len(slow) != 2 || slow[0].Int < 3000 {
		t.Errorf("have %s", v.Text())
	}
}

// SHUTDOWN ends the server without a reply, quickly, with clients connected.
func TestShutdown(t *testing.T) {
	s := servertest.Start(t, "io-threads 2")
	idle := s.Dial()
	idle.Want("+PONG", "PING")
	c := s.Dial()
	c.Want("-ERR syntax error", "SHUTDOWN", "maybe")
	start := time.Now()
	c.Send("SHUTDOWN", "NOSAVE")
	c.WantClosed()
	s.AwaitEnd()
	if took := time.Since(start); took > time.Second {
		t.Errorf("it took %v", took)
	}
	idle.WantClosed()
	if _, err := os.Stat(s.Socket); !os.IsNotExist(err) {
		t.Errorf("the socket's path is still there: %v", err)
	}
	log := s.Log.String()
	for _, want := range []string{"* Server initialized\n", "* Ready to accept connections unix\n", "* User requested shutdown...\n", "# Redis is now ready to exit, bye bye...\n"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q:\n%s", want, log)
		}
	}
}

// The port can be changed while clients are connected.
func TestPortChanges(t *testing.T) {
	s := servertest.Start(t, "bind 127.0.0.1")
	c := s.Dial()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	free.Close()
	_, port, _ := net.SplitHostPort(addr)
	c.Want("+OK", "CONFIG", "SET", "port", port)
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	tcp := servertest.NewConn(t, conn)
	tcp.Want("+PONG", "PING")
	if have := tcp.Info("listener0"); have != "name=tcp,bind=127.0.0.1,port="+port {
		t.Errorf("listener0:%s", have)
	}
	line := tcp.Str("CLIENT", "INFO")
	if clientField(line, "addr") != conn.LocalAddr().String() || clientField(line, "laddr") != addr || clientField(line, "flags") != "N" {
		t.Errorf("CLIENT INFO: %s", line)
	}
	c.Want("+OK", "CONFIG", "SET", "port", "0")
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Error("the old port still accepts")
	}
	tcp.Want("+PONG", "PING")
}

// DEBUG is for those that enable-debug-command names.
func TestDebugIsGated(t *testing.T) {
	s := servertest.Start(t, "enable-debug-command no")
	if have := s.Dial().Do("DEBUG", "SLEEP", "0"); !strings.HasPrefix(have, `-ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a local connection`) {
		t.Errorf("have %s", have)
	}
	servertest.Start(t, "enable-debug-command local").Dial().Want("+OK", "DEBUG", "SLEEP", "0")
}

// A directory of tests wants a server that starts with appendonly yes, and says
// that it has no effect.
func TestStartsWithoutEffect(t *testing.T) {
	cfg := config.New(config.Options{})
	if err := cfg.Load([]byte("appendonly yes\nport 0\n"), config.Loader{}); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	s, err := server.New(cfg, "", logx.New(logx.Options{Stdout: &log}))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(); err == nil || err.Error() != "Configured to not listen anywhere, exiting." {
		t.Errorf("Run: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// Without a password, strangers on the network are turned away.
func TestProtectedMode(t *testing.T) {
	ip := outerIP(t)
	s := servertest.Start(t, "bind "+ip)
	c := s.Dial()
	free, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	free.Close()
	_, port, _ := net.SplitHostPort(addr)
	c.Want("+OK", "CONFIG", "SET", "port", port)
	dial := func() *servertest.Conn {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		return servertest.NewConn(t, conn)
	}
	stranger := dial()
	if v := stranger.Read(); !strings.HasPrefix(v.Text(), "-DENIED ") {
		t.Errorf("have %s", v.Text())
	}
	stranger.WantClosed()
	c.Want("+OK", "CONFIG", "SET", "requirepass", "secret")
	dial().Want("-NOAUTH Authentication required.", "PING")
	c.Want("+OK", "CONFIG", "SET", "requirepass", "", "protected-mode", "no")
	dial().Want("+PONG", "PING")
}

// outerIP returns an address of this machine that others could use.
func outerIP(t *testing.T) string {
	t.Helper()
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && n.IP.To4() != nil {
			return n.IP.String()
		}
	}
	t.Skip("needs a network address that is not a loopback one")
	return ""
}

// HELP lists the subcommands that exist, each with a line about it.
func TestHelp(t *testing.T) {
	c := servertest.Start(t).Dial()
	for container, sub := range map[string]string{
		"client": "SETNAME <connection-name>", "command": "COUNT", "config": "GET <parameter> [<parameter> ...]",
		"debug": "OBJECT <key>", "latency": "HISTOGRAM [<command> [<command> ...]]", "memory": "USAGE <key> [SAMPLES <count>]",
		"slowlog": "GET [<count>]",
	} {
		c.Send(container, "help")
		v := c.Read()
		n := len(v.Elems)
		if n < 5 || n%2 == 0 {
			t.Errorf("%s: %s", container, v.Text())
			continue
		}
		found := false
		for _, line := range v.Elems {
			found = found || string(line.Str) == sub
		}
		first, last := string(v.Elems[0].Str), string(v.Elems[n-1].Str)
		if !found || first != strings.ToUpper(container)+" <subcommand> [<arg> [value] [opt] ...]. Subcommands are:" || last != "    Print this help." {
			t.Errorf("%s: %s", container, v.Text())
		}
	}
}

// A browser that was led to the port must not have its form executed.
func TestClientThatSpeaksHTTPIsClosed(t *testing.T) {
	for _, first := range []string{"POST / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: localhost\r\n"} {
		s := servertest.Start(t)
		c := s.Dial()
		c.Write([]byte(first + "\r\nSET k v\r\n"))
		for {
			if _, err := c.TryRead(); err != nil {
				break
			}
		}
		if got := s.Dial().Do("EXISTS", "k"); got != ":0" {
			t.Errorf("EXISTS after %q: %s", first, got)
		}
	}
}
