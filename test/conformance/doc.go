// Package conformance sends the same random requests to kvorum and to a real
// server and compares every reply, byte for byte, the keyspace events, and the data
// left behind.
//
//	spec rows ──► generator ──► stream ──► kvorum, one loop and several
//	                                  └──► redis-server        ── compare ──► shrink, print
//
// Streams come from a seed and from the command table: the argument grammar of a
// row says what to send, so a new command is tested as soon as it has a row. A
// stream runs over several connections, one batch at a time, so that both
// servers execute the same commands in the same order whatever the number of
// loops. A stream that fails is shrunk to a few commands and printed as a script
// of internal/datadriven with its seed. A second test mangles the bytes of
// requests instead of their words, and compares also whether the connection is
// closed.
//
//	go test ./test/conformance                    a short run, always the same streams
//	go test ./test/conformance -seed 7            stream 7 first
//	go test ./test/conformance -seconds 600       a longer run, from a new seed
//	go test ./test/conformance -failures 20       do not stop at the first mismatch
//	CONFORMANCE_SECONDS=600, REDIS_SERVER=...     the same from outside; another server
//
// I1: nothing in a stream depends on the time at which it runs: times to live are
// long over or far away, and no two are equal. I2: what two right servers may
// answer differently is listed in rules_test.go, each with its reason; the rest
// is compared to the byte.
//
// Tests only; no package of the program may import it.
package conformance
