package server_test

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"kvorum/server/servertest"
)

// subscribe subscribes a client and takes the reply.
func subscribe(t *testing.T, c *servertest.Conn, words ...string) {
	t.Helper()
	c.Send(words...)
	if v := c.Read(); len(v.Elems) != 3 {
		t.Fatalf("%q: %s", words, v.Text())
	}
}

// All subscribers of a channel, on whatever loops, see the messages of publishers on
// all loops in one order.
func TestSubscribersSeeOneOrder(t *testing.T) {
	s := servertest.Start(t, "io-threads 3")
	var subs []*servertest.Conn
	for i := range 6 {
		c := s.Dial()
		if i%2 == 0 {
			subscribe(t, c, "SUBSCRIBE", "news")
		} else {
			subscribe(t, c, "PSUBSCRIBE", "n*")
		}
		subs = append(subs, c)
	}
	const each, publishers = 300, 5
	var done sync.WaitGroup
	for p := range publishers {
		c := s.Dial()
		done.Add(1)
		go func() {
			defer done.Done()
			for i := range each {
				c.Send("PUBLISH", "news", fmt.Sprintf("%d-%d", p, i))
				if v, err := c.TryRead(); err != nil || v.Int != int64(len(subs)) {
					t.Errorf("PUBLISH: %s %v", v.Text(), err)
					return
				}
			}
		}()
	}
	var seen [6]strings.Builder
	for i, c := range subs {
		for range each * publishers {
			v := c.Read()
			seen[i].Write(v.Elems[len(v.Elems)-1].Str)
			seen[i].WriteByte(' ')
		}
	}
	done.Wait()
	for i := range subs {
		if seen[i].String() != seen[0].String() {
			t.Errorf("subscriber %d saw another order than subscriber 0", i)
		}
	}
}

// Who learns that a message was sent, and then asks for something, gets the message
// before the reply; and a client's own message comes behind the reply to its PUBLISH.
func TestMessagesComeBeforeLaterReplies(t *testing.T) {
	s := servertest.Start(t, "io-threads 3")
	publisher := s.Dial()
	var subs []*servertest.Conn
	for range 4 {
		c := s.Dial()
		c.Do("HELLO", "3")
		subscribe(t, c, "SUBSCRIBE", "c")
		subs = append(subs, c)
	}
	for i := range 400 {
		text := strconv.Itoa(i)
		publisher.Want(":4", "PUBLISH", "c", text)
		for _, c := range subs {
			c.Send("PING")
			if v := c.Read(); len(v.Elems) != 3 || string(v.Elems[2].Str) != text {
				t.Fatalf("the reply came before message %d: %s", i, v.Text())
			}
			if v := c.Read(); string(v.Str) != "PONG" {
				t.Fatalf("not the reply: %s", v.Text())
			}
		}
	}
	subs[0].Want(":4", "PUBLISH", "c", "own")
	if v := subs[0].Read(); string(v.Elems[2].Str) != "own" {
		t.Errorf("the own message is %s", v.Text())
	}
}

// The event of a client's own command stands between the reply to it and the reply to
// the next request of the same write.
func TestOwnEventsComeBehindTheReply(t *testing.T) {
	s := servertest.Start(t, "io-threads 2", "notify-keyspace-events KEA")
	c := s.Dial()
	c.Do("HELLO", "3")
	subscribe(t, c, "PSUBSCRIBE", "__key*__:*")
	c.Write([]byte("SET k v\r\nGET k\r\nMULTI\r\nDEL k\r\nEXEC\r\nPING\r\n"))
	var got []string
	for range 10 {
		v := c.Read()
		if len(v.Elems) == 4 {
			got = append(got, string(v.Elems[2].Str)+" "+string(v.Elems[3].Str))
			continue
		}
		got = append(got, v.Text())
	}
	want := []string{"+OK", "__keyspace@0__:k set", "__keyevent@0__:set k", "$v", "+OK", "+QUEUED",
		"*1\n:1", "__keyspace@0__:k del", "__keyevent@0__:del k", "+PONG"}
	for i := range want {
		if i != 3 && i != 6 && got[i] != want[i] {
			t.Errorf("reply %d is %q, not %q", i, got[i], want[i])
		}
	}
}

