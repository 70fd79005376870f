package server

import (
	"os"
	"path/filepath"
	"runtime"

	"kvorum/command"
	"kvorum/config"
	"kvorum/keyspace"
	"kvorum/mem"
	"kvorum/rng"
)

const (
	msPerSec  = 1000
	secPerDay = 24 * 60 * 60
)

var serverFields = []field{
	constant("redis_version", command.RedisVersion),
	constant("server_name", "kvorum"),
	{"kvorum_version", func(*report) any { return Version }},
	constant("redis_mode", "standalone"),
	{"os", func(*report) any { return systemName() }},
	constant("arch_bits", 64),
	{"multiplexing_api", func(*report) any {
		if runtime.GOOS == "linux" {
			return "epoll"
		}
		return "go"
	}},
	{"process_id", func(*report) any { return os.Getpid() }},
	{"process_supervised", func(r *report) any { return r.s.program.supervised() }},
	{"run_id", func(r *report) any { return r.s.runID }},
	{"tcp_port", func(r *report) any { return r.setting(func(c *config.Config) any { return c.Int("port") }) }},
	{"server_time_usec", func(r *report) any { return r.s.clock.NowUs() }},
	{"uptime_in_seconds", func(r *report) any { return r.uptime() }},
	{"uptime_in_days", func(r *report) any { return r.uptime() / secPerDay }},
	constant("hz", cronPerSec),
	{"configured_hz", func(r *report) any { return r.setting(func(c *config.Config) any { return c.Int("hz") }) }},
	{"lru_clock", func(r *report) any { return command.LRUClock(r.nowMs) }},
	{"executable", func(*report) any { return executable() }},
	{"config_file", func(r *report) any { return r.s.file }},
	{"io_threads_active", func(r *report) any {
		if len(r.s.loops) > 1 {
			return 1
		}
		return 0
	}},
}

func (r *report) uptime() int64 { return max(r.nowMs-r.s.startMs, 0) / msPerSec }

// executable returns the absolute path of the program, as it was started.
func executable() string {
	path, err := filepath.Abs(os.Args[0])
	if err != nil {
		return os.Args[0]
	}
	return path
}

var clientFields = []field{
	{"connected_clients", func(r *report) any { return r.s.clients.Load() }},
	constant("cluster_connections", 0),
	{"maxclients", func(r *report) any { return r.s.maxClients.Load() }},
	{"client_recent_max_input_buffer", func(r *report) any { in, _ := r.s.recent.max(); return in }},
	{"client_recent_max_output_buffer", func(r *report) any { _, out := r.s.recent.max(); return out }},
	{"blocked_clients", func(r *report) any { return r.s.blocked.Load() }},
	constant("tracking_clients", 0),
	constant("clients_in_timeout_table", 0),
	constant("total_blocking_keys", 0),
	constant("total_blocking_keys_on_nokey", 0),
}

