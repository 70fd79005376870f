package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"kvorum/server/servertest"
)

// scripted is a master that says what a test wants it to.
type scripted struct {
	t    *testing.T
	ln   net.Listener
	conn net.Conn
	in   *bufio.Reader
}

func newScripted(t *testing.T) *scripted {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return &scripted{t: t, ln: ln}
}

func (m *scripted) port() string { return strconv.Itoa(m.ln.Addr().(*net.TCPAddr).Port) }

// accept waits for the replica to connect.
func (m *scripted) accept() {
	m.t.Helper()
	conn, err := m.ln.Accept()
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	m.conn, m.in = conn, bufio.NewReader(conn)
}

// read returns the words of the next request.
func (m *scripted) read() string {
	m.t.Helper()
	number := func() int {
		text, err := m.in.ReadString('\n')
		for err == nil && text == "\n" {
			text, err = m.in.ReadString('\n')
		}
		n, numErr := strconv.Atoi(strings.TrimRight(text, "\r\n")[1:])
		if err != nil || numErr != nil {
			m.t.Fatal(text, err, numErr)
		}
		return n
	}
	var words []string
	for range number() {
		b := make([]byte, number()+2)
		if _, err := io.ReadFull(m.in, b); err != nil {
			m.t.Fatal(err)
		}
		words = append(words, string(b[:len(b)-2]))
	}
	return strings.Join(words, " ")
}

// answer says something after a request whose words begin with want.
func (m *scripted) answer(want, text string) {
	m.t.Helper()
	if have := m.read(); !strings.HasPrefix(have, want) {
		m.t.Fatalf("the replica says %q, not %q", have, want)
	}
	fmt.Fprint(m.conn, text)
}

// shakeHands goes as far as PSYNC.
func (m *scripted) shakeHands() {
	m.t.Helper()
	m.accept()
	m.answer("PING", "+PONG\r\n")
	m.answer("REPLCONF listening-port", "+OK\r\n")
	m.answer("REPLCONF capa", "+OK\r\n")
}

// A payload without keys, and the name of the history behind it.
var (
	nothing   = "REDIS0010\xff" + strings.Repeat("\x00", 8)
	historyID = strings.Repeat("a", 40)
)

func (m *scripted) giveAll(offset int) {
	m.t.Helper()
	m.shakeHands()
	m.answer("PSYNC ? -1", fmt.Sprintf("+FULLRESYNC %s %d\r\n$%d\r\n%s", historyID, offset, len(nothing), nothing))
}

// What ROLE and INFO tell of a link that does not come up.
func TestLinkThatFails(t *testing.T) {
	s := servertest.Start(t)
	c, m := s.Dial(), newScripted(t)
	c.Want("+OK", "REPLICAOF", "127.0.0.1", m.port())
	m.accept()
	m.answer("PING", "-ERR no\r\n")
	await(t, func() bool { return c.Info("master_sync_last_error") == "PING: -ERR no" })
	for name, want := range map[string]string{
		"slave_repl_offset": "0", "slave_read_repl_offset": "0", "master_link_down_since_seconds": "-1", "total_disconnect_time_sec": "0",
	} {
		if have := c.Info(name); have != want {
			t.Errorf("%s is %s, not %s", name, have, want)
		}
	}
	m.giveAll(1000)
	await(t, func() bool { return c.Info("master_link_status") == "up" })
	if attempts := c.Info("master_current_sync_attempts"); attempts != "2" || attempts != c.Info("master_total_sync_attempts") {
		t.Errorf("%s attempts, %s in all", attempts, c.Info("master_total_sync_attempts"))
	}
	offset := func() string { v := c.Do("ROLE"); return v[strings.LastIndex(v, " ")+1:] }
	if have := offset(); !strings.Contains(have, "1000") {
		t.Errorf("ROLE tells %s", have)
	}
	m.ln.Close()
	m.conn.Close()
	await(t, func() bool { return c.Info("master_link_status") == "down" })
	if have := offset(); !strings.Contains(have, "-1") || c.Info("slave_repl_offset") != "1000" {
		t.Errorf("without link ROLE tells %s, INFO %s", have, c.Info("slave_repl_offset"))
	}
}

// What looks like an inline request in a master's stream is a sign that the stream is
// not what it should be: it is not executed, and the history not continued.
func TestMasterThatSpeaksInline(t *testing.T) {
	s := servertest.Start(t)
	c, m := s.Dial(), newScripted(t)
	c.Want("+OK", "REPLICAOF", "127.0.0.1", m.port())
	m.giveAll(0)
	fmt.Fprint(m.conn, "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n\r\nSET b 1\r\n")
	m.giveAll(0) // asked for with PSYNC ? -1
	await(t, func() bool { return c.Info("master_link_status") == "up" })
	if log := s.Log.String(); !strings.Contains(log, "Receiving inline protocol from master, master stream corruption?") ||
		!strings.Contains(log, "Protocol error (Master using the inline protocol. Desync?) from client: id=") {
		t.Error(log)
	}
}

// A master that refuses for want of a password does not cost the history: with the right
// one the stream goes on.
func TestRefusalKeepsTheHistory(t *testing.T) {
	s := servertest.Start(t)
	c, m := s.Dial(), newScripted(t)
	c.Want("+OK", "REPLICAOF", "127.0.0.1", m.port())
	m.giveAll(7)
	m.conn.Close()
	m.shakeHands()
	m.answer("PSYNC "+historyID+" 8", "-NOAUTH Authentication required.\r\n")
	if line, err := m.in.ReadString('\n'); err != nil || line != "SYNC\r\n" {
		t.Fatal(line, err)
	}
	fmt.Fprint(m.conn, "-NOAUTH Authentication required.\r\n")
	m.shakeHands()
	m.answer("PSYNC "+historyID+" 8", "+CONTINUE\r\n")
	await(t, func() bool { return c.Info("master_link_status") == "up" })
}

