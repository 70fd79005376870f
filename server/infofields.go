package server

import (
	"os"
	"path/filepath"
	"runtime"

	"kvorum/command"
	"kvorum/config"
	"kvorum/mem"
	"kvorum/pubsub"
	"kvorum/repl"
)

const (
	msPerSec  = 1000
	nsPerUs   = 1000
	usPerMs   = 1000
	secPerDay = 24 * 60 * 60

	replIDLen = 40 // hex digits of a replication ID
)

var serverFields = []field{
	// COMPAT: server-identity: clients look at redis_version for what they may use.
	constant("redis_version", command.RedisVersion),
	constant("server_name", "kvorum"),
	{"kvorum_version", func(*report) any { return Version }},
	{"redis_git_sha1", func(*report) any { return buildFigures().revision }},
	{"redis_git_dirty", func(*report) any { return buildFigures().dirty }},
	{"redis_build_id", func(*report) any { return buildFigures().id }},
	constant("redis_mode", "standalone"),
	{"os", func(*report) any { return systemName() }},
	constant("arch_bits", 64),
	{"monotonic_clock", func(r *report) any { return clockName(&r.s.clock) }},
	{"multiplexing_api", func(*report) any {
		if runtime.GOOS == "linux" {
			return "epoll"
		}
		return "go"
	}},
	constant("atomicvar_api", "go"),
	constant("gcc_version", "0.0.0"), // as Redis says of other compilers
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
	{"shutdown_in_milliseconds", func(r *report) any {
		if until := r.s.shutdown.deadlineMs.Load(); until > 0 {
			return max(until-r.nowMs, 0)
		}
		return nil
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
	{"connected_clients", func(r *report) any { return r.connectedClients() }},
	constant("cluster_connections", 0),
	{"maxclients", func(r *report) any { return r.s.maxClients.Load() }},
	{"client_recent_max_input_buffer", func(r *report) any { in, _ := r.s.recent.max(); return in }},
	{"client_recent_max_output_buffer", func(r *report) any { _, out := r.s.recent.max(); return out }},
	{"blocked_clients", func(r *report) any { return r.s.blocked.Load() }},
	{"tracking_clients", func(r *report) any { return r.s.eng.Tracking.Counts().Clients }},
	{"clients_in_timeout_table", func(r *report) any { return r.s.timed.Load() }},
	{"total_blocking_keys", func(r *report) any { return r.blockingKeys() }},
	{"total_blocking_keys_on_nokey", func(r *report) any { return r.blockingKeysGone() }},
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
	constant("used_memory_lua", 0),
	constant("used_memory_vm_eval", 0),
	constant("used_memory_lua_human", "0B"),
	constant("used_memory_scripts_eval", 0),
	constant("number_of_cached_scripts", 0),
	constant("number_of_functions", 0),
	constant("number_of_libraries", 0),
	constant("used_memory_vm_functions", 0),
	constant("used_memory_vm_total", 0),
	constant("used_memory_vm_total_human", "0B"),
	constant("used_memory_functions", 0),
	constant("used_memory_scripts", 0),
	constant("used_memory_scripts_human", "0B"),
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
	{"rss_overhead_ratio", func(r *report) any { return r.ifRSS(ratio(r.resident(), r.memory().Resident)) }},
	{"rss_overhead_bytes", func(r *report) any { return r.ifRSS(r.resident() - r.memory().Resident) }},
	{"mem_fragmentation_ratio", func(r *report) any { return r.ifRSS(ratio(r.resident(), r.used())) }},
	{"mem_fragmentation_bytes", func(r *report) any { return r.ifRSS(r.resident() - r.used()) }},
	{"mem_not_counted_for_evict", func(r *report) any { return r.s.eng.Apart() }},
	{"mem_replication_backlog", func(r *report) any { _, backlog, _ := r.s.repl.memory(); return backlog }},
	{"mem_total_replication_buffers", func(r *report) any { stream, _, _ := r.s.repl.memory(); return stream }},
	{"mem_clients_slaves", func(r *report) any {
		stream, backlog, conns := r.s.repl.memory()
		return stream - backlog + conns
	}},
	{"mem_clients_normal", func(r *report) any { return r.s.clientBytes() }},
	constant("mem_cluster_links", 0),
	{"mem_aof_buffer", func(r *report) any { return r.s.aof.lag() }},
	constant("mem_allocator", "kvorum"),
	{"active_defrag_running", func(r *report) any { running, _ := r.s.eng.Compacting(); return oneIf(running) }},
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

// persistenceFields are those of a server that never forks.
var persistenceFields = []field{
	{"loading", func(r *report) any { return oneIf(r.s.persist.loading.Load() != nil) }},
	{"async_loading", func(r *report) any { return oneIf(r.s.repl.loading()) }},
	{"current_cow_peak", func(r *report) any { return r.preserved() }},
	{"current_cow_size", func(r *report) any { return r.preserved() }},
	constant("current_cow_size_age", 0),
	{"current_fork_perc", func(r *report) any { return fixed2(r.savedPercent()) }},
	{"current_save_keys_processed", func(r *report) any { return r.ifSaving(r.s.persist.keysSoFar.Load()) }},
	{"current_save_keys_total", func(r *report) any { return r.ifSaving(r.s.persist.keysTotal.Load()) }},
	{"rdb_changes_since_last_save", func(r *report) any { return r.counts().Dirty - r.s.persist.saved.Load() }},
	{"rdb_bgsave_in_progress", func(r *report) any { return oneIf(r.s.persist.running() != nil || r.s.repl.snapshotting()) }},
	{"rdb_last_save_time", func(r *report) any { return r.s.LastSave() }},
	{"rdb_last_bgsave_status", func(r *report) any { return okUnless(r.s.persist.failed.Load()) }},
	{"rdb_last_bgsave_time_sec", func(r *report) any { return r.s.persist.lastTook.Load() }},
	{"rdb_current_bgsave_time_sec", func(r *report) any { return r.savingSec() }},
	{"rdb_saves", func(r *report) any { return r.s.persist.saves.Load() }},
	{"rdb_last_cow_size", func(r *report) any { return r.s.persist.lastCow.Load() }},
	{"rdb_last_load_keys_expired", func(r *report) any { return r.s.persist.keysExpired.Load() }},
	{"rdb_last_load_keys_loaded", func(r *report) any { return r.s.persist.keysLoaded.Load() }},
	{"aof_enabled", func(r *report) any { return oneIf(r.s.aof.enabled()) }},
	{"aof_rewrite_in_progress", func(r *report) any { return oneIf(r.s.aof.inProgress()) }},
	{"aof_rewrite_scheduled", func(r *report) any { return oneIf(r.s.aof.scheduled.Load()) }},
	{"aof_last_rewrite_time_sec", func(r *report) any { return r.aof().lastRewriteSec }},
	{"aof_current_rewrite_time_sec", func(r *report) any { return r.aof().sinceStart(r.nowMs / msPerSec) }},
	{"aof_last_bgrewrite_status", func(r *report) any { return okUnless(r.aof().rewriteFailed) }},
	{"aof_rewrites", func(r *report) any { return r.aof().rewrites }},
	{"aof_rewrites_consecutive_failures", func(r *report) any { return r.aof().failures }},
	{"aof_last_write_status", func(r *report) any { return okUnless(!r.aof().writes) }},
	constant("aof_last_cow_size", 0),
	constant("module_fork_in_progress", 0),
	constant("module_fork_last_cow_size", 0),
	{"aof_current_size", whileAOF(func(r *report) any { return r.s.aof.size() })},
	{"aof_base_size", whileAOF(func(r *report) any { return r.aof().baseBytes })},
	{"aof_pending_rewrite", whileAOF(func(r *report) any { return oneIf(r.s.aof.scheduled.Load()) })},
	{"aof_buffer_length", whileAOF(func(r *report) any { return r.s.aof.lag() })},
	{"aof_pending_bio_fsync", whileAOF(func(r *report) any { return oneIf(r.s.aof.syncing()) })},
	{"aof_delayed_fsync", whileAOF(func(r *report) any { return r.aof().delayed })},
	loadingField("loading_start_time", func(p *loadProgress, _ *report) any { return p.startMs / msPerSec }),
	loadingField("loading_total_bytes", func(p *loadProgress, _ *report) any { return p.total }),
	loadingField("loading_rdb_used_mem", func(p *loadProgress, _ *report) any { return p.usedMem.Load() }),
	loadingField("loading_loaded_bytes", func(p *loadProgress, _ *report) any { return p.done.Load() }),
	loadingField("loading_loaded_perc", func(p *loadProgress, _ *report) any { return fixed2(p.percent()) }),
	loadingField("loading_eta_seconds", func(p *loadProgress, r *report) any { return p.etaSec(r.nowMs) }),
}

var statsFields = []field{
	{"total_connections_received", func(r *report) any { return r.s.stats.accepted.Load() }},
	{"total_commands_processed", func(r *report) any { return r.counts().Commands }},
	{"instantaneous_ops_per_sec", func(r *report) any { return r.s.stats.ops.get() }},
	{"total_net_input_bytes", func(r *report) any { return r.counts().NetIn + r.s.repl.received.all.Load() }},
	{"total_net_output_bytes", func(r *report) any { return r.counts().NetOut + r.s.repl.sentOut.Load() }},
	{"total_net_repl_input_bytes", func(r *report) any { return r.s.repl.received.all.Load() }},
	{"total_net_repl_output_bytes", func(r *report) any { return r.s.repl.sentOut.Load() }},
	{"instantaneous_input_kbps", func(r *report) any { return kbps(&r.s.stats.inBytes) }},
	{"instantaneous_output_kbps", func(r *report) any { return kbps(&r.s.stats.outBytes) }},
	{"instantaneous_input_repl_kbps", func(r *report) any { return kbps(&r.s.stats.replIn) }},
	{"instantaneous_output_repl_kbps", func(r *report) any { return kbps(&r.s.stats.replOut) }},
	{"rejected_connections", func(r *report) any { return r.s.stats.rejected.Load() }},
	{"sync_full", func(r *report) any { return r.syncs(0) }},
	{"sync_partial_ok", func(r *report) any { return r.syncs(1) }},
	{"sync_partial_err", func(r *report) any { return r.syncs(2) }},
	{"expired_keys", func(r *report) any { return r.counts().ExpiredKeys }},
	{"expired_stale_perc", func(r *report) any { return fixed2(r.stalePercent()) }},
	{"expired_time_cap_reached_count", func(r *report) any { return r.counts().ExpireCapped }},
	{"expire_cycle_cpu_milliseconds", func(r *report) any { return r.ticksMs(r.counts().ExpireTicks) }},
	{"evicted_keys", func(r *report) any { return r.counts().EvictedKeys }},
	{"evicted_clients", func(r *report) any { return r.s.stats.evictedClients.Load() }},
	{"total_eviction_exceeded_time", func(r *report) any { return r.exceeded(0) }},
	{"current_eviction_exceeded_time", func(r *report) any { return r.exceeded(1) }},
	{"keyspace_hits", func(r *report) any { return r.counts().Hits }},
	{"keyspace_misses", func(r *report) any { return r.counts().Misses }},
	{"pubsub_channels", func(r *report) any { return r.s.eng.Bus.Count(pubsub.Channel) }},
	{"pubsub_patterns", func(r *report) any { return r.s.eng.Bus.Count(pubsub.Pattern) }},
	{"pubsubshard_channels", func(r *report) any { return r.s.eng.Bus.Count(pubsub.Shard) }},
	constant("latest_fork_usec", 0),
	constant("total_forks", 0),
	constant("migrate_cached_sockets", 0),
	{"slave_expires_tracked_keys", func(r *report) any { return r.s.eng.OwnExpiring() }},
	{"total_active_defrag_time", func(r *report) any { return r.ticksMs(r.counts().CompactTicks) }},
	{"current_active_defrag_time", func(r *report) any { _, ms := r.s.eng.Compacting(); return ms }},
	{"tracking_total_keys", func(r *report) any { return r.s.eng.Tracking.Counts().Keys }},
	{"tracking_total_items", func(r *report) any { return r.s.eng.Tracking.Counts().Items }},
	{"tracking_total_prefixes", func(r *report) any { return r.s.eng.Tracking.Counts().Prefixes }},
	{"unexpected_error_replies", func(r *report) any { return r.counts().UnexpectedReplies }},
	{"total_error_replies", func(r *report) any { return r.counts().Errors }},
	constant("dump_payload_sanitizations", 0),
	{"total_reads_processed", func(r *report) any { return r.sums().reads }},
	{"total_writes_processed", func(r *report) any { return r.sums().writes }},
	{"io_threaded_reads_processed", func(r *report) any { return r.ifThreaded(r.sums().reads) }},
	{"io_threaded_writes_processed", func(r *report) any { return r.ifThreaded(r.sums().writes) }},
	constant("reply_buffer_shrinks", 0),
	constant("reply_buffer_expands", 0),
	{"eventloop_cycles", func(r *report) any { return r.sums().cycles }},
	{"eventloop_duration_sum", func(r *report) any { return (r.sums().busyNs + r.sums().sliceNs) / nsPerUs }},
	{"eventloop_duration_cmd_sum", func(r *report) any { return r.commandUs() }},
	{"instantaneous_eventloop_cycles_per_sec", func(r *report) any { return r.s.stats.turns.get() }},
	{"instantaneous_eventloop_duration_usec", func(r *report) any { return r.s.stats.usPerTurn() }},
	{"acl_access_denied_auth", func(r *report) any { return r.s.stats.badLogins.Load() }},
	constant("acl_access_denied_cmd", 0),
	constant("acl_access_denied_key", 0),
	constant("acl_access_denied_channel", 0),
}

// debugFields are shown only when the section is named.
var debugFields = []field{
	constant("eventloop_duration_aof_sum", 0),
	{"eventloop_duration_cron_sum", func(r *report) any { return r.sums().sliceNs / nsPerUs }},
	{"eventloop_duration_max", func(r *report) any { return r.sums().busyNsMax / nsPerUs }},
	{"eventloop_cmd_per_cycle_max", func(r *report) any { return r.sums().commandsMax }},
}

// exceeded returns the time over the memory limit in milliseconds: in all (0) or
// since it went over (1).
func (r *report) exceeded(i int) int64 {
	total, current := r.s.eng.Exceeded()
	return [...]int64{total, current}[i]
}

func kbps(r *rate) string { return fixed2(float64(r.get()) / 1024) }

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
	// COMPAT: info-subkeys: the sections that Redis has are those of 7.2.
	{"expired_subkeys", func(r *report) any { return r.counts().ExpiredFields }},
	// COMPAT: info-link: likewise.
	linkField("master_current_sync_attempts", func(l repl.Link, _ int64) any { return l.Attempts }),
	linkField("master_total_sync_attempts", func(l repl.Link, _ int64) any { return l.Dialed }),
	linkField("master_sync_last_error", func(l repl.Link, _ int64) any { return l.Reason }),
	linkField("master_link_up_since_seconds", func(l repl.Link, now int64) any { return l.UpMs(now) / msPerSec }),
	linkField("total_disconnect_time_sec", func(l repl.Link, now int64) any { return l.DownMs(now) / msPerSec }),
}
