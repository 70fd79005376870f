package config

import "math"

// Why a directive has no effect. The texts are for the log and for COMPAT.md:
// they follow "has no effect: ".
const (
	alwaysSane    = "all that is loaded or restored is always checked thoroughly"
	besideData    = "what a master sends is always loaded beside the data, without a file"
	noCluster     = "cluster mode is not built in yet"
	noTLS         = "TLS is not built in yet"
	noACL         = "there are no users but the default one yet"
	noScripts     = "scripts are not built in yet"
	noModules     = "modules cannot be loaded"
	noMemoryTest  = "a crash report does not test the machine's memory, kvorum server --test-memory does"
	noUserData    = "the log shows no keys, values or requests of clients, but for a key at which a file is damaged"
	noForkBug     = "the one warning that it silences is about fork, and the server never forks"
	ownAllocator  = "memory comes from the server's own arenas, not from jemalloc"
	ownTables     = "tables grow one bucket at a time, there is no rehashing to drive"
	besideLoading = "clients are answered beside the loading, at any time"
	ownLoops      = "every event loop reads and parses for its own connections"
	noCPULists    = "there are no threads and processes of that kind; server_cpulist places all"
	ownFreeing    = "large values and flushed data are always freed in the background"
	ownRhythm     = "background work follows its own rhythm"
	noAssertions  = "assertions are chosen when the server is built"
)

// Ranges of C types that bound many directives.
const (
	intMin  = math.MinInt32
	intMax  = math.MaxInt32
	uintMax = math.MaxUint32
	longMax = math.MaxInt64
	maxUint = math.MaxUint64
)

// networkRows: listening, connections, protocol.
var networkRows = []Directive{
	{Name: "bind", Kind: KindBind, Flags: MultiArg, Default: "* -::*"},
	{Name: "bind-source-addr", Kind: KindString, Flags: EmptyIsUnset},
	{Name: "protected-mode", Kind: KindBool, Default: "yes"},
	{Name: "enable-protected-configs", Kind: KindEnum, Flags: Immutable, Enum: protectedActions, Default: "no"},
	{Name: "enable-debug-command", Kind: KindEnum, Flags: Immutable, Enum: protectedActions, Default: "no"},
	{Name: "enable-module-command", Kind: KindEnum, Flags: Immutable, Enum: protectedActions, Default: "no", NoEffect: noModules},
	{Name: "port", Kind: KindInt, Max: portMax, Default: "6379"},
	{Name: "tcp-backlog", Kind: KindInt, Flags: Immutable, Max: intMax, Default: "511", Unit: "connections"},
	{Name: "unixsocket", Kind: KindString, Flags: Immutable | EmptyIsUnset},
	{Name: "unixsocketperm", Kind: KindOctal, Flags: Immutable | Unsigned, Max: 0o777, Default: "0", Unit: "octal mode"},
	{Name: "timeout", Kind: KindInt, Max: intMax, Default: "0", Unit: "s"},
	{Name: "tcp-keepalive", Kind: KindInt, Max: intMax, Default: "300", Unit: "s"},
	{Name: "socket-mark-id", Kind: KindInt, Flags: Immutable | Unsigned, Max: uintMax, Default: "0"},
	{Name: "maxclients", Kind: KindInt, Flags: Unsigned, Min: 1, Max: uintMax, Default: "10000", Unit: "connections"},
	{Name: "io-threads", Kind: KindInt, Flags: Immutable, Min: 1, Max: 128, Default: "1", Unit: "event loops"},
	{Name: "io-threads-do-reads", Kind: KindBool, Flags: Immutable, Default: "no", NoEffect: ownLoops},
	{Name: "proto-max-bulk-len", Kind: KindMemory, Min: 1 << 20, Max: longMax, Default: "512mb", Unit: "bytes"},
	{Name: "client-query-buffer-limit", Kind: KindMemory, Flags: Unsigned, Min: 1 << 20, Max: longMax, Default: "1gb", Unit: "bytes"},
	{Name: "client-output-buffer-limit", Kind: KindOutputLimits, Flags: MultiArg, Unit: "bytes, bytes, s",
		Default: "normal 0 0 0 slave 256mb 64mb 60 pubsub 32mb 8mb 60"},
	{Name: "maxmemory-clients", Kind: KindMemoryOrPercent, Min: -100, Max: longMax, Default: "0", Unit: "bytes or %"},
}

