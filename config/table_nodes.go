package config

// backlogBytesMin is the least that CONFIG SET gives the replication backlog.
const backlogBytesMin = 16 << 10

// persistenceRows: RDB, AOF and where files go.
var persistenceRows = []Directive{
	{Name: "dir", Kind: KindDir, Flags: Protected | DenyLoading},
	{Name: "save", Kind: KindSave, Flags: MultiArg, Default: "3600 1 300 100 60 10000", Unit: "s, changes"},
	{Name: "dbfilename", Kind: KindString, Flags: Protected, Default: "dump.rdb", check: checkDBFilename},
	{Name: "stop-writes-on-bgsave-error", Kind: KindBool, Default: "yes"},
	{Name: "rdbcompression", Kind: KindBool, Default: "yes"},
	{Name: "rdbchecksum", Kind: KindBool, Flags: Immutable, Default: "yes"},
	{Name: "sanitize-dump-payload", Kind: KindEnum, Enum: sanitizeModes, Default: "no", NoEffect: alwaysSane},
	{Name: "rdb-version", Kind: KindInt, Min: 9, Max: 11, Default: "10"},
	{Name: "rdb-del-sync-files", Kind: KindBool, Default: "no", NoEffect: noReplication},
	{Name: "rdb-save-incremental-fsync", Kind: KindBool, Default: "yes"},
	{Name: "rdb-key-save-delay", Kind: KindInt, Flags: Hidden, Min: intMin, Max: intMax, Default: "0", Unit: "us"},
	{Name: "key-load-delay", Kind: KindInt, Flags: Hidden, Min: intMin, Max: intMax, Default: "0", Unit: "us"},
	{Name: "loading-process-events-interval-bytes", Kind: KindInt, Flags: Hidden, Min: 1024, Max: intMax, Default: "2097152", Unit: "bytes", NoEffect: noPersistence},
	{Name: "appendonly", Kind: KindBool, Flags: DenyLoading, Default: "no", NoEffect: noPersistence},
	{Name: "appendfilename", Kind: KindString, Flags: Immutable, Default: "appendonly.aof", check: checkAppendFilename, NoEffect: noPersistence},
	{Name: "appenddirname", Kind: KindString, Flags: Immutable, Default: "appendonlydir", check: checkAppendDirname, NoEffect: noPersistence},
	{Name: "appendfsync", Kind: KindEnum, Enum: fsyncModes, Default: "everysec", NoEffect: noPersistence},
	{Name: "no-appendfsync-on-rewrite", Kind: KindBool, Default: "no", NoEffect: noPersistence},
	{Name: "auto-aof-rewrite-percentage", Kind: KindInt, Max: intMax, Default: "100", Unit: "%", NoEffect: noPersistence},
	{Name: "auto-aof-rewrite-min-size", Kind: KindMemory, Max: longMax, Default: "64mb", Unit: "bytes", NoEffect: noPersistence},
	{Name: "aof-rewrite-incremental-fsync", Kind: KindBool, Default: "yes", NoEffect: noPersistence},
	{Name: "aof-load-truncated", Kind: KindBool, Default: "yes", NoEffect: noPersistence},
	{Name: "aof-use-rdb-preamble", Kind: KindBool, Default: "yes", NoEffect: noPersistence},
	{Name: "aof-timestamp-enabled", Kind: KindBool, Default: "no", NoEffect: noPersistence},
	{Name: "aof-disable-auto-gc", Kind: KindBool, Flags: Hidden, Default: "no", NoEffect: noPersistence},
}

