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
// expected transcript is always a real server's of the same run. What only newer
// servers than that have, a test of its own holds against what the library's
// documentation says.
//
// The Node programs need node 20 and the modules of node/package-lock.json, which
// `make deps` installs. Without them their tests are skipped with a reason.
//
// Tests only; no package of the program may import it.
package interop
