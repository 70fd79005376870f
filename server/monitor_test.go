package server_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"kvorum/server/servertest"
)

var monitorLine = regexp.MustCompile(`^\+(\d+\.\d{6}) \[0 unix:/\S+\] "([A-Z]+)" "log" "([^"]*)"$`)

// All monitors see one order, with times that do not go back, and it is the order
// in which the data changed: what writers of several loops append to one value
// stands in it as the monitors were told.
func TestMonitorsAgreeWithTheData(t *testing.T) {
	s := servertest.Start(t, "io-threads 3")
	admin := s.Dial()
	var monitors, writers []*servertest.Conn
	for range 3 {
		m := s.Dial()
		m.Want("+OK", "MONITOR")
		monitors = append(monitors, m)
	}
	const each = 300
	done := make(chan struct{})
	for w := range 5 {
		c := s.Dial()
		writers = append(writers, c)
		go func() {
			defer func() { done <- struct{}{} }()
			for i := range each {
				c.Send("APPEND", "log", fmt.Sprintf("%d-%d;", w, i))
				if _, err := c.TryRead(); err != nil {
					t.Error(err)
					return
				}
			}
		}()
	}
	var logs [3]strings.Builder
	for i, m := range monitors {
		last := ""
		for range each * len(writers) {
			line := m.Read()
			parts := monitorLine.FindStringSubmatch(line.Text())
			if parts == nil {
				t.Fatalf("monitor %d reads %s", i, line.Text())
			}
			if parts[1] < last {
				t.Errorf("time goes back from %s to %s", last, parts[1])
			}
			last = parts[1]
			logs[i].WriteString(parts[3])
		}
	}
	for range writers {
		<-done
	}
	data := admin.Str("GET", "log")
	for i := range logs {
		if logs[i].String() != data {
			t.Errorf("monitor %d saw another order than the data have", i)
		}
	}
	if list := admin.Str("CLIENT", "LIST"); strings.Count(list, " flags=OU ") != 3 {
		t.Errorf("CLIENT LIST\n%s", list)
	}
}

// A monitor leaves with RESET, QUIT and by being closed. When the last one is
// gone nothing is told any more.
func TestMonitorsLeave(t *testing.T) {
	s := servertest.Start(t, "io-threads 2")
	c := s.Dial()
	reset, quit, killed := s.Dial(), s.Dial(), s.Dial()
	id := killed.Do("CLIENT", "ID")[1:]
	for _, m := range []*servertest.Conn{reset, quit, killed} {
		m.Want("+OK", "MONITOR")
	}
	c.Want("+PONG", "PING")
	for _, m := range []*servertest.Conn{reset, quit, killed} {
		if v := m.Read(); !strings.HasSuffix(v.Text(), `] "PING"`) {
			t.Error(v.Text())
		}
	}
	reset.Want("+RESET", "RESET")
	if v := quit.Read(); !strings.HasSuffix(v.Text(), `] "RESET"`) {
		t.Error(v.Text())
	}
	quit.Want("+OK", "QUIT")
	quit.WantClosed()
	c.Want(":1", "CLIENT", "KILL", "ID", id)
	c.Want("+PONG", "PING")
	reset.Want("+PONG", "PING")
	awaitInfo(t, c, "connected_clients", "2")
}

// A monitor that does not read is closed when it is over the limit of normal
// clients; those whose commands it should have read notice nothing.
func TestMonitorOverLimitIsClosed(t *testing.T) {
	s := servertest.Start(t, "io-threads 2", "client-output-buffer-limit normal 1mb 0 0")
	m, c := s.Dial(), s.Dial()
	m.Want("+OK", "MONITOR")
	c.Want("+OK", "CLIENT", "SETNAME", "writer")
	big := strings.Repeat("x", 100_000)
	awaitThat(t, "the monitor is closed", func() bool {
		c.Want("+OK", "SET", "k", big)
		return c.Info("connected_clients") == "1"
	})
	if log := s.Log.String(); !strings.Contains(log, " flags=OU ") || !strings.Contains(log, "scheduled to be closed ASAP for overcoming of output buffer limits.") {
		t.Errorf("the log says\n%s", log)
	}
}

// A monitor gets its own commands behind their replies, also those that take
// long.
func TestMonitorSeesItself(t *testing.T) {
	s := servertest.Start(t)
	m := s.Dial()
	m.Want("+OK", "MONITOR")
	m.Send("PING")
	m.Send("INFO", "cpu")
	m.Send("ECHO", "x")
	for _, want := range []string{"+PONG", `"PING"`, "# CPU", `"INFO"`, `"x"`, `"ECHO"`} {
		if v := m.Read(); !strings.Contains(v.Text(), want) {
			t.Errorf("%s, want %s", v.Text(), want)
		}
	}
	m.Want("-ERR Replica can't interact with the keyspace", "GET", "k")
}
