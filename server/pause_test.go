package server_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"kvorum/server/servertest"
)

// awaitInfo waits until a field of INFO has a value.
func awaitInfo(t *testing.T, c *servertest.Conn, field, want string) {
	t.Helper()
	awaitThat(t, field+" "+want, func() bool { return c.Info(field) == want })
}

// awaitThat waits until a condition holds.
func awaitThat(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// A paused client's requests wait in their order, whichever loop it is on;
// nothing of them happens before the end of the pause, and then all of it.
func TestPauseKeepsOrderOnAllLoops(t *testing.T) {
	s := servertest.Start(t, "io-threads 3")
	admin := s.Dial()
	var clients []*servertest.Conn
	for range 9 {
		clients = append(clients, s.Dial())
	}
	admin.Want("+OK", "CLIENT", "PAUSE", "100000", "WRITE")
	for i, c := range clients {
		key := fmt.Sprint("k", i)
		c.Want("$-1", "GET", key)
		c.Send("SET", key, "1")
		c.Send("INCR", key)
		c.Send("GET", key)
		c.Send("PING", key)
	}
	awaitInfo(t, admin, "blocked_clients", "9")
	admin.Want(":0", "DBSIZE")
	if list := admin.Str("CLIENT", "LIST"); strings.Count(list, " flags=bU ") != 9 || strings.Count(list, " cmd=set ") != 9 {
		t.Errorf("CLIENT LIST shows\n%s", list)
	}
	admin.Want("+OK", "CLIENT", "UNPAUSE")
	for i, c := range clients {
		for _, want := range []string{"+OK", ":2", `"2"`, fmt.Sprintf("%q", fmt.Sprint("k", i))} {
			if v := c.Read(); v.Text() != want {
				t.Errorf("client %d: %s, want %s", i, v.Text(), want)
			}
		}
	}
	admin.Want(`"0"`, "ECHO", admin.Info("blocked_clients"))
}

// When PAUSE WRITE has replied no write ends any more, also none that another
// loop had begun: a failover reads the replication offset then.
func TestNoWriteEndsAfterPause(t *testing.T) {
	s := servertest.Start(t, "io-threads 3")
	admin := s.Dial()
	var writers []*servertest.Conn
	for range 6 {
		writers = append(writers, s.Dial())
	}
	const each = 2000
	done := make(chan struct{})
	for _, c := range writers {
		go func() {
			defer func() { done <- struct{}{} }()
			for range each / 10 {
				c.Write([]byte(strings.Repeat("INCR n\r\n", 10)))
				for range 10 {
					if _, err := c.TryRead(); err != nil {
						t.Error(err)
						return
					}
				}
			}
		}()
	}
	for range 20 {
		admin.Want("+OK", "CLIENT", "PAUSE", "100000", "WRITE")
		n := admin.Str("GET", "n")
		for range 20 {
			if now := admin.Str("GET", "n"); now != n {
				t.Fatalf("the counter went on from %s to %s", n, now)
			}
		}
		admin.Want("+OK", "CLIENT", "UNPAUSE")
	}
	for range writers {
		<-done
	}
	admin.Want(fmt.Sprintf("%q", fmt.Sprint(6*each)), "GET", "n")
}

// A client that goes away, or is sent away, while it is paused leaves nothing
// behind and its request does not happen.
func TestPausedClientsEnd(t *testing.T) {
	s := servertest.Start(t, "io-threads 2")
	admin, killed, gone := s.Dial(), s.Dial(), s.Dial()
	id := killed.Do("CLIENT", "ID")[1:]
	admin.Want("+OK", "CLIENT", "PAUSE", "100000", "WRITE")
	killed.Send("SET", "a", "1")
	gone.Send("SET", "b", "1")
	awaitInfo(t, admin, "blocked_clients", "2")
	admin.Want(":0", "CLIENT", "UNBLOCK", id)
	admin.Want(":1", "CLIENT", "KILL", "ID", id)
	killed.WantClosed()
	gone.Close()
	awaitInfo(t, admin, "blocked_clients", "0")
	awaitInfo(t, admin, "connected_clients", "1")
	admin.Want("+OK", "CLIENT", "UNPAUSE")
	admin.Want(":0", "DBSIZE")
}

// While writes are paused the background removes no expired keys, and readers do
// not either; afterwards both do.
func TestPauseKeepsExpiredKeys(t *testing.T) {
	s := servertest.Start(t)
	c := s.Dial()
	for i := range 10 {
		c.Want("+OK", "SET", fmt.Sprint("k", i), "v", "PX", "30")
	}
	c.Want("+OK", "CLIENT", "PAUSE", "100000", "WRITE")
	awaitThat(t, "all keys expire", func() bool { return c.Do("EXISTS", "k0", "k9") == ":0" })
	time.Sleep(150 * time.Millisecond) // longer than the rests of the background: that nothing happens has no event
	c.Want("$-1", "GET", "k1")
	c.Want(":10", "DBSIZE")
	c.Want(`"0"`, "ECHO", c.Info("expired_keys"))
	c.Want("+OK", "CLIENT", "UNPAUSE")
	awaitInfo(t, c, "expired_keys", "10")
	c.Want(":0", "DBSIZE")
}

// PAUSE ALL stops every command, that which would end it too, and ends by itself.
// A shorter pause that came later does not shorten it.
func TestPauseAllEndsByItself(t *testing.T) {
	s := servertest.Start(t, "io-threads 2")
	a, b := s.Dial(), s.Dial()
	a.Want("+PONG", "PING")
	b.Want("+PONG", "PING")
	start := time.Now()
	a.Send("CLIENT", "PAUSE", "60", "ALL")
	a.Send("CLIENT", "UNPAUSE")
	if v := a.Read(); v.Text() != "+OK" {
		t.Fatal(v.Text())
	}
	b.Want("+PONG", "PING")
	if took := time.Since(start); took < 55*time.Millisecond {
		t.Errorf("served after %v", took)
	}
	if v := a.Read(); v.Text() != "+OK" {
		t.Fatal(v.Text())
	}
	a.Want("+OK", "CLIENT", "PAUSE", "60000", "WRITE")
	a.Want("+OK", "CLIENT", "PAUSE", "1", "WRITE")
	b.Send("SET", "k", "v")
	awaitInfo(t, a, "blocked_clients", "1")
	time.Sleep(20 * time.Millisecond) // longer than the second pause: that nothing happens has no event
	a.Want("$-1", "GET", "k")
	a.Want("+OK", "CLIENT", "UNPAUSE")
	if v := b.Read(); v.Text() != "+OK" {
		t.Fatal(v.Text())
	}
}

// A client that is closed while its long command runs leaves nothing behind.
func TestKillDuringLongCommand(t *testing.T) {
	s := servertest.Start(t, "io-threads 2")
	admin := s.Dial()
	admin.Want("+OK", "DEBUG", "POPULATE", "5000")
	for range 10 {
		c := s.Dial()
		id := c.Do("CLIENT", "ID")[1:]
		c.Send("KEYS", "*")
		c.Send("SET", "late", "1")
		admin.Do("CLIENT", "KILL", "ID", id)
		for {
			if _, err := c.TryRead(); err != nil {
				break
			}
		}
	}
	awaitInfo(t, admin, "connected_clients", "1")
	admin.Want("+PONG", "PING")
}

// Pauses of both kinds, monitors that come and go in every way, and clients that
// are killed lose no request of others and repeat none.
func TestPauseAndMonitorUnderLoad(t *testing.T) {
	s := servertest.Start(t, "io-threads 3")
	admin := s.Dial()
	const writers, each = 4, 400
	done := make(chan struct{})
	for w := range writers {
		c := s.Dial()
		go func() {
			defer func() { done <- struct{}{} }()
			key := fmt.Sprint("n", w)
			for i := 0; i < each; i += 4 {
				for range 4 {
					c.Send("INCR", key)
				}
				for n := i + 1; n <= i+4; n++ {
					if v, err := c.TryRead(); err != nil || v.Text() != fmt.Sprint(":", n) {
						t.Errorf("reply %d of %s is %s, %v", n, key, v.Text(), err)
						return
					}
				}
			}
		}()
	}
	for running, round := writers, 0; running > 0; round++ {
		m := s.Dial()
		m.Send("MONITOR")
		admin.Want("+OK", "CLIENT", "PAUSE", "1000", "WRITE")
		victim := s.Dial()
		victim.Send("CLIENT", "ID")
		id := victim.Read()
		victim.Send("SET", "late", "1")
		admin.Do("CLIENT", "KILL", "ID", id.Text()[1:])
		admin.Want("+OK", "CLIENT", "UNPAUSE")
		if round%8 == 0 {
			admin.Want("+OK", "CLIENT", "PAUSE", "2", "ALL")
		}
		switch round % 3 {
		case 0:
			m.Send("RESET")
		case 1:
			m.Send("QUIT")
		}
		m.Close()
		select {
		case <-done:
			running--
		default:
		}
	}
	awaitInfo(t, admin, "connected_clients", fmt.Sprint(1+writers))
	awaitInfo(t, admin, "blocked_clients", "0")
}