// tlsRows: encrypted connections.
var tlsRows = []Directive{
	{Name: "tls-port", Kind: KindInt, Max: portMax, Default: "0", NoEffect: noTLS},
	{Name: "tls-cert-file", Kind: KindString, Flags: EmptyIsUnset | Volatile, NoEffect: noTLS},
	{Name: "tls-key-file", Kind: KindString, Flags: EmptyIsUnset | Volatile, NoEffect: noTLS},
	{Name: "tls-key-file-pass", Kind: KindString, Flags: EmptyIsUnset, NoEffect: noTLS},
	{Name: "tls-client-cert-file", Kind: KindString, Flags: EmptyIsUnset | Volatile, NoEffect: noTLS},
	{Name: "tls-client-key-file", Kind: KindString, Flags: EmptyIsUnset | Volatile, NoEffect: noTLS},
	{Name: "tls-client-key-file-pass", Kind: KindString, Flags: EmptyIsUnset, NoEffect: noTLS},
	{Name: "tls-dh-params-file", Kind: KindString, Flags: EmptyIsUnset | Volatile, NoEffect: noTLS},
	{Name: "tls-ca-cert-file", Kind: KindString, Flags: EmptyIsUnset | Volatile, NoEffect: noTLS},
	{Name: "tls-ca-cert-dir", Kind: KindString, Flags: EmptyIsUnset | Volatile, NoEffect: noTLS},
	{Name: "tls-auth-clients", Kind: KindEnum, Enum: authClients, Default: "yes", NoEffect: noTLS},
	{Name: "tls-replication", Kind: KindBool, Default: "no", NoEffect: noTLS},
	{Name: "tls-cluster", Kind: KindBool, Default: "no", NoEffect: noTLS},
	{Name: "tls-protocols", Kind: KindString, Flags: EmptyIsUnset, NoEffect: noTLS},
	{Name: "tls-ciphers", Kind: KindString, Flags: EmptyIsUnset, NoEffect: noTLS},
	{Name: "tls-ciphersuites", Kind: KindString, Flags: EmptyIsUnset, NoEffect: noTLS},
	{Name: "tls-prefer-server-ciphers", Kind: KindBool, Default: "no", NoEffect: noTLS},
	{Name: "tls-session-caching", Kind: KindBool, Default: "yes", NoEffect: noTLS},
	{Name: "tls-session-cache-size", Kind: KindInt, Max: intMax, Default: "20480", Unit: "sessions", NoEffect: noTLS},
	{Name: "tls-session-cache-timeout", Kind: KindInt, Max: intMax, Default: "300", Unit: "s", NoEffect: noTLS},
}