var memoryFields = []field{
	{"used_memory", func(r *report) any { return r.used() }},
	{"used_memory_human", func(r *report) any { return human(r.used()) }},
	{"used_memory_rss", func(r *report) any { return r.ifRSS(r.resident()) }},
	{"used_memory_rss_human", func(r *report) any { return r.ifRSS(human(r.resident())) }},
	{"used_memory_peak", func(r *report) any { return r.peak() }},
	{"used_memory_peak_human", func(r *report) any { return human(r.peak()) }},
	{"used_memory_peak_perc", func(r *report) any { return percent(r.used(), r.peak()) }},
	{"used_memory_overhead", func(r *report) any { return r.overhead() }},
	{"used_memory_startup", func(r *report) any { return r.s.stats.startBytes }},
	{"used_memory_dataset", func(r *report) any { return r.used() - r.overhead() }},
	{"used_memory_dataset_perc", func(r *report) any {
		return percent(r.used()-r.overhead(), max(r.used()-r.s.stats.startBytes, 1))
	}},
	{"allocator_allocated", func(r *report) any { return r.memory().Total }},
	{"allocator_active", func(r *report) any { return r.memory().Spans }},
	{"allocator_resident", func(r *report) any { return r.memory().Resident }},
	{"total_system_memory", func(*report) any { return ifKnown(systemMemory()) }},
	{"total_system_memory_human", func(*report) any {
		if n := systemMemory(); n > 0 {
			return human(n)
		}
		return nil
	}},
	{"maxmemory", func(r *report) any { return r.setting(func(c *config.Config) any { return c.Memory("maxmemory") }) }},
	{"maxmemory_human", func(r *report) any {
		return r.setting(func(c *config.Config) any { return human(c.Int("maxmemory")) })
	}},
	{"maxmemory_policy", func(r *report) any {
		return r.setting(func(c *config.Config) any { return c.Enum("maxmemory-policy") })
	}},
	{"allocator_frag_ratio", func(r *report) any { return ratio(r.memory().Spans, r.memory().Total) }},
	{"allocator_frag_bytes", func(r *report) any { return r.memory().Spans - r.memory().Total }},
	{"allocator_rss_ratio", func(r *report) any { return ratio(r.memory().Resident, r.memory().Spans) }},
	{"allocator_rss_bytes", func(r *report) any { return r.memory().Resident - r.memory().Spans }},
	{"mem_fragmentation_ratio", func(r *report) any { return r.ifRSS(ratio(r.resident(), r.used())) }},
	{"mem_fragmentation_bytes", func(r *report) any { return r.ifRSS(r.resident() - r.used()) }},
	constant("mem_clients_slaves", 0),
	{"mem_clients_normal", func(r *report) any { return r.s.clientBytes() }},
	constant("mem_allocator", "kvorum"),
	{"lazyfree_pending_objects", func(r *report) any { return r.s.ks.PendingObjects() }},
	{"lazyfreed_objects", func(r *report) any { return r.s.ks.FreedObjects() }},
}

func (r *report) peak() int64 {
	r.memory()
	return r.s.stats.peakBytes.Load()
}

func (r *report) resident() int64 {
	r.memory()
	return r.rss
}

// ifRSS leaves a row out where the resident size is not known.
func (r *report) ifRSS(v any) any {
	if r.resident() == 0 {
		return nil
	}
	return v
}

func ifKnown(n int64) any {
	if n == 0 {
		return nil
	}
	return n
}

var persistenceFields = []field{
	constant("loading", 0),
	constant("async_loading", 0),
	{"rdb_changes_since_last_save", func(r *report) any { return r.counts().Dirty }},
	constant("rdb_bgsave_in_progress", 0),
	constant("aof_enabled", 0),
	constant("aof_rewrite_in_progress", 0),
}

var statsFields = []field{
	{"total_connections_received", func(r *report) any { return r.s.stats.accepted.Load() }},
	{"total_commands_processed", func(r *report) any { return r.counts().Commands }},
	{"instantaneous_ops_per_sec", func(r *report) any { return r.s.stats.ops.get() }},
	{"total_net_input_bytes", func(r *report) any { return r.s.sumCounts().netIn - r.s.stats.netInAt.Load() }},
	{"total_net_output_bytes", func(r *report) any { return r.s.sumCounts().netOut - r.s.stats.netOutAt.Load() }},
	{"instantaneous_input_kbps", func(r *report) any { return kbps(&r.s.stats.inBytes) }},
	{"instantaneous_output_kbps", func(r *report) any { return kbps(&r.s.stats.outBytes) }},
	{"rejected_connections", func(r *report) any { return r.s.stats.rejected.Load() }},
	{"expired_keys", func(r *report) any { return r.counts().ExpiredKeys }},
	constant("evicted_keys", 0),
	{"evicted_clients", func(r *report) any { return r.s.stats.evictedClients.Load() }},
	{"keyspace_hits", func(r *report) any { return r.counts().Hits }},
	{"keyspace_misses", func(r *report) any { return r.counts().Misses }},
	constant("pubsub_channels", 0),
	constant("pubsub_patterns", 0),
	{"total_error_replies", func(r *report) any { return r.counts().Errors }},
}

func kbps(r *rate) string { return fixed2(float64(r.get()) / 1024) }

var replicationFields = []field{
	constant("role", "master"),
	constant("connected_slaves", 0),
	constant("master_failover_state", "no-failover"),
}

var cpuFields = []field{
	{"used_cpu_sys", func(r *report) any { return r.cpu().system }},
	{"used_cpu_user", func(r *report) any { return r.cpu().user }},
	{"used_cpu_sys_children", func(r *report) any { return r.cpu().childSystem }},
	{"used_cpu_user_children", func(r *report) any { return r.cpu().childUser }},
}

