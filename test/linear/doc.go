// Package linear checks that concurrent clients of a server with several loops
// see one order of all commands.
//
//	clients ──► kvorum --io-threads 4 ──► history: call, return, reply ──► checker
//
// Histories of random commands on few keys are recorded with the times of call
// and return and given to a linearizability checker (porcupine), which looks for
// an order that explains all replies: first per key, long; then over several keys
// at once (MSET, MGET, RENAME ...), short, as the search is exponential. Two more
// tests look for what a checker is too slow for: that no reader ever sees half
// of a command on several keys, of a FLUSHALL or of a SWAPDB, while all run at full speed,
// and that memory adds up afterwards (DEBUG MEMCHECK).
//
//	go test ./test/linear -seed 7          the same commands again
//	go test ./test/linear -seconds 300     a longer run (LINEAR_SECONDS)
//	KVORUM_BUILDFLAGS=-race ...            with a server that detects races
//
// I1: the checker is shown to find faults, in doctored histories. I2: a seed fixes
// the commands of each client; how they interleave is up to the machine.
//
// Tests only; no package of the program may import it.
package linear
