package server_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"kvorum/server/servertest"
)

// What takes longer than the threshold is an event, with its latency; what is
// quicker is none, and without a threshold there are none.
func TestLatencyMonitorSeesSlowCommands(t *testing.T) {
	c := servertest.Start(t).Dial()
	c.Want("+OK", "DEBUG", "SLEEP", "0.02")
	c.Want("*0", "LATENCY", "LATEST")
	if have := c.Str("LATENCY", "DOCTOR"); !strings.Contains(have, "latency-monitor-threshold is 0") {
		t.Errorf("the doctor says nothing of the monitor being off: %s", have)
	}
	c.Want("+OK", "CONFIG", "SET", "latency-monitor-threshold", "10")
	c.Want("+PONG", "PING")
	if have := c.Str("LATENCY", "DOCTOR"); !strings.HasPrefix(have, "Nothing took 10 ms or longer") {
		t.Errorf("the doctor of a healthy server: %s", have)
	}
	c.Want("+OK", "DEBUG", "SLEEP", "0.02")
	c.Send("LATENCY", "LATEST")
	v := c.Read()
	if len(v.Elems) != 1 || string(v.Elems[0].Elems[0].Str) != "command" || v.Elems[0].Elems[2].Int < 20 {
		t.Errorf("LATENCY LATEST: %s", v.Text())
	}
	if have := c.Str("LATENCY", "DOCTOR"); !strings.Contains(have, "1. command: 1 latency spikes (average ") {
		t.Errorf("the doctor of a slow server: %s", have)
	}
	c.Want(":1", "LATENCY", "RESET")
	c.Want("*0", "LATENCY", "LATEST")
}

// A request that stands behind a slow one of another client waits: its entry in
// the slow log tells how long, in the form that old clients do not ask for.
func TestSlowlogTellsTheWait(t *testing.T) {
	s := servertest.Start(t, "io-threads 1", "slowlog-log-slower-than 0")
	c := s.Dial()
	c.Want("+OK", "DEBUG", "SLEEP", "0")
	c.Write([]byte("DEBUG SLEEP 0.03\r\nECHO behind\r\n"))
	c.Read()
	c.Read()
	c.Send("SLOWLOG", "WAIT", "2")
	v := c.Read()
	if len(v.Elems) != 2 || len(v.Elems[0].Elems) != 7 || string(v.Elems[0].Elems[3].Elems[0].Str) != "ECHO" {
		t.Fatalf("SLOWLOG WAIT: %s", v.Text())
	}
	if wait := v.Elems[0].Elems[6].Int; wait < 30_000 || wait > 20_000_000 {
		t.Errorf("the request behind a sleep of 30 ms waited %d us", wait)
	}
	c.Write([]byte("DEBUG SLEEP 0.03\r\nCLIENT LIST\r\n")) // a command that goes on beside the loop
	c.Read()
	c.Read()
	c.Send("SLOWLOG", "WAIT", "1")
	v = c.Read()
	if e := v.Elems[0].Elems; string(e[3].Elems[0].Str) != "CLIENT" || e[6].Int < 30_000 {
		t.Errorf("a long command behind a sleep: %s", v.Text())
	}
	c.Send("SLOWLOG", "GET", "1")
	if v := c.Read(); len(v.Elems) != 1 || len(v.Elems[0].Elems) != 6 {
		t.Errorf("SLOWLOG GET: %s", v.Text())
	}
}

// A lower slowlog-max-len drops entries, as long as the log is on.
func TestSlowlogShrinks(t *testing.T) {
	c := servertest.Start(t, "slowlog-log-slower-than 0").Dial()
	for range 5 {
		c.Want("+PONG", "PING")
	}
	c.Want("+OK", "CONFIG", "SET", "slowlog-max-len", "2")
	c.Want(":2", "SLOWLOG", "LEN")
	c.Want("+OK", "CONFIG", "SET", "slowlog-log-slower-than", "-1")
	c.Want("+OK", "CONFIG", "SET", "slowlog-max-len", "1")
	c.Want(":2", "SLOWLOG", "LEN")
}

