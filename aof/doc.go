// Package aof knows the files of the append-only log: which there are, in which
// order they are read, what stands in them.
//
//	appendonlydir/appendonly.aof.manifest       names the others, in the order of reading
//	appendonlydir/appendonly.aof.2.base.rdb     all data at a cut (or .base.aof: as commands)
//	appendonlydir/appendonly.aof.5.incr.aof     the effects since the cut
//	appendonlydir/appendonly.aof.6.incr.aof     the effects since the next cut, while a
//	                                            new base is written; appended to
//
//	appendonlydir/appendonly.aof.history        of which history of replication the newest
//	                                            incr file is, if it is known (history.go)
//
// A rewrite makes a new incr file first, cuts the stream of effects there, writes
// the data at the cut to a new base, and then replaces the manifest: old base and
// old incr files become history, are removed, and then leave the manifest.
//
// The package reads and writes through vfs, in the calls of its user. It has no
// goroutine and no clock: package server runs the writer and decides when to
// rewrite. It must not execute commands: the loader hands them out.
//
//	L1  Each change of the manifest is one Rename; before it every file it names
//	    that holds anything is there under its name, after it the folder is synced.
//	L2  A file is removed only once no manifest on the disk needs it.
//	L3  Numbers of files only grow: a name is never used twice.
//	L4  A Reader hands out whole commands only; Offset is then the end of the last
//	    one, so that what follows can be cut off.
//
// Not safe for concurrent use; the owner of a Dir serializes.
package aof
