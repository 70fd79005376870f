package servercmd

import (
	"fmt"
	"strings"

	"kvorum/command"
	"kvorum/keyspace"
	"kvorum/mem"
	"kvorum/resp"
)

// MEMORY STATS, DOCTOR, PURGE and MALLOC-STATS: figures of the whole server. They
// are read, or the memory is returned, off the loop.

// dbMemory are the parts of a database that are not records.
type dbMemory struct {
	index           int
	keys            int64
	tables, tickets int64
}

// passShards is the number of shards looked at in one slice.
const passShards = 64

// databaseMemory reads the figures of all databases that have keys.
func databaseMemory(ks *keyspace.Keyspace, pass command.Pass) (list []dbMemory) {
	for i := range ks.DBCount() {
		db := ks.DB(i)
		d := dbMemory{index: i}
		for shard := 0; shard < keyspace.ShardCount; shard += passShards {
			pass.Enter()
			if shard == 0 {
				d.keys, d.tickets = db.Len(), db.TicketBytes()
			}
			d.tables += db.TableBytes(shard, passShards)
			pass.Leave()
			if d.keys == 0 {
				break
			}
		}
		if d.keys > 0 {
			list = append(list, d)
		}
	}
	return list
}

// ratio divides as Redis does, with the precision of a C float.
func ratio(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(float32(a) / float32(b))
}

func percentOf(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(float32(a) * 100 / float32(b))
}

func memoryStats(c *command.Ctx) {
	host, ks, world := c.Host, c.KS, c.World
	c.Sess.Task = func(w *resp.Writer) {
		pass := world.Pass()
		dbs := databaseMemory(ks, pass)
		pass.Close()
		writeMemoryStats(w, host.Memory(), dbs)
	}
}

// memoryFields is the number of fields of MEMORY STATS besides those of databases.
const memoryFields = 27

func writeMemoryStats(w *resp.Writer, m command.Memory, dbs []dbMemory) {
	number := func(name string, n int64) {
		w.BulkString(name)
		w.Int(n)
	}
	share := func(name string, f float64) {
		w.BulkString(name)
		w.Double(f)
	}
	w.Map(memoryFields + len(dbs))
	number("peak.allocated", m.Peak)
	number("total.allocated", m.Used)
	number("startup.allocated", m.Startup)
	number("replication.backlog", m.Backlog)
	number("clients.slaves", m.Replicas)
	number("clients.normal", m.Clients)
	number("cluster.links", 0)
	number("aof.buffer", m.AOFBuffer)
	number("lua.caches", 0)
	number("functions.caches", 0)
	overhead, keys := m.Startup+m.Clients+m.Replicas+m.Backlog, int64(0)
	for _, db := range dbs {
		w.BulkString(fmt.Sprintf("db.%d", db.index))
		w.Map(3)
		number("overhead.hashtable.main", db.tables)
		number("overhead.hashtable.expires", db.tickets)
		number("overhead.hashtable.slot-to-keys", 0)
		overhead += db.tables + db.tickets
		keys += db.keys
	}
	overhead = min(overhead, m.Used) // clients are in use as of the last collection
	net := max(m.Used-m.Startup, 1)
	perKey := int64(0)
	if keys > 0 {
		perKey = net / keys
	}
	number("overhead.total", overhead)
	number("keys.count", keys)
	number("keys.bytes-per-key", perKey)
	number("dataset.bytes", m.Used-overhead)
	share("dataset.percentage", percentOf(m.Used-overhead, net))
	share("peak.percentage", percentOf(m.Used, m.Peak))
	number("allocator.allocated", m.Allocated)
	number("allocator.active", m.Active)
	number("allocator.resident", m.Resident)
	share("allocator-fragmentation.ratio", ratio(m.Active, m.Allocated))
	number("allocator-fragmentation.bytes", m.Active-m.Allocated)
	share("allocator-rss.ratio", ratio(m.Resident, m.Active))
	number("allocator-rss.bytes", m.Resident-m.Active)
	share("rss-overhead.ratio", ratio(m.Process, m.Resident))
	number("rss-overhead.bytes", m.Process-m.Resident)
	share("fragmentation", ratio(m.Process, m.Used))
	number("fragmentation.bytes", m.Process-m.Used)
}

func memoryPurge(c *command.Ctx) {
	host := c.Host
	c.Sess.Task = func(w *resp.Writer) {
		host.PurgeMemory()
		w.OK()
	}
}

func memoryMallocStats(c *command.Ctx) {
	c.Sess.Task = func(w *resp.Writer) { w.Verbatim("txt", allocatorReport(mem.ReadStats())) }
}

// allocatorReport is the text of MALLOC-STATS.
func allocatorReport(s mem.Stats) string {
	var b strings.Builder
	line := func(name string, n int64) { fmt.Fprintf(&b, "%-28s %16d\n", name, n) }
	b.WriteString("___ Begin kvorum memory statistics ___\n")
	b.WriteString("Bytes of live blocks, by purpose:\n")
	for k := range s.Used {
		line("  "+mem.Kind(k).String(), s.Used[k])
	}
	line("  total", s.Total)
	b.WriteString("Bytes of pages:\n")
	line("  in spans", s.Spans)
	line("  in spans without a block", s.Spans-s.Total)
	line("  free", s.Free)
	line("  resident, at most", s.Resident)
	line("  that describe the others", s.Metadata)
	b.WriteString("Bytes since the start:\n")
	line("  returned to the system", s.Returned)
	line("  faulted in ahead of use", s.Populated)
	b.WriteString("--- End kvorum memory statistics ---\n")
	return b.String()
}