// A refused DEBUG is a rejected call, also of a client that has not authenticated,
// and stops nobody.
func TestDebugRefusalIsARejectedCall(t *testing.T) {
	s := servertest.Start(t, "enable-debug-command no", "requirepass x")
	c := s.Dial()
	const refused = "-ERR DEBUG command not allowed. "
	if have := c.Do("DEBUG", "SLEEP", "0"); !strings.HasPrefix(have, refused) {
		t.Errorf("before AUTH: %s", have)
	}
	c.Want("+OK", "AUTH", "x")
	if have := c.Do("DEBUG", "SLEEP", "0"); !strings.HasPrefix(have, refused) {
		t.Errorf("after AUTH: %s", have)
	}
	if have := c.Str("INFO", "commandstats"); !strings.Contains(have, "cmdstat_debug:calls=0,usec=0,usec_per_call=0.00,rejected_calls=2,failed_calls=0") {
		t.Errorf("%s", have)
	}
}

// Errors count by their first word, when it ends in the first 32 bytes.
func TestErrorstatsCountByCode(t *testing.T) {
	c := servertest.Start(t).Dial()
	c.Want("+OK", "CONFIG", "RESETSTAT")
	c.Do("SET", "k", "v", "nosuch")
	c.Do("nosuch")
	c.Do("AUTH", "default", "x", "y")
	c.Do("HELLO", "9")
	info := c.Str("INFO", "errorstats", "stats")
	for _, want := range []string{"errorstat_ERR:count=3\r\n", "errorstat_NOPROTO:count=1\r\n", "total_error_replies:4\r\n"} {
		if !strings.Contains(info, want) {
			t.Errorf("no %q in %q", want, info)
		}
	}
}

