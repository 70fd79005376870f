package server_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"kvorum/resp"
	"kvorum/server/servertest"
)

const overLimit = "scheduled to be closed ASAP for overcoming of output buffer limits."

// A reply over the hard limit closes its client although it might have read it:
// it has to be kept as a whole. The limit changes at run time.
func TestHardOutputLimit(t *testing.T) {
	s := servertest.Start(t, "client-output-buffer-limit normal 1mb 0 0")
	c, other := s.Dial(), s.Dial()
	c.Want(":900000", "SETRANGE", "small", "899999", "x")
	c.Want(":2000000", "SETRANGE", "big", "1999999", "x")
	if v := c.Str("GET", "small"); len(v) != 900_000 {
		t.Errorf("%d bytes", len(v))
	}
	c.Send("GET", "big")
	c.WantClosed()
	if log := s.Log.String(); !strings.Contains(log, " cmd=get ") || !strings.Contains(log, overLimit) {
		t.Errorf("the log says\n%s", log)
	}
	other.Want("+OK", "CONFIG", "SET", "client-output-buffer-limit", "normal 0 0 0")
	if v := other.Str("GET", "big"); len(v) != 2_000_000 {
		t.Errorf("%d bytes", len(v))
	}
	// Unread replies of many small requests count as well.
	other.Want("+OK", "CONFIG", "SET", "client-output-buffer-limit", "normal 4mb 0 0")
	slow := s.Dial()
	slow.Write([]byte(strings.Repeat("GET small\r\n", 50)))
	awaitInfo(t, other, "connected_clients", "1")
}

// The soft limit closes a client that has been over it for longer than it may,
// and not before; a client that reads in time stays.
func TestSoftOutputLimit(t *testing.T) {
	t.Parallel() // as TestIdleTimeout
	s := servertest.Start(t, "client-output-buffer-limit normal 0 1mb 1")
	c, slow := s.Dial(), s.Dial()
	c.Want(":900000", "SETRANGE", "k", "899999", "x")
	slow.Write([]byte(strings.Repeat("GET k\r\n", 10)))
	start := time.Now()
	awaitThat(t, "the output is kept", func() bool { return strings.Contains(c.Str("CLIENT", "LIST"), " events=rw ") })
	awaitInfo(t, c, "connected_clients", "1")
	if took := time.Since(start); took < 900*time.Millisecond {
		t.Errorf("closed after %v", took)
	}
	if log := s.Log.String(); !strings.Contains(log, "for overcoming of output buffer limits.") {
		t.Errorf("the log says\n%s", log)
	}
}

// A stranger that does not read errors cannot make the server keep many of them.
func TestStrangerKeepsFewReplies(t *testing.T) {
	s := servertest.Start(t, "requirepass secret")
	c, stranger := s.Dial(), s.Dial()
	c.Want("+OK", "AUTH", "secret")
	go func() {
		in := []byte(strings.Repeat("PING\r\n", 10_000))
		for {
			if _, err := stranger.Conn.Write(in); err != nil {
				return
			}
		}
	}()
	awaitThat(t, "closed", func() bool { return strings.Contains(s.Log.String(), overLimit) })
	awaitInfo(t, c, "connected_clients", "1")
}