// generalRows: process, log, security.
var generalRows = []Directive{
	{Name: "daemonize", Kind: KindBool, Flags: Immutable, Default: "no"},
	{Name: "supervised", Kind: KindEnum, Flags: Immutable, Enum: supervisors, Default: "no"},
	{Name: "pidfile", Kind: KindString, Flags: Immutable | EmptyIsUnset},
	{Name: "loglevel", Kind: KindEnum, Enum: logLevels, Default: "notice"},
	{Name: "logfile", Kind: KindString, Flags: Immutable},
	{Name: "syslog-enabled", Kind: KindBool, Flags: Immutable, Default: "no"},
	{Name: "syslog-ident", Kind: KindString, Flags: Immutable, Default: "redis"},
	{Name: "syslog-facility", Kind: KindEnum, Flags: Immutable, Enum: syslogFacilities, Default: "local0"},
	{Name: "crash-log-enabled", Kind: KindBool, Default: "yes"},
	{Name: "crash-memcheck-enabled", Kind: KindBool, Default: "yes", NoEffect: noMemoryTest},
	{Name: "use-exit-on-panic", Kind: KindBool, Flags: Hidden, Default: "no"},
	{Name: "watchdog-period", Kind: KindInt, Flags: Hidden, Max: intMax, Default: "0", Unit: "ms", clamp: clampWatchdog},
	{Name: "databases", Kind: KindInt, Flags: Immutable, Min: 1, Max: intMax, Default: "16"},
	{Name: "always-show-logo", Kind: KindBool, Flags: Immutable, Default: "no"},
	{Name: "set-proc-title", Kind: KindBool, Flags: Immutable, Default: "yes"},
	{Name: "proc-title-template", Kind: KindString, Default: "{title} {listen-addr} {server-mode}", check: checkTitleTemplate},
	{Name: "locale-collate", Kind: KindString, NoEffect: "text is compared by its bytes"},
	{Name: "ignore-warnings", Kind: KindString, NoEffect: noForkBug},
	{Name: "requirepass", Kind: KindString, Flags: Sensitive | EmptyIsUnset | Binary},
	{Name: "aclfile", Kind: KindString, Flags: Immutable, NoEffect: noACL},
	{Name: "acllog-max-len", Kind: KindInt, Max: longMax, Default: "128", Unit: "entries", NoEffect: noACL},
	{Name: "acl-pubsub-default", Kind: KindEnum, Enum: aclPubsubDefaults, Default: "resetchannels", NoEffect: noACL},
	{Name: "hz", Kind: KindInt, Max: intMax, Default: "10", Unit: "1/s", clamp: clampHz, NoEffect: ownRhythm},
	{Name: "dynamic-hz", Kind: KindBool, Default: "yes", NoEffect: ownRhythm},
	{Name: "busy-reply-threshold", Alias: "lua-time-limit", Kind: KindInt, Max: longMax, Default: "5000", Unit: "ms", NoEffect: noScripts},
	{Name: "slowlog-log-slower-than", Kind: KindInt, Min: -1, Max: longMax, Default: "10000", Unit: "us"},
	{Name: "slowlog-max-len", Kind: KindInt, Max: longMax, Default: "128", Unit: "entries"},
	{Name: "latency-tracking", Kind: KindBool, Default: "yes"},
	{Name: "latency-tracking-info-percentiles", Kind: KindPercentiles, Flags: MultiArg, Default: "50 99 99.9", Unit: "%"},
	{Name: "latency-monitor-threshold", Kind: KindInt, Max: longMax, Default: "0", Unit: "ms"},
	{Name: "notify-keyspace-events", Kind: KindNotifyEvents},
	{Name: "shutdown-timeout", Kind: KindInt, Max: intMax, Default: "10", Unit: "s"},
	{Name: "shutdown-on-sigint", Kind: KindEnumSet, Flags: MultiArg, Enum: shutdownWords, Default: "default", valid: validShutdown},
	{Name: "shutdown-on-sigterm", Kind: KindEnumSet, Flags: MultiArg, Enum: shutdownWords, Default: "default", valid: validShutdown},
	{Name: "oom-score-adj", Kind: KindEnum, Enum: oomScoreModes, Default: "no"},
	{Name: "oom-score-adj-values", Kind: KindOOMValues, Flags: MultiArg, Default: "0 200 800"},
	{Name: "disable-thp", Kind: KindBool, Flags: Immutable, Default: "yes"},
	{Name: "server_cpulist", Kind: KindString, Flags: Immutable | EmptyIsUnset},
	{Name: "bio_cpulist", Kind: KindString, Flags: Immutable | EmptyIsUnset, NoEffect: noCPULists},
	{Name: "aof_rewrite_cpulist", Kind: KindString, Flags: Immutable | EmptyIsUnset, NoEffect: noCPULists},
	{Name: "bgsave_cpulist", Kind: KindString, Flags: Immutable | EmptyIsUnset, NoEffect: noCPULists},
	{Name: "tracking-table-max-keys", Kind: KindInt, Flags: Unsigned, Max: longMax, Default: "1000000", Unit: "keys"},
	// Directives of Valkey 8 that its test suite puts into every file.
	{Name: "enable-debug-assert", Kind: KindBool, Flags: Immutable | Hidden, Default: "no", NoEffect: noAssertions},
	{Name: "hide-user-data-from-log", Kind: KindBool, Flags: Hidden, Default: "yes", NoEffect: noUserData},
}

