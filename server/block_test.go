package server_test

import (
	"fmt"
	"strconv"
	"sync"
	"testing"

	"kvorum/resp"
	"kvorum/server/servertest"
)

// blockAll lets each client wait in a command, one after the other.
func blockAll(t *testing.T, admin *servertest.Conn, clients []*servertest.Conn, args ...string) {
	t.Helper()
	for i, c := range clients {
		c.Send(args...)
		awaitInfo(t, admin, "blocked_clients", strconv.Itoa(i+1))
	}
}

// call sends a request and returns the reply.
func call(c *servertest.Conn, args ...string) resp.Value {
	c.Send(args...)
	return c.Read()
}

func dialAll(s *servertest.Instance, n int) (clients []*servertest.Conn) {
	for range n {
		clients = append(clients, s.Dial())
	}
	return clients
}

// Whoever waits longest is served first, on whichever loop it is, by one push or by
// several.
func TestBlockedClientsAreServedInTheirOrder(t *testing.T) {
	s := servertest.Start(t, "io-threads 3")
	admin, clients := s.Dial(), dialAll(s, 9)
	blockAll(t, admin, clients, "BLPOP", "other", "k", "0")
	admin.Want(":4", "RPUSH", "k", "0", "1", "2", "3")
	for i := 4; i < 9; i++ {
		admin.Want(":1", "RPUSH", "k", strconv.Itoa(i))
	}
	for i, c := range clients {
		if v, want := c.Read(), fmt.Sprintf("*2\n  \"k\"\n  %q", strconv.Itoa(i)); v.Text() != want {
			t.Errorf("client %d: %s, want %s", i, v.Text(), want)
		}
	}
	admin.Want(":0", "EXISTS", "k")
	awaitInfo(t, admin, "blocked_clients", "0")
}

// An element goes along a chain of clients that move it, within one push.
func TestBlockedMovesFollowEachOther(t *testing.T) {
	s := servertest.Start(t, "io-threads 3")
	admin, clients := s.Dial(), dialAll(s, 5)
	for i, c := range clients {
		c.Send("BLMOVE", fmt.Sprint("l", i), fmt.Sprint("l", i+1), "LEFT", "RIGHT", "0")
		awaitInfo(t, admin, "blocked_clients", strconv.Itoa(i+1))
	}
	admin.Want(":1", "RPUSH", "l0", "x")
	admin.Want(":1", "LLEN", "l5")
	for i, c := range clients {
		if v := c.Read(); v.Text() != `"x"` {
			t.Errorf("client %d: %s", i, v.Text())
		}
	}
}

// What a transaction leaves is what those who wait get.
func TestBlockedClientsSeeTheEndOfATransaction(t *testing.T) {
	s := servertest.Start(t, "io-threads 2")
	admin, c := s.Dial(), s.Dial()
	blockAll(t, admin, []*servertest.Conn{c}, "BLPOP", "a", "b", "0")
	admin.Want("+OK", "MULTI")
	admin.Want("+QUEUED", "RPUSH", "a", "gone")
	admin.Want("+QUEUED", "DEL", "a")
	admin.Want("+QUEUED", "RPUSH", "b", "stays")
	admin.Want("*3\n  :1\n  :1\n  :1", "EXEC")
	if v := c.Read(); v.Text() != "*2\n  \"b\"\n  \"stays\"" {
		t.Error(v.Text())
	}
}

// A wait ends in time, by CLIENT UNBLOCK, or with its client, and leaves nothing.
func TestBlockedClientsLeave(t *testing.T) {
	s := servertest.Start(t, "io-threads 2")
	admin, c := s.Dial(), s.Dial()
	c.Want("*-1", "BLMOVE", "k", "l", "LEFT", "LEFT", "0.01")
	c.Want("*-1", "BZPOPMIN", "k", "0.01")
	id := c.Str("CLIENT", "INFO")
	var n int
	if _, err := fmt.Sscanf(id, "id=%d", &n); err != nil {
		t.Fatal(err)
	}
	blockAll(t, admin, []*servertest.Conn{c}, "BLPOP", "k", "0")
	admin.Want(":1", "CLIENT", "UNBLOCK", strconv.Itoa(n))
	if v := c.Read(); v.Text() != "*-1" {
		t.Error(v.Text())
	}
	blockAll(t, admin, []*servertest.Conn{c}, "BLPOP", "k", "100")
	admin.Want(":1", "CLIENT", "UNBLOCK", strconv.Itoa(n), "ERROR")
	if v := c.Read(); v.Text() != "-UNBLOCKED client unblocked via CLIENT UNBLOCK" {
		t.Error(v.Text())
	}
	admin.Want(":0", "CLIENT", "UNBLOCK", strconv.Itoa(n))
	blockAll(t, admin, []*servertest.Conn{c}, "BLPOP", "k", "0")
	c.Close()
	awaitInfo(t, admin, "blocked_clients", "0")
	admin.Want(":1", "RPUSH", "k", "1")
	admin.Want(":1", "LLEN", "k")
	if keys := admin.Info("total_blocking_keys"); keys != "0" {
		t.Errorf("%s keys are waited for", keys)
	}
}

