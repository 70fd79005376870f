// Package sim runs whole deployments of the pure machines on virtual time and a virtual
// network, from a seed: ten servers in one process, faster than real time, and a
// failure replays.
//
//	seed ─► world: clock, messages under way, servers ─► machine ─► actions ─┐
//	          ▲                                                              │
//	          └────────────── messages, timers, faults ◄─────────────────────┘
//
// After each event the invariants are checked; at the end the network is healed and
// the deployment must come to rest in the right state within a bounded time.
//
// Invariants of replication (repl_test.go): R1 a replica's stream is a prefix of its
// master's; a partial resynchronization never skips or repeats a byte. R2 what enough
// replicas have acknowledged is on as many replicas. R4 healed, all hold the master's
// data, and no replica was given everything that could have been continued.
//
//	go test ./test/sim -seed 7          one world
//	go test ./test/sim -worlds 5000     more of them
package sim