// Idle clients are closed after the timeout; monitors, paused clients, those that
// talk, and those whose request takes long to arrive are not.
func TestIdleTimeout(t *testing.T) {
	t.Parallel() // it takes seconds and hardly any work
	s := servertest.Start(t, "timeout 1", "io-threads 2", "loglevel verbose")
	c, idle, monitor, paused := s.Dial(), s.Dial(), s.Dial(), s.Dial()
	monitor.Want("+OK", "MONITOR")
	idle.Want("+PONG", "PING")
	c.Want("+OK", "CLIENT", "PAUSE", "100000", "WRITE")
	paused.Send("SET", "k", "v")
	slow := s.Dial()
	slow.Write([]byte("*2\r\n$4\r\nECHO\r\n$1000\r\n"))
	sent := 0
	awaitThat(t, "the idle client is closed", func() bool {
		slow.Write([]byte("x"))
		sent++
		time.Sleep(20 * time.Millisecond) // a byte now and then is what keeps slow busy
		return c.Info("connected_clients") == "4"
	})
	idle.WantClosed()
	if !strings.Contains(s.Log.String(), "Closing idle client") {
		t.Errorf("the log says\n%s", s.Log.String())
	}
	// For as long as the timeout is: that nobody is closed has no event.
	for start := time.Now(); time.Since(start) < time.Second; time.Sleep(50 * time.Millisecond) {
		c.Want("+PONG", "PING")
		slow.Write([]byte("x"))
		sent++
	}
	awaitInfo(t, c, "connected_clients", "4")
	slow.Write([]byte(strings.Repeat("x", 1000-sent) + "\r\n"))
	if v := slow.Read(); len(v.Str) != 1000 {
		t.Errorf("%d bytes", len(v.Str))
	}
	c.Want("+OK", "CLIENT", "UNPAUSE")
	if v := paused.Read(); v.Text() != "+OK" {
		t.Error(v.Text())
	}
}

// maxmemory-clients closes the largest clients until the rest fits, but not those
// that asked to stay.
func TestClientsAreEvictedLargestFirst(t *testing.T) {
	s := servertest.Start(t, "io-threads 3", "maxmemory-clients 0")
	admin := s.Dial()
	admin.Want("+OK", "CLIENT", "NO-EVICT", "ON")
	hold := func(name string, size int, more ...string) *servertest.Conn {
		c := s.Dial()
		c.Want("+OK", "CLIENT", "SETNAME", name)
		if len(more) > 0 {
			c.Want("+OK", more...)
		}
		c.Write([]byte(fmt.Sprintf("*2\r\n$4\r\nECHO\r\n$%d\r\n%s", size+1, strings.Repeat("x", size))))
		want := fmt.Sprintf(" qbuf=%d ", size)
		awaitThat(t, name+" is buffered", func() bool { return strings.Contains(lineOf(admin.Str("CLIENT", "LIST"), name), want) })
		return c
	}
	hold("stays", 3_000_000, "CLIENT", "NO-EVICT", "ON")
	hold("large", 2_000_000)
	hold("middle", 1_000_000)
	hold("small", 200_000)
	names := func() string {
		var list []string
		for _, name := range []string{"stays", "large", "middle", "small"} {
			if lineOf(admin.Str("CLIENT", "LIST"), name) != "" {
				list = append(list, name)
			}
		}
		return strings.Join(list, " ")
	}
	for _, step := range [][2]string{
		{"10000000", "stays large middle small"}, {"5000000", "stays middle small"}, {"3500000", "stays small"}, {"100", "stays"},
	} {
		admin.Want("+OK", "CONFIG", "SET", "maxmemory-clients", step[0])
		if have := names(); have != step[1] {
			t.Fatalf("with %s there are %s, want %s", step[0], have, step[1])
		}
	}
	admin.Want(`"3"`, "ECHO", admin.Info("evicted_clients"))
	if log := s.Log.String(); strings.Count(log, "Evicting client: id=") != 3 {
		t.Errorf("the log says\n%s", log)
	}
	// Over the limit by itself a client is closed before its request is executed.
	admin.Want("+OK", "CONFIG", "SET", "maxmemory-clients", "6000000")
	c := s.Dial()
	_, _ = c.Conn.Write(resp.AppendCommandStrings(nil, "SET", "k", strings.Repeat("x", 7_000_000)))
	c.WantClosed()
	admin.Want(":0", "EXISTS", "k")
	// A share of maxmemory.
	admin.Want("+OK", "CONFIG", "SET", "maxmemory", "50mb")
	admin.Want("+OK", "CONFIG", "SET", "maxmemory-clients", "8%")
	if have := names(); have != "stays" {
		t.Errorf("there are %s", have)
	}
}

// lineOf returns the line of a client's name in CLIENT LIST.
func lineOf(list, name string) string {
	for _, line := range strings.Split(list, "\n") {
		if strings.Contains(line, " name="+name+" ") {
			return line
		}
	}
	return ""
}

