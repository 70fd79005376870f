// Package feed keeps the ordered stream of effects: what the executed commands
// did to the data, as commands, in one serial order.
//
//	worker 1  Append ─► ring 1 ─┐
//	worker 2  Append ─► ring 2 ─┼─► merge by number ─► window ─► cursors: AOF,
//	worker 3  Append ─► ring 3 ─┘     (+ SELECT,        (bytes by     replicas,
//	             ▲                     MULTI, EXEC)      offset)      migration
//	   one atomic counter
//
// Every executing goroutine owns a Ring. While it still holds the shard locks
// of its command it appends the effect: it encodes it into its ring, takes the
// next number of the one counter and publishes it. Two commands that touch the
// same data exclude each other by a lock, so their numbers are in the order in
// which they ran; for others any order is right. Merging the rings by number
// therefore gives a valid serial order, and no lock is shared per effect (one
// mutex around one ring cost +66 ns per effect with two goroutines and
// collapsed with four).
//
// # Who may call what
//
// A Ring belongs to one goroutine; its methods need no lock but the shard locks
// that order the effects. Feed and Cursor methods may be called by any
// goroutine unless they say otherwise. Enable, Disable, Cut and Reset need the
// engine's gate: they are called exclusively, while no command executes. The
// mutex inside is the last in the order of locks: nothing else is locked, and
// nothing of a caller is run, while it is held.
//
// # Who merges
//
// A worker calls Flush after each batch. It merges what there is, for all
// rings, if nobody else is merging: no other thread has to be woken for that.
// FlushLazy puts it off until some hundred effects wait or it was called a few
// times, since each hand-over of the merge to another processor costs; a worker
// that uses it calls Flush before it blocks, or its last effects wait for its
// next batch. What a merge leaves (its share is bounded) the sequencer does:
// Run, in a goroutine that the owner starts, asleep otherwise. A number that
// was taken and is not published yet holds the merge back; its owner is between
// two instructions, and merges with its own flush.
//
// # Full rings
//
// Append never waits: it may hold shard locks, and whoever could make room
// might want them. A ring is a list of chunks and grows instead. The bound is
// kept at the batch boundary, without locks, by Throttle: with more than
// RingBytesMax not merged it merges itself, for a bounded number of rounds. So
// a ring holds at most RingBytesMax plus the effects of one batch, plus what is
// appended while one other goroutine stands descheduled between taking a
// number and publishing it.
//
// # Invariants
//
//	I1  The stream is a sequence of whole commands; each number of the counter
//	    appears exactly once, in order: no gap, no repeat.
//	I2  Effects between Begin and End take one number: nothing comes between
//	    them, and if they are several they stand between MULTI and EXEC.
//	I3  Offsets count the bytes of the stream and only grow, except by Reset.
//	I4  The window holds at least the last WindowBytes of the stream (or all),
//	    and everything a holding cursor has not passed. Memory beyond that: two
//	    pages of 64 KiB, and one per cursor.
//	I5  A cursor reads every byte from its offset on once, or ErrGone.
//	I6  Append allocates nothing in steady state.
//
// The package must not interpret commands: the effects arrive deterministic
// (absolute times, chosen members) from the handlers.
package feed
