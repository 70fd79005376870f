// Package interop runs client libraries that people use, as they come, against
// kvorum and against a real server, and compares what their programs see.
//
//	go-redis, rueidis       in the test's process
//	ioredis, node-redis     a node process per run, node/main.mjs
//
//	program ──► redis-server          ──► transcript ──┐
//	        ──► kvorum, one loop      ──► transcript ──┼── equal, line by line
//	        ──► kvorum, several loops ──► transcript ──┘
//
// A program is a table of scenarios, each a few everyday uses of one subject in
// the words of its library; the libraries connect with their defaults wherever a
// scenario is not about an option. What a scenario notes is its transcript:
// calls, results, and errors by the type that the library gives them. A later
// feature is a scenario more in each table.
//
// I1: a transcript has nothing random and nothing that depends on time or on the
// machine: scenarios note such values as a condition on them (a time to live
// within bounds), and ports and paths are replaced before the comparison. I2: a
// scenario leaves the server empty and with the configuration it found. I3: the
// expected transcript is always a real server's of the same run. A server older than
// 7.2 is brought to the words of 7.2 where these are known to have changed.
//
// The Node programs need node 18 and the modules of node/package-lock.json, which
// `make deps` installs. Without them their tests are skipped with a reason.
//
//	REDIS_SERVER=...   another server to compare with; one of 7.2 also shows the
//	                   texts and fields that Debian's 7.0 does not have
//	KVORUM_NO_NODE=1   leaves the Node libraries out
//
// Beside that, masters and replicas of both kinds (replication_*_test.go): each pair
// under a load of writes chosen by a seed, through cuts, kills, restarts and failovers,
// ends with the same data and just as many full synchronizations as there have to be.
// TestChaos does that in network namespaces with packets that get lost, are late or go
// one way only; it needs root, ip of iproute2 and TUN devices, and else says that it is
// skipped.
//
//	KVORUM_CHAOS=8     each trouble of a network 8 times in a row (make chaos)
//
// Tests only; no package of the program may import it.
package interop
