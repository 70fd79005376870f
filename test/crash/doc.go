// Package crash shows that data survive: a server whose machine crashes after any
// operation on a file, or whose disk fails at any of them, and one that is killed; and
// that a log goes from kvorum to redis-server and back with equal data.
//
// The servers of the first kind run in the test's process on a file system in memory
// that knows what has been synced; KVORUM_CRASHES=all looks at every operation, not at
// every fourth. KVORUM_KILLS is the number of rounds of the second kind.
package crash