// limitRows: memory policy and lazy freeing.
var limitRows = []Directive{
	{Name: "maxmemory", Kind: KindMemory, Flags: Unsigned, Max: maxUint, Default: "0", Unit: "bytes"},
	{Name: "maxmemory-policy", Kind: KindEnum, Enum: evictionPolicies, Default: "noeviction"},
	{Name: "maxmemory-samples", Kind: KindInt, Min: 1, Max: intMax, Default: "5", Unit: "keys"},
	{Name: "maxmemory-eviction-tenacity", Kind: KindInt, Max: 100, Default: "10"},
	{Name: "replica-ignore-maxmemory", Alias: "slave-ignore-maxmemory", Kind: KindBool, Default: "yes"},
	{Name: "active-expire-effort", Kind: KindInt, Min: 1, Max: 10, Default: "1", NoEffect: "expired keys are removed as they become due, whatever the effort"},
	{Name: "lfu-log-factor", Kind: KindInt, Max: intMax, Default: "10"},
	{Name: "lfu-decay-time", Kind: KindInt, Max: intMax, Default: "1", Unit: "min"},
	{Name: "lazyfree-lazy-eviction", Kind: KindBool, Default: "no"},
	{Name: "lazyfree-lazy-expire", Kind: KindBool, Default: "no"},
	{Name: "lazyfree-lazy-server-del", Kind: KindBool, Default: "no", NoEffect: ownFreeing},
	{Name: "lazyfree-lazy-user-del", Kind: KindBool, Default: "no", NoEffect: ownFreeing},
	{Name: "lazyfree-lazy-user-flush", Kind: KindBool, Default: "no", NoEffect: ownFreeing},
	{Name: "activerehashing", Kind: KindBool, Default: "yes", NoEffect: ownTables},
	{Name: "jemalloc-bg-thread", Kind: KindBool, Default: "yes", NoEffect: ownAllocator},
	{Name: "activedefrag", Kind: KindBool, Default: "no", NoEffect: ownAllocator},
	{Name: "active-defrag-ignore-bytes", Kind: KindMemory, Flags: Unsigned, Min: 1, Max: longMax, Default: "100mb", Unit: "bytes", NoEffect: ownAllocator},
	{Name: "active-defrag-threshold-lower", Kind: KindInt, Max: 1000, Default: "10", Unit: "%", NoEffect: ownAllocator},
	{Name: "active-defrag-threshold-upper", Kind: KindInt, Max: 1000, Default: "100", Unit: "%", NoEffect: ownAllocator},
	{Name: "active-defrag-cycle-min", Kind: KindInt, Min: 1, Max: 99, Default: "1", Unit: "%", NoEffect: ownAllocator},
	{Name: "active-defrag-cycle-max", Kind: KindInt, Min: 1, Max: 99, Default: "25", Unit: "%", NoEffect: ownAllocator},
	{Name: "active-defrag-max-scan-fields", Kind: KindInt, Min: 1, Max: longMax, Default: "1000", NoEffect: ownAllocator},
}

// dataRows: encodings of collections.
var dataRows = []Directive{
	{Name: "hash-max-listpack-entries", Alias: "hash-max-ziplist-entries", Kind: KindInt, Flags: Unsigned, Max: longMax, Default: "512", Unit: "fields"},
	{Name: "hash-max-listpack-value", Alias: "hash-max-ziplist-value", Kind: KindMemory, Flags: Unsigned, Max: longMax, Default: "64", Unit: "bytes"},
	{Name: "list-max-listpack-size", Alias: "list-max-ziplist-size", Kind: KindInt, Min: intMin, Max: intMax, Default: "-2", Unit: "elements; -1..-5 for 4..64 KB"},
	{Name: "list-compress-depth", Kind: KindInt, Max: intMax, Default: "0", Unit: "nodes"},
	{Name: "set-max-intset-entries", Kind: KindInt, Flags: Unsigned, Max: longMax, Default: "512", Unit: "members"},
	{Name: "set-max-listpack-entries", Kind: KindInt, Flags: Unsigned, Max: longMax, Default: "128", Unit: "members"},
	{Name: "set-max-listpack-value", Kind: KindInt, Flags: Unsigned, Max: longMax, Default: "64", Unit: "bytes"},
	{Name: "zset-max-listpack-entries", Alias: "zset-max-ziplist-entries", Kind: KindInt, Flags: Unsigned, Max: longMax, Default: "128", Unit: "members"},
	{Name: "zset-max-listpack-value", Alias: "zset-max-ziplist-value", Kind: KindMemory, Flags: Unsigned, Max: longMax, Default: "64", Unit: "bytes"},
	{Name: "hll-sparse-max-bytes", Kind: KindMemory, Flags: Unsigned, Max: longMax, Default: "3000", Unit: "bytes"},
	{Name: "stream-node-max-bytes", Kind: KindMemory, Flags: Unsigned, Max: longMax, Default: "4096", Unit: "bytes"},
	{Name: "stream-node-max-entries", Kind: KindInt, Max: longMax, Default: "100", Unit: "entries"},
}