// A reply would end up in the middle of a replica's stream: it is cut off instead.
func TestReplicaThatAsks(t *testing.T) {
	s := servertest.Start(t)
	admin := s.Dial()
	for _, request := range [][]string{{"PING"}, {"GET", "a"}, {"INFO"}, {"REPLCONF", "nonsense", "1"}} {
		replica := s.Dial()
		replica.Send("PSYNC", "?", "-1")
		await(t, func() bool { return admin.Str("CLIENT", "LIST", "TYPE", "replica") != "" })
		replica.Send(request...)
		await(t, func() bool { return admin.Str("CLIENT", "LIST", "TYPE", "replica") == "" })
		if want := "Replica generated a reply to command '" + strings.ToLower(request[0]) + "', disconnecting it: id="; !strings.Contains(s.Log.String(), want) {
			t.Error("the log lacks", want)
		}
	}
}

// The stream of the time of a full synchronization may be more than the limit of replicas:
// it is sent all the same, or the next synchronization would end likewise. What comes on
// top of that counts.
func TestReplicaMayCatchUp(t *testing.T) {
	s := servertest.Start(t, "repl-diskless-sync-delay 0", "repl-backlog-size 16kb", "client-output-buffer-limit replica 2mb 0 0")
	admin := s.Dial()
	conn, err := net.Dial("unix", s.Socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(60 * time.Second))
	fmt.Fprint(conn, "REPLCONF capa eof capa psync2\r\n")
	in := bufio.NewReader(conn)
	if line, err := in.ReadString('\n'); line != "+OK\r\n" {
		t.Fatal(line, err)
	}
	fmt.Fprint(conn, "PSYNC ? -1\r\n")
	await(t, func() bool { return strings.Contains(s.Log.String(), "Waiting for REPLCONF ACK from replica") })
	const size, brought = 64 << 10, 100
	value := strings.Repeat("x", size)
	for range brought {
		admin.Want("+OK", "SET", "k", value)
	}
	fmt.Fprint(conn, "REPLCONF ACK 0\r\n")
	if _, err := io.CopyN(io.Discard, in, brought*size); err != nil {
		t.Fatalf("%v\n%s", err, s.Log.String())
	}
	if state := admin.Info("slave0"); !strings.Contains(state, "state=online") {
		t.Error(state)
	}
	for range brought {
		admin.Want("+OK", "SET", "k", value)
	}
	await(t, func() bool { return admin.Info("connected_slaves") == "0" }) // it no longer reads
	if log := s.Log.String(); !strings.Contains(log, "overcoming of output buffer limits") || !strings.Contains(log, "bytes of the stream behind") {
		t.Error(log)
	}
}

// A replica that has never had a history tells offset 1, as Redis does.
func TestReplicaWithoutHistory(t *testing.T) {
	m := newScripted(t)
	s := servertest.Start(t, "replicaof 127.0.0.1 "+m.port())
	c := s.Dial()
	m.shakeHands()
	if have := c.Info("slave_repl_offset"); have != "1" {
		t.Error(have)
	}
	m.answer("PSYNC ? -1", "+FULLRESYNC "+historyID+" 9\r\n")
	await(t, func() bool { return c.Info("master_sync_in_progress") == "1" })
	for name, want := range map[string]string{
		"master_sync_total_bytes": "-1", "master_sync_read_bytes": "0", "master_sync_left_bytes": "-1", "master_link_status": "down",
	} {
		if have := c.Info(name); have != want {
			t.Errorf("%s is %s, not %s", name, have, want)
		}
	}
}

// MONITOR shows what the master sends.
func TestMonitorOfReplica(t *testing.T) {
	m := newScripted(t)
	s := servertest.Start(t, "replicaof 127.0.0.1 "+m.port())
	c := s.Dial()
	m.giveAll(0)
	await(t, func() bool { return c.Info("master_link_status") == "up" })
	monitor := s.Dial()
	monitor.Want("+OK", "MONITOR")
	fmt.Fprint(m.conn, "*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n*1\r\n$4\r\nEXEC\r\n")
	for _, want := range []string{`[3 %s] "SELECT" "3"`, `[3 %s] "MULTI"`, `[3 %s] "SET" "a" "1"`, `[3 %s] "EXEC"`} {
		if line := string(monitor.Read().Str); !strings.Contains(line, fmt.Sprintf(want, "127.0.0.1:"+m.port())) {
			t.Errorf("%s lacks %s", line, want)
		}
	}
}

// A replica that has stopped to take its snapshot is given up after repl-timeout: it
// would keep the snapshot and the stream for ever.
func TestReplicaThatTakesNothing(t *testing.T) {
	s := servertest.Start(t, "repl-diskless-sync-delay 0", "repl-timeout 1", "rdbcompression no")
	admin := s.Dial()
	admin.Want("+OK", "SET", "k", strings.Repeat("x", 8<<20))
	conn, err := net.Dial("unix", s.Socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "PSYNC ? -1\r\n")
	await(t, func() bool { return strings.Contains(admin.Info("slave0"), "state=send_bulk") })
	await(t, func() bool { return admin.Info("connected_slaves") == "0" })
	if log := s.Log.String(); !strings.Contains(log, "Disconnecting timedout replica (full sync)") {
		t.Error(log)
	}
}
