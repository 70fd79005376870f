package server_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"kvorum/resp"
	"kvorum/server/servertest"
)

const oomError = "-OOM command not allowed when used memory > 'maxmemory'."

func usedMemory(t *testing.T, c *servertest.Conn) int64 {
	t.Helper()
	n, err := strconv.ParseInt(c.Info("used_memory"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Over the limit only commands that may need memory are refused; a lower limit is
// warned of, and a policy that is set later makes room.
func TestMaxMemoryRefusesThenEvicts(t *testing.T) {
	s := servertest.Start(t, "io-threads 2")
	c := s.Dial()
	value := strings.Repeat("v", 1000)
	for i := range 2000 {
		c.Send("SET", "k"+strconv.Itoa(i), value)
	}
	for range 2000 {
		c.Read()
	}
	limit := strconv.FormatInt(usedMemory(t, c)-500_000, 10)
	c.Want("+OK", "CONFIG", "SET", "maxmemory", limit)
	if log := s.Log.String(); !strings.Contains(log, "WARNING: the new maxmemory value set via CONFIG SET ("+limit+") is smaller than the current memory usage (") {
		t.Errorf("no warning in the log:\n%s", log)
	}
	c.Want(oomError, "SET", "k1", "v")
	c.Want(oomError, "APPEND", "k1", "v")
	c.Want(`"`+value+`"`, "GET", "k1")
	c.Want(":1", "EXPIRE", "k1", "100")
	c.Want(":1", "DEL", "k1")
	if over := c.Info("current_eviction_exceeded_time"); over == "" {
		t.Error("INFO has no current_eviction_exceeded_time")
	}
	if n := c.Info("evicted_keys"); n != "0" {
		t.Errorf("%s keys evicted without a policy", n)
	}
	c.Want("+OK", "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
	await(t, func() bool { return usedMemory(t, c) < atoi(t, limit) }) // nobody writes
	c.Want("+OK", "SET", "k1", "v")
	if n := atoi(t, c.Info("evicted_keys")); n < 300 || n > 1000 {
		t.Errorf("%d keys evicted for 500 kB", n)
	}
	if now := c.Info("current_eviction_exceeded_time"); now != "0" {
		t.Errorf("still over the limit: %s ms", now)
	}
	c.Want("+OK", "CONFIG", "RESETSTAT")
	if n := c.Info("evicted_keys"); n != "0" {
		t.Errorf("evicted_keys is %s after RESETSTAT", n)
	}
}

func atoi(t *testing.T, s string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Clients that take more than they may are closed, keys do not go for them: not in the
// time that it takes either, which under load may be long.
func TestKeysDoNotGoForClientsThatWill(t *testing.T) {
	s := servertest.Start(t, "maxmemory-policy allkeys-lru", "maxmemory-clients 2mb")
	c := s.Dial()
	c.Want("+OK", "CLIENT", "NO-EVICT", "ON")
	value := strings.Repeat("v", 100_000)
	for i := range 30 {
		c.Want("+OK", "SET", "k"+strconv.Itoa(i), value)
	}
	c.Want("+OK", "CONFIG", "SET", "maxmemory", strconv.FormatInt(usedMemory(t, c)+4<<20, 10))
	release := s.Server.HoldEvicting()
	for range 6 {
		s.Dial().Write([]byte("*2\r\n$4\r\nECHO\r\n$1000001\r\n" + strings.Repeat("x", 1_000_000)))
	}
	await(t, func() bool { return atoi(t, c.Info("mem_clients_normal")) > 6_000_000 })
	c.Want("+OK", "SET", "k0", value)
	if n := c.Info("evicted_keys"); n != "0" {
		t.Errorf("%s keys evicted before clients", n)
	}
	release()
	await(t, func() bool { return atoi(t, c.Info("evicted_clients")) >= 4 })
	c.Want("+OK", "SET", "k0", value)
	if n := c.Info("evicted_keys"); n != "0" {
		t.Errorf("%s keys evicted", n)
	}
}

// Writers on two loops at the limit: nothing is refused, the limit holds.
func TestMaxMemoryUnderLoad(t *testing.T) {
	s := servertest.Start(t, "io-threads 2", "maxmemory-policy allkeys-lfu")
	c := s.Dial()
	limit := usedMemory(t, c) + 2<<20
	c.Want("+OK", "CONFIG", "SET", "maxmemory", strconv.FormatInt(limit, 10))
	var wg sync.WaitGroup
	for i := range 4 {
		conn := s.Dial()
		wg.Add(1)
		go func() {
			defer wg.Done()
			value := strings.Repeat("v", 300*(i+1))
			for n := range 40 {
				for k := range 100 {
					conn.Send("SET", strconv.Itoa(i)+":"+strconv.Itoa(n*100+k), value)
				}
				for range 100 {
					if v := conn.Read(); string(v.Str) != "OK" {
						t.Errorf("SET: %s", v.Text())
						return
					}
				}
			}
		}()
	}
	wg.Wait()
	await(t, func() bool { return usedMemory(t, c) <= limit })
	if n := atoi(t, c.Info("evicted_keys")); n < 1000 {
		t.Errorf("%d keys evicted", n)
	}
}

// Eviction that takes long is an event of the latency monitor.
func TestLatencyMonitorKnowsEviction(t *testing.T) {
	s := servertest.Start(t, "maxmemory-policy allkeys-lru", "maxmemory-eviction-tenacity 100", "latency-monitor-threshold 1",
		"enable-debug-command yes")
	c := s.Dial()
	await(t, func() bool {
		c.Want("+OK", "CONFIG", "SET", "maxmemory", "0")
		c.Want("+OK", "DEBUG", "POPULATE", "20000")
		limit := strconv.FormatInt(usedMemory(t, c)*3/4, 10)
		// In one batch, so that no background work is done before. The instrumented
		// builds keep freed blocks for a while: then SET may be refused.
		c.Send("CONFIG", "SET", "maxmemory", limit)
		c.Send("SET", "k", "v")
		c.Read()
		c.Read()
		return strings.Contains(c.Do("LATENCY", "LATEST"), `"eviction-cycle"`)
	})
}

// statsFields are the fields of MEMORY STATS of Redis 7.2 in their order, with one
// database.
const statsFields = "peak.allocated total.allocated startup.allocated replication.backlog clients.slaves clients.normal " +
	"cluster.links aof.buffer lua.caches functions.caches db.3 overhead.total keys.count keys.bytes-per-key dataset.bytes " +
	"dataset.percentage peak.percentage allocator.allocated allocator.active allocator.resident " +
	"allocator-fragmentation.ratio allocator-fragmentation.bytes allocator-rss.ratio allocator-rss.bytes " +
	"rss-overhead.ratio rss-overhead.bytes fragmentation fragmentation.bytes"

func TestMemoryStats(t *testing.T) {
	s := servertest.Start(t)
	c := s.Dial()
	c.Want("+OK", "SELECT", "3")
	for i := range 1000 {
		c.Want("+OK", "SETEX", "k"+strconv.Itoa(i), "1000", strings.Repeat("v", 200))
	}
	c.Send("MEMORY", "STATS")
	v := c.Read()
	var names []string
	number := map[string]int64{}
	for i := 0; i+1 < len(v.Elems); i += 2 {
		name := string(v.Elems[i].Str)
		names = append(names, name)
		switch f := v.Elems[i+1]; {
		case name == "db.3":
			if text := dbFields(f); text != "overhead.hashtable.main overhead.hashtable.expires overhead.hashtable.slot-to-keys" {
				t.Errorf("db.3 has %s", text)
			}
		case strings.HasSuffix(name, ".ratio") || strings.HasSuffix(name, ".percentage") || name == "fragmentation":
			if _, err := strconv.ParseFloat(string(f.Str), 64); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		default:
			number[name] = f.Int
		}
	}
	if !slices.Equal(names, strings.Fields(statsFields)) {
		t.Errorf("fields %v", names)
	}
	if n := number["keys.count"]; n != 1000 {
		t.Errorf("%d keys", n)
	}
	if n := number["dataset.bytes"]; n < 200*1000 || n != number["total.allocated"]-number["overhead.total"] {
		t.Errorf("dataset of %d bytes, %d in use, %d of that overhead", n, number["total.allocated"], number["overhead.total"])
	}
	if n := number["keys.bytes-per-key"]; n < 200 || n > 2000 {
		t.Errorf("%d bytes per key", n)
	}
}

func dbFields(v resp.Value) string {
	var names []string
	for i := 0; i < len(v.Elems); i += 2 {
		names = append(names, string(v.Elems[i].Str))
	}
	return strings.Join(names, " ")
}

func TestMemoryReports(t *testing.T) {
	s := servertest.Start(t)
	c := s.Dial()
	if text := c.Str("MEMORY", "DOCTOR"); !strings.HasPrefix(text, "Hi Sam") && !strings.HasPrefix(text, "Sam,") {
		t.Errorf("MEMORY DOCTOR: %q", text)
	}
	if text := c.Str("MEMORY", "MALLOC-STATS"); !strings.Contains(text, "in spans") {
		t.Errorf("MEMORY MALLOC-STATS: %q", text)
	}
	value := strings.Repeat("v", 1000)
	for i := range 2000 {
		c.Want("+OK", "SET", "k"+strconv.Itoa(i), value)
	}
	c.Want("+OK", "FLUSHALL", "SYNC")
	before := atoi(t, c.Info("mem_returned_total"))
	c.Want("+OK", "MEMORY", "PURGE")
	if after := atoi(t, c.Info("mem_returned_total")); after < before+1<<20 && after < 2<<20 {
		t.Errorf("MEMORY PURGE returned %d bytes", after-before)
	}
}

// What OBJECT tells depends on what the policy keeps track of.
func TestObjectCommandsFollowThePolicy(t *testing.T) {
	s := servertest.Start(t)
	c := s.Dial()
	c.Want("+OK", "SET", "n", "1")
	c.Want(":2147483647", "OBJECT", "REFCOUNT", "n")
	c.Want("+OK", "CONFIG", "SET", "maxmemory", "1gb", "maxmemory-policy", "allkeys-lru")
	c.Want(":1", "OBJECT", "REFCOUNT", "n")
	c.Want(":0", "OBJECT", "IDLETIME", "n")
	c.Want("+OK", "CONFIG", "SET", "maxmemory-policy", "volatile-lfu")
	c.Want("+OK", "SET", "m", "1")
	c.Want(":5", "OBJECT", "FREQ", "m")
	c.Want("+OK", "CONFIG", "SET", "maxmemory-policy", "volatile-ttl")
	c.Want(":2147483647", "OBJECT", "REFCOUNT", "n")
}

// The stream that waits for a replica which has loaded its data and then reads nothing
// costs no key, and INFO tells whose it is.
func TestWaitingStreamEvictsNothing(t *testing.T) {
	s := servertest.Start(t, "maxmemory 40mb", "maxmemory-policy allkeys-lru", "repl-backlog-size 1mb", "repl-diskless-sync-delay 0")
	c := s.Dial()
	const keys, size, writes = 50, 100 << 10, 800
	value := strings.Repeat("v", size)
	for i := range keys {
		c.Want("+OK", "SET", fmt.Sprint("k", i), value)
	}
	replica := askFull(t, s, true)
	replica.begin()
	replica.payload()
	replica.online()
	awaitThat(t, "online", func() bool { return strings.Contains(c.Info("slave0"), "state=online") && s.Server.StreamHolds() == 0 })
	number := func(field string) int {
		n, err := strconv.Atoi(c.Info(field))
		if err != nil {
			t.Fatal(field, err)
		}
		return n
	}
	for range writes {
		c.Want("+OK", "SET", "k0", value)
		if n := number("evicted_keys"); n != 0 {
			t.Fatalf("%d keys were evicted with %d bytes of stream and %d of data", n, number("mem_total_replication_buffers"), number("used_memory_dataset"))
		}
	}
	stream := number("mem_total_replication_buffers")
	if stream < writes*size*9/10 || number("mem_replication_backlog") != 1<<20 || number("mem_clients_slaves") < stream-1<<20 {
		t.Errorf("%d bytes of stream, %d of backlog, %d for replicas", stream, number("mem_replication_backlog"), number("mem_clients_slaves"))
	}
	awaitThat(t, "the stream is told apart", func() bool { return number("mem_not_counted_for_evict") >= stream-1<<20 })
	if used := number("used_memory"); used < stream+keys*size {
		t.Errorf("%d bytes are used", used)
	}
	replica.conn.Close()
	awaitThat(t, "the stream is gone", func() bool { return number("mem_not_counted_for_evict") == 0 && number("mem_clients_slaves") == 0 })
	c.Want("+OK", "SET", "k0", value)
	c.Want(fmt.Sprint(":", keys), "DBSIZE")
}