// A wait that is over long before its time leaves nothing to look out for: clients
// that wait again and again, each time for an hour, do not fill the memory, though
// one waits all the time whose turn comes first.
func TestServedWaitsLeaveNoDeadlines(t *testing.T) {
	s := servertest.Start(t, "io-threads 1")
	admin, first, clients := s.Dial(), s.Dial(), dialAll(s, 5)
	first.Send("BLPOP", "other", "1800")
	awaitInfo(t, admin, "clients_in_timeout_table", "1")
	for range 3 {
		for i, c := range clients {
			c.Send("BLPOP", "k", "3600")
			awaitInfo(t, admin, "clients_in_timeout_table", strconv.Itoa(i+2))
		}
		if n := s.Server.Deadlines(); n != len(clients)+1 {
			t.Errorf("%d deadlines of %d clients", n, len(clients)+1)
		}
		for i, c := range clients {
			admin.Want(":1", "RPUSH", "k", strconv.Itoa(i))
			c.Read()
		}
		awaitInfo(t, admin, "clients_in_timeout_table", "1")
	}
	clients[0].Send("BLPOP", "k", "3600")
	awaitInfo(t, admin, "clients_in_timeout_table", "2")
	clients[0].Close()
	first.Close()
	awaitInfo(t, admin, "clients_in_timeout_table", "0")
	if n := s.Server.Deadlines(); n != 0 {
		t.Errorf("%d deadlines are left", n)
	}
}

// Elements pushed by some clients, while others wait for them with short timeouts,
// move them on or take them without waiting, are each got once or left.
func TestNothingIsLostBetweenPushesAndTimeouts(t *testing.T) {
	s := servertest.Start(t, "io-threads 3")
	const pushers, takers, each = 3, 6, 300
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[string]int{}
	done := make(chan struct{})
	for p := range pushers {
		c := s.Dial()
		wg.Go(func() {
			for i := range each {
				c.Do("RPUSH", fmt.Sprint("q", i%2), fmt.Sprint(p, "-", i))
			}
		})
	}
	var takersDone sync.WaitGroup
	for n := range takers {
		c := s.Dial()
		takersDone.Go(func() {
			for {
				var v string
				switch n % 3 {
				case 0:
					if r := call(c, "BLPOP", "q0", "q1", "0.002"); len(r.Elems) == 2 {
						v = string(r.Elems[1].Str)
					}
				case 1:
					c.Do("BLMOVE", "q0", "q1", "LEFT", "RIGHT", "0.002")
				default:
					if r := call(c, "BLMPOP", "0.001", "2", "q1", "q0", "RIGHT"); len(r.Elems) == 2 {
						v = string(r.Elems[1].Elems[0].Str)
					}
				}
				if v != "" {
					mu.Lock()
					got[v]++
					mu.Unlock()
					continue
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	wg.Wait()
	close(done)
	takersDone.Wait()
	c := s.Dial()
	for _, key := range []string{"q0", "q1"} {
		for _, e := range call(c, "LRANGE", key, "0", "-1").Elems {
			got[string(e.Str)]++
		}
	}
	for v, n := range got {
		if n != 1 {
			t.Errorf("%s came %d times", v, n)
		}
	}
	if len(got) != pushers*each {
		t.Errorf("%d of %d elements", len(got), pushers*each)
	}
}

// What a client sends behind a request that waits is done after it, and what CLIENT
// REPLY SKIP said of it holds until it is answered.
func TestRequestsBehindABlockedOneWait(t *testing.T) {
	s := servertest.Start(t, "io-threads 2")
	admin, c := s.Dial(), s.Dial()
	in := resp.AppendCommandStrings(nil, "BLPOP", "k", "0")
	in = resp.AppendCommandStrings(in, "SET", "n", "after")
	in = resp.AppendCommandStrings(in, "CLIENT", "REPLY", "SKIP")
	in = resp.AppendCommandStrings(in, "BLPOP", "k", "0")
	in = resp.AppendCommandStrings(in, "GET", "n")
	c.Write(in)
	awaitInfo(t, admin, "blocked_clients", "1")
	admin.Want(":0", "EXISTS", "n")
	admin.Want(":2", "RPUSH", "k", "1", "2")
	for _, want := range []string{"*2\n  \"k\"\n  \"1\"", "+OK", `"after"`} {
		if v := c.Read(); v.Text() != want {
			t.Errorf("%s, want %s", v.Text(), want)
		}
	}
	admin.Want(":0", "EXISTS", "k")
}

// An element that comes to a list of another database moves on under the lock of the
// list that it moves to, which others change all the time.
func TestBlockedMovesOfOtherDatabases(t *testing.T) {
	s := servertest.Start(t, "io-threads 3")
	const moves, others = 60, 3
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range others {
		c := s.Dial()
		c.Want("+OK", "SELECT", "1")
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					call(c, "RPUSH", "to", "y")
					call(c, "LPOP", "to")
				}
			}
		})
	}
	admin, waits := s.Dial(), s.Dial()
	waits.Want("+OK", "SELECT", "1")
	for i := range moves {
		blockAll(t, admin, []*servertest.Conn{waits}, "BLMOVE", "from", "to", "LEFT", "LEFT", "0")
		switch i % 3 {
		case 0:
			admin.Want(":1", "RPUSH", "from", "x")
			admin.Want(":1", "MOVE", "from", "1")
		case 1:
			admin.Want(":1", "RPUSH", "here", "x")
			admin.Want(":1", "COPY", "here", "from", "DB", "1")
			admin.Want(":1", "DEL", "here")
		case 2:
			admin.Want("+OK", "MULTI")
			admin.Want("+QUEUED", "SELECT", "1")
			admin.Want("+QUEUED", "RPUSH", "from", "x")
			admin.Want("+QUEUED", "SELECT", "0")
			admin.Want("*3\n  +OK\n  :1\n  +OK", "EXEC")
		}
		if v := waits.Read(); v.Text() != `"x"` {
			t.Fatal(v.Text())
		}
	}
	close(stop)
	wg.Wait()
}
