// Package repl decides how a server takes part in replication: as a master of
// replicas, as a replica of a master, or as both in a chain. It is a pure machine: it
// takes events and the time, and says what to do; a driver does it, the same one in
// production as in simulation.
//
//	Step(now, view, event) ─┐
//	                        ├─► rules ─► Ready(): actions in order ─► driver ─► Advance()
//	Tick(now, view) ────────┘
//
// A stream is counted in bytes from its beginning; an offset is a number of bytes, so
// "the stream at offset n" begins with byte n+1, as a replica asks for it in PSYNC.
// Together with an ID, the name of a history, an offset names a state of the data: two
// servers with the same ID and offset hold the same data.
//
// # Who may call what
//
// A Machine belongs to one goroutine. The driver calls Step and Tick with what it has
// seen, then carries out Ready in order, then calls Advance. What an action leads to
// comes back as an event.
//
// # Invariants
//
//	R1  A replica's stream is a prefix of its master's: a partial resynchronization
//	    continues at the byte that the replica wants, of a history that both share.
//	R3  A history changes its ID whenever its stream may go on differently: on
//	    promotion the old ID stays valid up to that offset only.
//	R4  No replica is told +FULLRESYNC before the snapshot's offset is known.
//
// The package must not open sockets or files, read a clock, start goroutines, or look
// at the data.
package repl
