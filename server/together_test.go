package server_test

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"kvorum/resp"
	"kvorum/server/servertest"
)

// What could break where parts meet: long commands that pin keys, fields that expire,
// clients that cache, keyspace events and a replica that applies the stream. Clients do
// all of that at once on a master and its replica. In the end both have the same data and
// sound memory, and nobody has anything in the cache that is not true any more.

// startPair starts a master and a replica that is in step with it.
func startPair(t *testing.T, lines ...string) (master, replica *servertest.Instance) {
	port := strconv.Itoa(freePort(t))
	master = servertest.Start(t, append(lines, "bind 127.0.0.1", "port "+port, "repl-diskless-sync-delay 0")...)
	replica = servertest.Start(t, append(lines, "replicaof 127.0.0.1 "+port)...)
	c := replica.Dial()
	await(t, func() bool { return c.Info("master_link_status") == "up" })
	return master, replica
}

const (
	smallHashes = 8
	bigFields   = 6000
	fieldsLive  = 100 * time.Millisecond // at most
)

// togetherWrite does one random change.
func togetherWrite(r *rand.Rand, do func(words ...string)) {
	n := func(max int) string { return strconv.Itoa(r.IntN(max)) }
	small, other := "t"+n(smallHashes), "t"+n(smallHashes)
	switch r.IntN(16) {
	case 0, 1:
		do("HSET", small, "a", n(9), "b", n(9), "f"+n(40), n(100))
		do("HPEXPIRE", small, n(30), "FIELDS", "2", "a", "f"+n(40))
	case 2:
		do("HSET", "big", "f"+n(bigFields), n(1000))
		do("HPEXPIRE", "big", n(60), "FIELDS", "1", "f"+n(bigFields))
	case 3:
		do("HDEL", "big", "f"+n(bigFields))
		do("HPERSIST", "big", "FIELDS", "1", "f"+n(bigFields))
	case 4:
		do("RENAME", small, other)
	case 5:
		do("COPY", small, other, "REPLACE")
	case 6:
		do("MULTI")
		do("SORT", "ids", "BY", "t*->a", "GET", "t*->b", "STORE", "sorted")
		do("HPEXPIRE", small, n(20), "FIELDS", "1", "b")
		do("EXEC")
	case 7:
		do("DEL", small)
	case 8:
		do("HGETALL", "big")
	case 9:
		do("HSET", "big", "f"+n(bigFields), strings.Repeat("v", 1+r.IntN(100)))
	case 10:
		do("SUNIONSTORE", "union", "set", "ids")
	case 11:
		do("COPY", "big", "twin", "REPLACE")
	case 12:
		do("RENAME", "twin", "big")
	case 13:
		if r.IntN(30) == 0 {
			do("FLUSHALL")
			togetherFill(do)
		}
	default:
		do("HGETALL", small)
	}
}

func togetherFill(do func(words ...string)) {
	for from := 0; from < bigFields; from += 1000 {
		row, members := []string{"HSET", "big"}, []string{"SADD", "set"}
		for i := from; i < from+1000; i++ {
			row = append(row, "f"+strconv.Itoa(i), "value")
			members = append(members, "m"+strconv.Itoa(i))
		}
		do(row...)
		do(members...)
	}
	do("SADD", "ids", "0", "1", "2", "3", "4", "5", "6", "7")
}

// copier caches small hashes and keeps what it read until it is told of a change.
type copier struct {
	*servertest.Conn
	cache map[string]string
	told  int
}

func (c *copier) do(words ...string) resp.Value {
	c.Send(words...)
	for {
		v := c.Read()
		if v.Type != '>' {
			return v
		}
		c.told++
		keys := v.Elems[len(v.Elems)-1]
		if keys.Null {
			clear(c.cache)
		}
		for _, key := range keys.Elems {
			delete(c.cache, string(key.Str))
		}
	}
}

func newCopier(in *servertest.Instance) *copier {
	c := &copier{Conn: in.Dial(), cache: make(map[string]string)}
	c.Do("HELLO", "3")
	c.Do("CLIENT", "TRACKING", "ON")
	return c
}

func (c *copier) read(key string) string {
	v := c.do("HGETALL", key)
	c.cache[key] = v.Text()
	return v.Text()
}

// check compares the cache with what there is. Nothing changes any more.
func (c *copier) check(t *testing.T, master *servertest.Conn) {
	c.do("PING")
	for key, was := range c.cache {
		if v := c.read(key); v != was {
			t.Errorf("%s is cached as %s, and is %s (on the master %s)", key, was, v, master.Do("HGETALL", key))
		}
	}
	before := c.told
	c.read("last")
	master.Do("HSET", "last", "f", "v")
	await(t, func() bool { c.do("PING"); return c.told > before })
	master.Do("DEL", "last")
}