// kvorumFields are figures that only kvorum has. Bytes but for times.
var kvorumFields = []field{
	{"loops", func(r *report) any { return len(r.s.loops) }},
	{"go_version", func(*report) any { return runtime.Version() }},
	{"goroutines", func(*report) any { return runtime.NumGoroutine() }},
	{"go_heap_bytes", func(r *report) any { r.memory(); return r.gone.heapBytes }},
	{"go_gc_cpu_ns", func(r *report) any { r.memory(); return r.gone.gcCPUNs }},
	{"go_gc_cycles", func(r *report) any { r.memory(); return r.gone.gcCycles }},
	{"mem_records", func(r *report) any { return r.memory().Used[mem.KindRecord] }},
	{"mem_blobs", func(r *report) any { return r.memory().Used[mem.KindBlob] }},
	{"mem_tables", func(r *report) any { return r.memory().Used[mem.KindTable] }},
	{"mem_tickets", func(r *report) any { return r.memory().Used[mem.KindTicket] }},
	{"mem_nodes", func(r *report) any { return r.memory().Used[mem.KindNode] }},
	{"mem_other", func(r *report) any { return r.memory().Used[mem.KindOther] }},
	{"mem_span_pages", func(r *report) any { return r.memory().Spans }},
	{"mem_free_pages", func(r *report) any { return r.memory().Free }},
	{"mem_resident_pages", func(r *report) any { return r.memory().Resident }},
	{"mem_metadata", func(r *report) any { return r.memory().Metadata }},
	{"mem_returned_total", func(r *report) any { return r.memory().Returned }},
	{"mem_populated_total", func(r *report) any { return r.memory().Populated }},
	{"compacted_bytes", func(r *report) any { return r.s.ks.CompactedBytes() }},
	{"tickets", func(r *report) any { return r.tickets() }},
	{"expire_lag_ms", func(r *report) any { return r.s.eng.ExpireLagMs() }},
}

const (
	ttlSamples = 32  // volatile keys that an average TTL is made of
	ttlDraws   = 512 // tries to find them
)

// dbFigures are the numbers of one database.
type dbFigures struct {
	keys, volatile, tickets int64
	averageTTL              int64 // ms
}

// databases reads the figures of all databases, while the world stands still
// for some microseconds.
func (r *report) databases() []dbFigures {
	if r.dbs != nil {
		return r.dbs
	}
	ks := r.s.ks
	r.dbs = make([]dbFigures, ks.DBCount())
	random := rng.New(uint64(r.nowMs))
	r.s.eng.Exclusive(func() {
		for i := range r.dbs {
			db := ks.DB(i)
			r.dbs[i] = dbFigures{db.Len(), db.VolatileLen(), db.Tickets(), averageTTL(db, r.nowMs, random)}
		}
	})
	return r.dbs
}

// averageTTL estimates the mean time to live of a database's volatile keys, in
// milliseconds: 0 without any, or when they are too rare among many to be drawn.
// The world stands still.
func averageTTL(db *keyspace.DB, nowMs int64, random *rng.Rand) int64 {
	if db.VolatileLen() == 0 {
		return 0
	}
	sum, n := int64(0), int64(0)
	add := func(e keyspace.Entry) {
		if e.Due() >= 0 && n < ttlSamples {
			sum += max(e.Due()-nowMs, 0)
			n++
		}
	}
	if db.Len() < ttlDraws*keyspace.ShardCount/100 {
		// Few keys: most draws would hit an empty place, a walk is short.
		first := random.Intn(keyspace.ShardCount)
		for i := 0; i < keyspace.ShardCount && n < ttlSamples; i++ {
			db.ScanShard((first+i)%keyspace.ShardCount, add)
		}
	} else {
		for i := 0; i < ttlDraws && n < ttlSamples; i++ {
			if e, ok := db.Sample(random.Intn(keyspace.ShardCount), random.Uint32(), random.Uint32()); ok {
				add(e)
			}
		}
	}
	if n == 0 {
		return 0
	}
	return sum / n
}

func (r *report) tickets() (n int64) {
	for _, db := range r.databases() {
		n += db.tickets
	}
	return n
}