// replicationRows: masters and replicas.
var replicationRows = []Directive{
	{Name: "replicaof", Alias: "slaveof", Kind: KindReplicaOf, Flags: Immutable | MultiArg, NoEffect: noReplication},
	{Name: "masterauth", Kind: KindString, Flags: Sensitive | EmptyIsUnset | Binary, NoEffect: noReplication},
	{Name: "masteruser", Kind: KindString, Flags: Sensitive | EmptyIsUnset, NoEffect: noReplication},
	{Name: "replica-serve-stale-data", Alias: "slave-serve-stale-data", Kind: KindBool, Default: "yes", NoEffect: noReplication},
	{Name: "replica-read-only", Alias: "slave-read-only", Kind: KindBool, Default: "yes", NoEffect: noReplication},
	{Name: "replica-lazy-flush", Alias: "slave-lazy-flush", Kind: KindBool, Default: "no", NoEffect: noReplication},
	{Name: "replica-priority", Alias: "slave-priority", Kind: KindInt, Max: intMax, Default: "100", NoEffect: noReplication},
	{Name: "replica-announced", Kind: KindBool, Default: "yes", NoEffect: noReplication},
	{Name: "replica-announce-ip", Alias: "slave-announce-ip", Kind: KindString, Flags: EmptyIsUnset, NoEffect: noReplication},
	{Name: "replica-announce-port", Alias: "slave-announce-port", Kind: KindInt, Max: portMax, Default: "0", NoEffect: noReplication},
	{Name: "replica-ignore-disk-write-errors", Kind: KindBool, Default: "no", NoEffect: noReplication},
	{Name: "repl-diskless-sync", Kind: KindBool, Default: "yes", NoEffect: noReplication},
	{Name: "repl-diskless-sync-delay", Kind: KindInt, Max: intMax, Default: "5", Unit: "s", NoEffect: noReplication},
	{Name: "repl-diskless-sync-max-replicas", Kind: KindInt, Max: intMax, Default: "0", NoEffect: noReplication},
	{Name: "repl-diskless-load", Kind: KindEnum, Flags: DenyLoading, Enum: disklessLoads, Default: "disabled", NoEffect: noReplication},
	{Name: "repl-ping-replica-period", Alias: "repl-ping-slave-period", Kind: KindInt, Min: 1, Max: intMax, Default: "10", Unit: "s", NoEffect: noReplication},
	{Name: "repl-timeout", Kind: KindInt, Min: 1, Max: intMax, Default: "60", Unit: "s", NoEffect: noReplication},
	{Name: "repl-disable-tcp-nodelay", Kind: KindBool, Default: "no", NoEffect: noReplication},
	{Name: "repl-backlog-size", Kind: KindMemory, Min: 1, floor: backlogBytesMin, Max: longMax, Default: "1mb", Unit: "bytes", NoEffect: noReplication},
	{Name: "repl-backlog-ttl", Kind: KindInt, Max: longMax, Default: "3600", Unit: "s", NoEffect: noReplication},
	{Name: "min-replicas-to-write", Alias: "min-slaves-to-write", Kind: KindInt, Max: intMax, Default: "0", NoEffect: noReplication},
	{Name: "min-replicas-max-lag", Alias: "min-slaves-max-lag", Kind: KindInt, Max: intMax, Default: "10", Unit: "s", NoEffect: noReplication},
	{Name: "propagation-error-behavior", Kind: KindEnum, Enum: propagationErrors, Default: "ignore", NoEffect: noReplication},
}

// clusterRows: Redis Cluster.
var clusterRows = []Directive{
	{Name: "cluster-enabled", Kind: KindBool, Flags: Immutable, Default: "no", NoEffect: noCluster},
	{Name: "cluster-config-file", Kind: KindString, Flags: Immutable, Default: "nodes.conf", NoEffect: noCluster},
	{Name: "cluster-node-timeout", Kind: KindInt, Max: longMax, Default: "15000", Unit: "ms", NoEffect: noCluster},
	{Name: "cluster-ping-interval", Kind: KindInt, Flags: Hidden, Max: longMax, Default: "0", Unit: "ms", NoEffect: noCluster},
	{Name: "cluster-port", Kind: KindInt, Flags: Immutable, Max: portMax, Default: "0", NoEffect: noCluster},
	{Name: "cluster-replica-validity-factor", Alias: "cluster-slave-validity-factor", Kind: KindInt, Max: intMax, Default: "10", NoEffect: noCluster},
	{Name: "cluster-replica-no-failover", Alias: "cluster-slave-no-failover", Kind: KindBool, Default: "no", NoEffect: noCluster},
	{Name: "cluster-migration-barrier", Kind: KindInt, Max: intMax, Default: "1", Unit: "replicas", NoEffect: noCluster},
	{Name: "cluster-allow-replica-migration", Kind: KindBool, Default: "yes", NoEffect: noCluster},
	{Name: "cluster-require-full-coverage", Kind: KindBool, Default: "yes", NoEffect: noCluster},
	{Name: "cluster-allow-reads-when-down", Kind: KindBool, Default: "no", NoEffect: noCluster},
	{Name: "cluster-allow-pubsubshard-when-down", Kind: KindBool, Default: "yes", NoEffect: noCluster},
	{Name: "cluster-link-sendbuf-limit", Kind: KindMemory, Flags: Unsigned, Max: maxUint, Default: "0", Unit: "bytes", NoEffect: noCluster},
	{Name: "cluster-announce-ip", Kind: KindString, Flags: EmptyIsUnset, NoEffect: noCluster},
	{Name: "cluster-announce-hostname", Kind: KindString, Flags: EmptyIsUnset, check: checkHostname, NoEffect: noCluster},
	{Name: "cluster-announce-human-nodename", Kind: KindString, Flags: EmptyIsUnset, check: checkNodename, NoEffect: noCluster},
	{Name: "cluster-announce-port", Kind: KindInt, Max: portMax, Default: "0", NoEffect: noCluster},
	{Name: "cluster-announce-tls-port", Kind: KindInt, Max: portMax, Default: "0", NoEffect: noCluster},
	{Name: "cluster-announce-bus-port", Kind: KindInt, Max: portMax, Default: "0", NoEffect: noCluster},
	{Name: "cluster-preferred-endpoint-type", Kind: KindEnum, Enum: endpointTypes, Default: "ip", NoEffect: noCluster},
}
