package server_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"kvorum/resp"
	"kvorum/server/servertest"
)

// bigKeys fills a hash, a set, a list, a sorted set and a stream with n elements each.
func bigKeys(s *servertest.Instance, n int) {
	c := s.Dial()
	const step = 500
	for i := 0; i < n; i += step {
		rows := [][]string{{"HSET", "h"}, {"SADD", "s"}, {"RPUSH", "l"}, {"ZADD", "z"}}
		for j := i; j < i+step; j++ {
			name := fmt.Sprint("m", j)
			rows[0] = append(rows[0], name, "v")
			rows[1] = append(rows[1], name)
			rows[2] = append(rows[2], name)
			rows[3] = append(rows[3], fmt.Sprint(j), name)
		}
		for _, row := range rows {
			call(c, row...)
		}
		var in []byte
		for j := i; j < i+step; j++ {
			in = resp.AppendCommandStrings(in, "XADD", "x", fmt.Sprint(j+1, "-1"), "f", "v")
		}
		c.Write(in)
		for range step {
			c.Read()
		}
	}
}

// longReplies are long commands and the number of elements of their replies, or the
// number that they reply.
func longReplies(n int) map[string]int {
	return map[string]int{
		"HGETALL h": 2 * n, "HKEYS h": n, "HVALS h": n, "SMEMBERS s": n, "LRANGE l 0 -1": n, "ZRANGE z 0 -1": n,
		"ZRANGE z 0 -1 WITHSCORES": 2 * n, "ZREVRANGEBYSCORE z +inf -inf": n, "SUNION s none": n, "SINTER s s": n, "SDIFF s none": n,
		"SINTERCARD 2 s s": n, "ZUNION 2 z s": n, "ZINTER 2 z s": n, "ZDIFF 2 z none": n, "ZINTERCARD 2 z s": n, "XRANGE x - +": n,
		"XREVRANGE x + -": n, "LPOS l none COUNT 0": 0, "SUNIONSTORE d1 s none": n, "SINTERSTORE d2 s s": n, "SDIFFSTORE d3 s none": n,
		"ZUNIONSTORE d4 2 z s": n, "ZINTERSTORE d5 2 z s": n, "ZDIFFSTORE d6 2 z none": n, "ZRANGESTORE d7 z 0 -1": n,
	}
}

func lengthOf(v *resp.Value) int {
	if v.Type == ':' {
		return int(v.Int)
	}
	return len(v.Elems)
}

// Long commands of all kinds have the whole reply, also in a transaction, and behind
// and before other requests.
func TestLongCommands(t *testing.T) {
	s := servertest.Start(t, "io-threads 2")
	const n = 4500
	bigKeys(s, n)
	c := s.Dial()
	for line, want := range longReplies(n) {
		var in []byte
		for _, l := range []string{"PING", line, "PING", "MULTI", line, "EXEC"} {
			in = resp.AppendCommandStrings(in, strings.Fields(l)...)
		}
		c.Write(in)
		for i, text := range []string{"+PONG", "", "+PONG", "+OK", "+QUEUED", "multi"} {
			v := c.Read()
			switch text {
			case "":
				if have := lengthOf(&v); have != want {
					t.Errorf("%s: %d, want %d: %.100s", line, have, want, v.Text())
				}
			case "multi":
				if have := lengthOf(&v.Elems[0]); have != want {
					t.Errorf("%s in a transaction: %d, want %d", line, have, want)
				}
			default:
				if v.Text() != text {
					t.Errorf("%s: reply %d: %.100s", line, i, v.Text())
				}
			}
		}
	}
	for _, stat := range []string{"hgetall", "zunionstore", "lpos"} {
		if have := c.Info("cmdstat_" + stat); !strings.HasPrefix(have, "calls=2,") {
			t.Errorf("%s: %s", stat, have)
		}
	}
}

// A long read shows its keys as they are at one moment, whatever others do to them, and
// nobody waits for ever.
func TestLongReadsAmongWriters(t *testing.T) {
	s := servertest.Start(t, "io-threads 3")
	const n, rounds = 4500, 10
	bigKeys(s, n)
	lines := []string{"HGETALL h", "SMEMBERS s", "LRANGE l 0 -1", "ZRANGE z 0 -1", "SUNION s none", "ZUNION 2 z s", "SUNIONSTORE d s none", "XRANGE x - +"}
	stop := make(chan struct{})
	var writers, readers sync.WaitGroup
	for range 2 {
		c := s.Dial()
		writers.Go(func() {
			// Each step keeps the sizes; in between they are wrong.
			steps := [][]string{
				{"MULTI", "HDEL h m1", "HSET h m1 v", "SREM s m1", "SADD s m1", "EXEC"},
				{"LMOVE l l LEFT RIGHT"}, {"RPOPLPUSH l l"},
				{"MULTI", "ZREM z m1", "ZADD z 1 m1", "EXEC"},
				{"MULTI", "RENAME h tmp", "RENAME tmp h", "EXEC"},
				{"MULTI", "SWAPDB 0 1", "SWAPDB 0 1", "EXEC"},
				{"EXPIRE s 1000"}, {"PERSIST s"}, {"XTRIM x MAXLEN 4500"}, {"SET k v"}, {"GET k"},
			}
			for {
				for _, step := range steps {
					for _, line := range step {
						if v := call(c, strings.Fields(line)...); v.Type == '-' {
							t.Errorf("%s: %s", line, v.Text())
						}
					}
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	want := longReplies(n)
	want["SUNIONSTORE d s none"] = n
	for range 3 {
		c := s.Dial()
		readers.Go(func() {
			for i := range rounds {
				line := lines[i%len(lines)]
				v := call(c, strings.Fields(line)...)
				if have := lengthOf(&v); have != want[line] {
					t.Errorf("%s: %d, want %d: %.100s", line, have, want[line], v.Text())
				}
			}
		})
	}
	readers.Wait()
	close(stop)
	writers.Wait()
	c := s.Dial()
	for range 20 { // clients that go in the middle
		gone := s.Dial()
		gone.Send("HGETALL", "h")
		gone.Send("HSET", "h", "m1", "v")
		c.Send("HSET", "h", "m1", "v")
		gone.Close()
		if v := c.Read(); v.Text() != ":0" {
			t.Error(v.Text())
		}
	}
	c.Want("+OK", "FLUSHALL")
}