// figure returns a figure of INFO.
func figure(t *testing.T, info, name string) int64 {
	t.Helper()
	m := regexp.MustCompile(`(?m)^` + name + `:(-?\d+)\r$`).FindStringSubmatch(info)
	if m == nil {
		t.Fatalf("INFO has no %s:\n%s", name, info)
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Turns of the loops, reads and writes go on counting; CONFIG RESETSTAT sets them
// back. What a loop has done shows after its next turn.
func TestInfoCountsTurnsReadsAndWrites(t *testing.T) {
	s := servertest.Start(t)
	c := s.Dial()
	const requests = 50
	for range requests {
		c.Want("+PONG", "PING")
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		info := c.Str("INFO", "stats", "debug")
		if figure(t, info, "total_reads_processed") > requests && figure(t, info, "total_writes_processed") > requests &&
			figure(t, info, "eventloop_cycles") > requests && figure(t, info, "eventloop_duration_sum") > 0 &&
			figure(t, info, "eventloop_cmd_per_cycle_max") > 0 && figure(t, info, "eventloop_duration_max") > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %d requests:\n%s", requests, info)
		}
	}
	c.Want("+OK", "CONFIG", "RESETSTAT")
	info := c.Str("INFO", "stats")
	for _, name := range []string{"total_reads_processed", "total_writes_processed", "eventloop_cycles"} {
		if n := figure(t, info, name); n > requests {
			t.Errorf("after RESETSTAT %s is %d", name, n)
		}
	}
	if n := figure(t, info, "total_commands_processed"); n != 1 { // RESETSTAT itself
		t.Errorf("after RESETSTAT %d commands", n)
	}
}

// The section Debug is for those who name it.
func TestInfoDebugWantsToBeNamed(t *testing.T) {
	c := servertest.Start(t).Dial()
	for _, words := range []string{"INFO", "INFO all", "INFO everything"} {
		if strings.Contains(c.Str(strings.Fields(words)...), "# Debug") {
			t.Errorf("%s shows it", words)
		}
	}
	for _, words := range []string{"INFO debug", "INFO all Debug"} {
		if !strings.Contains(c.Str(strings.Fields(words)...), "# Debug\r\neventloop_duration_aof_sum:0\r\n") {
			t.Errorf("%s does not show it", words)
		}
	}
}

// A new replication ID is another one, and stays.
func TestDebugChangesReplicationID(t *testing.T) {
	s := servertest.Start(t)
	c := s.Dial()
	id := func() string {
		return regexp.MustCompile(`master_replid:([0-9a-f]{40})\r`).FindString(c.Str("INFO", "replication"))
	}
	before := id()
	c.Want("+OK", "DEBUG", "CHANGE-REPL-ID")
	if after := id(); before == "" || after == "" || before == after || id() != after {
		t.Errorf("%q, then %q", before, after)
	}
	if log := s.Log.String(); !strings.Contains(log, "* Changing replication IDs after receiving DEBUG change-repl-id") {
		t.Errorf("the log says nothing of it: %s", log)
	}
}

// While the periodic work is paused keys do not expire by themselves; afterwards
// they do.
func TestDebugPausesCron(t *testing.T) {
	c := servertest.Start(t).Dial()
	c.Want("+OK", "DEBUG", "PAUSE-CRON", "1")
	c.Want("+OK", "SET", "k", "v", "PX", "1")
	c.Want("+OK", "DEBUG", "SLEEP", "0.01")
	c.Want(":1", "DBSIZE")
	if have := c.Str("INFO", "stats"); !strings.Contains(have, "expired_stale_perc:100.00\r\n") {
		t.Errorf("a database of one stale key: %s", have)
	}
	c.Want("+OK", "DEBUG", "PAUSE-CRON", "0")
	for deadline := time.Now().Add(10 * time.Second); c.Do("DBSIZE") != ":0"; {
		if time.Now().After(deadline) {
			t.Fatal("the key is still there")
		}
	}
}

// The number of places and of keys of a database's tables.
func TestDebugHTStats(t *testing.T) {
	c := servertest.Start(t).Dial()
	c.Want("+OK", "DEBUG", "POPULATE", "1000")
	c.Want("+OK", "SET", "k", "v", "EX", "100")
	m := regexp.MustCompile(`^\[Dictionary HT\]\nHash table 0 stats \(main hash table\):\n table size: (\d+)\n number of elements: 1001\n\[Expires HT\]\n number of elements: 1\n$`).
		FindStringSubmatch(c.Str("DEBUG", "HTSTATS", "0"))
	if m == nil {
		t.Fatalf("DEBUG HTSTATS: %s", c.Str("DEBUG", "HTSTATS", "0"))
	}
	if n, err := strconv.Atoi(m[1]); err != nil || n < 1001 {
		t.Errorf("%s places for 1001 keys", m[1])
	}
}

// INFO looks at each of many clients, in portions, and finds what they keep.
func TestInfoFindsClientBuffers(t *testing.T) {
	const clients = 300
	s := servertest.Start(t, "io-threads 1")
	conns := make([]*servertest.Conn, clients)
	for i := range conns {
		conns[i] = s.Dial()
	}
	conns[0].Write([]byte("*2\r\n$3\r\nGET\r\n$5000\r\n" + strings.Repeat("x", 4000)))
	c := s.Dial()
	c.Want("+PONG", "PING")
	for _, name := range []string{"mem_clients_normal", "client_recent_max_input_buffer"} {
		deadline := time.Now().Add(10 * time.Second)
		for figure(t, c.Str("INFO", "memory", "clients"), name) < 4000 {
			if time.Now().After(deadline) {
				t.Fatalf("%s does not count the input of a client", name)
			}
		}
	}
	if n := figure(t, c.Str("INFO", "clients"), "connected_clients"); n != clients+1 {
		t.Errorf("%d clients, want %d", n, clients+1)
	}
}

// The picture of version 6 has the size asked for, within bounds.
func TestLolwutSizes(t *testing.T) {
	c := servertest.Start(t).Dial()
	for _, size := range [][2]int{{1, 1}, {80, 20}, {7, 3}} {
		have := c.Str("LOLWUT", "VERSION", "6", fmt.Sprint(size[0]), fmt.Sprint(size[1]))
		lines := strings.Split(have, "\n")
		if len(lines) != size[1]+2 || strings.Count(lines[0], "\x1b[0m") != size[0] || !strings.HasSuffix(have, "Redis ver. 7.2.4\n") {
			t.Errorf("%v: %d lines, the first of %d", size, len(lines), strings.Count(lines[0], "\x1b[0m"))
		}
	}
}