// Whoever subscribes gets nothing that was published before, and after the reply to
// UNSUBSCRIBE no message comes, though others never stop publishing.
func TestSubscriptionsHaveSharpEnds(t *testing.T) {
	s := servertest.Start(t, "io-threads 3")
	stop := make(chan struct{})
	var mu sync.Mutex
	acked := 0
	var done sync.WaitGroup
	publisher := s.Dial()
	done.Add(1)
	go func() {
		defer done.Done()
		for i := 1; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			publisher.Send("PUBLISH", "c", strconv.Itoa(i))
			if _, err := publisher.TryRead(); err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			acked = i
			mu.Unlock()
		}
	}()
	c := s.Dial()
	for range 300 {
		mu.Lock()
		before := acked
		mu.Unlock()
		subscribe(t, c, "SUBSCRIBE", "c")
		next := 0
		c.Send("UNSUBSCRIBE", "c")
		for {
			v := c.Read()
			if string(v.Elems[0].Str) == "unsubscribe" {
				break
			}
			n, err := strconv.Atoi(string(v.Elems[2].Str))
			if err != nil || n <= before || next != 0 && n != next {
				t.Fatalf("message %q after %d were sent before, %d expected", v.Elems[2].Str, before, next)
			}
			next = n + 1
		}
		c.Want("+PONG", "PING")
	}
	close(stop)
	done.Wait()
}

// Messages that wait for slow subscribers take their bytes once: of 200 messages of
// 5 KB to 200 clients that do not read, 200 MB would be the copies, 1 MB is distinct.
func TestSlowSubscribersShareMessages(t *testing.T) {
	const clients, messages, size = 200, 200, 5000
	s := servertest.Start(t, "io-threads 2")
	admin := s.Dial()
	for range clients {
		subscribe(t, s.Dial(), "SUBSCRIBE", "c")
	}
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	message := strings.Repeat("x", size)
	before := heap()
	for range messages {
		admin.Want(":"+strconv.Itoa(clients), "PUBLISH", "c", message)
	}
	waiting := func() (sum int64) {
		for line := range strings.Lines(admin.Str("CLIENT", "LIST", "TYPE", "pubsub")) {
			n, err := strconv.ParseInt(clientField(line, "omem"), 10, 64)
			if err != nil {
				t.Fatalf("%v in %q", err, line)
			}
			sum += n
		}
		return sum
	}
	const queued = clients * messages * size / 2 // the rest is in the system's buffers
	await(t, func() bool { return waiting() >= queued })
	const distinct, perClient = messages * size, messages * 64
	if grown, limit := heap()-before, int64(4*distinct+clients*perClient+8<<20); grown > limit {
		t.Errorf("%d bytes wait for clients, and memory has grown by %d", waiting(), grown)
	} else if used := admin.Info("mem_clients_normal"); len(used) > 8 {
		t.Errorf("clients are said to take %s bytes, memory has grown by %d", used, grown)
	}
}

// A subscriber that goes without a word leaves nothing behind.
func TestSubscribersLeave(t *testing.T) {
	s := servertest.Start(t, "io-threads 2")
	admin := s.Dial()
	for i := range 20 {
		c := s.Dial()
		subscribe(t, c, "SUBSCRIBE", "c"+strconv.Itoa(i%3))
		subscribe(t, c, "PSUBSCRIBE", "p*")
		subscribe(t, c, "SSUBSCRIBE", "s")
		c.Close()
	}
	for _, field := range []string{"pubsub_channels", "pubsub_patterns", "pubsubshard_channels"} {
		await(t, func() bool { return admin.Info(field) == "0" })
	}
	admin.Want(":0", "PUBLISH", "c1", "x")
}

// A subscriber with more output waiting than the limit of its class is closed, others
// are not.
func TestOutputLimitOfSubscribers(t *testing.T) {
	s := servertest.Start(t, "io-threads 2", "client-output-buffer-limit pubsub 1mb 0 0")
	admin := s.Dial()
	subscribe(t, s.Dial(), "SUBSCRIBE", "c")
	message := strings.Repeat("x", 10_000)
	await(t, func() bool { return admin.Do("PUBLISH", "c", message) == ":0" })
	if log := s.Log.String(); !strings.Contains(log, "for overcoming of output buffer limits") {
		t.Errorf("the log does not tell:\n%s", log)
	}
}