// The log tells who sent more than it may, and how it began.
func TestQueryBufferLimit(t *testing.T) {
	s := servertest.Start(t, "client-query-buffer-limit 1mb")
	c := s.Dial()
	c.Want("+OK", "CLIENT", "SETNAME", "greedy")
	// It may be closed before all is written.
	_, _ = c.Conn.Write([]byte("*2\r\n$4\r\nECHO\r\n$2000000\r\n" + strings.Repeat("x", 1_500_000)))
	c.WantClosed()
	awaitThat(t, "the log", func() bool {
		return strings.Contains(s.Log.String(), "Closing client that reached max query buffer length: id=") &&
			strings.Contains(s.Log.String(), " name=greedy ") &&
			strings.Contains(s.Log.String(), `(qbuf initial bytes: "*2\r\n$4\r\nECHO\r\n$2000000\r\nxxxxx`)
	})
}

// The log tells of clients that left by themselves, at the level verbose.
func TestClientThatLeavesIsLogged(t *testing.T) {
	s := servertest.Start(t, "loglevel verbose")
	admin, left, killed, quits := s.Dial(), s.Dial(), s.Dial(), s.Dial()
	left.Want("+OK", "CLIENT", "SETNAME", "left")
	killed.Want("+OK", "CLIENT", "SETNAME", "killed")
	admin.Want(":1", "CLIENT", "KILL", "ID", killed.Do("CLIENT", "ID")[1:])
	quits.Want("+OK", "QUIT")
	left.Close()
	awaitInfo(t, admin, "connected_clients", "1")
	if log := s.Log.String(); strings.Count(log, "Client closed connection id=") != 1 || !strings.Contains(log, " name=left ") {
		t.Errorf("the log says\n%s", log)
	}
}

// What CLIENT LIST says of input: kept input and the room behind it while a request is
// not complete, for which there is room at once; that room, which stays while the client
// is not idle; nothing before. All of it is in tot-mem.
func TestClientListTellsBuffers(t *testing.T) {
	s := servertest.Start(t)
	admin, c := s.Dial(), s.Dial()
	c.Want("+OK", "CLIENT", "SETNAME", "writer")
	field := func(name string) int64 {
		line := lineOf(admin.Str("CLIENT", "LIST"), "writer")
		_, rest, ok := strings.Cut(line, " "+name+"=")
		if !ok {
			t.Fatalf("no %s in %q", name, line)
		}
		value, _, _ := strings.Cut(rest, " ")
		return atoi(t, value)
	}
	left := func() bool { return field("omem") == 0 } // the portable loop writes beside
	awaitThat(t, "replies have left", left)
	idle := field("tot-mem")
	if in, free := field("qbuf"), field("qbuf-free"); in != 0 || free != 0 {
		t.Errorf("idle: qbuf %d, qbuf-free %d", in, free)
	}
	const size, sent = 1_000_000, 100_000
	c.Write([]byte(fmt.Sprintf("*2\r\n$4\r\nECHO\r\n$%d\r\n%s", size, strings.Repeat("x", sent))))
	awaitThat(t, "input is kept", func() bool { return field("qbuf") == sent })
	free, args, total := field("qbuf-free"), field("argv-mem"), field("tot-mem")
	if free < size-sent || free > 4*size {
		t.Errorf("room for %d more bytes", free)
	}
	if total-idle != sent+free+args {
		t.Errorf("tot-mem grew by %d, the buffer has %d", total-idle, sent+free+args)
	}
	c.Write([]byte(strings.Repeat("x", size-sent) + "\r\n"))
	if v := c.Read(); len(v.Str) != size {
		t.Fatalf("%d bytes", len(v.Str))
	}
	admin.Want("+OK", "DEBUG", "PAUSE-CRON", "1") // or it has shrunk
	awaitThat(t, "the reply has left", left)
	if in, free, total := field("qbuf"), field("qbuf-free"), field("tot-mem"); in != 0 || total-idle != free {
		t.Errorf("afterwards: qbuf %d, qbuf-free %d, tot-mem %d more", in, free, total-idle)
	}
	admin.Want("+OK", "DEBUG", "PAUSE-CRON", "0")
	awaitThat(t, "the room is given back", func() bool { return field("qbuf-free") == 0 && field("tot-mem") == idle })
}