// listen counts the events that a server publishes.
func listen(in *servertest.Instance) (count func(event string) int) {
	c := in.Dial()
	c.Do("PSUBSCRIBE", "__keyevent@0__:*")
	var mu sync.Mutex
	seen := make(map[string]int)
	go func() {
		for {
			v, err := c.TryRead()
			if err != nil {
				return
			}
			mu.Lock()
			seen[strings.TrimPrefix(string(v.Elems[2].Str), "__keyevent@0__:")]++
			mu.Unlock()
		}
	}()
	return func(event string) int {
		mu.Lock()
		defer mu.Unlock()
		return seen[event]
	}
}

// tellDifferences tells what a replica has that its master has not, and the other way
// round.
func tellDifferences(t *testing.T, master, replica *servertest.Conn) {
	t.Errorf("offsets %s and %s", master.Info("master_repl_offset"), replica.Info("master_repl_offset"))
	for _, key := range []string{"big", "twin", "set", "ids", "union", "sorted", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7"} {
		if a, b := master.Do("DEBUG", "DIGEST-VALUE", key), replica.Do("DEBUG", "DIGEST-VALUE", key); a != b {
			a, b = master.Do("HGETALL", key), replica.Do("HGETALL", key)
			t.Errorf("%s is\n%.500s\non the replica\n%.500s", key, a, b)
		}
	}
}

// awaitSame waits until a replica has the data of its master.
func awaitSame(t *testing.T, first, other *servertest.Conn) {
	same := func() bool {
		digest := first.Do("DEBUG", "DIGEST")
		return digest == other.Do("DEBUG", "DIGEST") && digest == first.Do("DEBUG", "DIGEST") &&
			other.Info("master_repl_offset") == first.Info("master_repl_offset")
	}
	// Between two looks it rests: a digest stops the server.
	for deadline := time.Now().Add(10 * time.Second); !same(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			tellDifferences(t, first, other)
			break
		}
	}
}

func TestPartsTogether(t *testing.T) {
	length := 1500 * time.Millisecond
	if testing.Short() {
		length = 600 * time.Millisecond
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	master, replica := startPair(t, "io-threads 3", "notify-keyspace-events KEA")
	first := master.Dial()
	togetherFill(func(words ...string) { first.Do(words...) })
	events := map[string]func(string) int{"master": listen(master), "replica": listen(replica)}
	stop := make(chan struct{})
	var all sync.WaitGroup
	run := func(step func(r *rand.Rand)) {
		r := rand.New(rand.NewPCG(seed, rand.Uint64()))
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					step(r)
				}
			}
		})
	}
	for range 3 {
		c := master.Dial()
		run(func(r *rand.Rand) { togetherWrite(r, func(words ...string) { c.Do(words...) }) })
	}
	dump := master.Dial()
	run(func(r *rand.Rand) {
		key := "t" + strconv.Itoa(r.IntN(smallHashes))
		dump.Send("DUMP", key)
		if v := dump.Read(); !v.Null {
			dump.Want("+OK", "RESTORE", "t"+strconv.Itoa(r.IntN(smallHashes)), "0", string(v.Str), "REPLACE")
		}
	})
	var copiers []*copier
	for _, in := range []*servertest.Instance{master, replica, replica} {
		c := newCopier(in)
		copiers = append(copiers, c)
		run(func(r *rand.Rand) { c.read("t" + strconv.Itoa(r.IntN(smallHashes))) })
		long := in.Dial()
		run(func(*rand.Rand) { long.Do("HGETALL", "big"); long.Do("SMEMBERS", "set") })
	}
	time.Sleep(length) // how long it runs, nothing waits for it
	close(stop)
	all.Wait()

	time.Sleep(fieldsLive) // nothing is due any more
	other := replica.Dial()
	awaitSame(t, first, other)
	for _, c := range copiers {
		c.check(t, first)
	}
	first.Do("HSET", "x", "f", "1", "g", "2", "h", "3")
	first.Do("HPEXPIRE", "x", "1", "FIELDS", "1", "f")
	first.Do("HDEL", "x", "g")
	for _, event := range []string{"hexpired", "hexpire", "hdel", "hset"} {
		for name, count := range events {
			if name == "master" || event != "hexpired" { // a replica is told of HDEL
				await(t, func() bool { return count(event) > 0 })
			}
		}
	}
	first.Want("+OK", "DEBUG", "MEMCHECK")
	other.Want("+OK", "DEBUG", "MEMCHECK")
}
