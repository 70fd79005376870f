// Package resp speaks the Redis serialization protocol: RESP2, RESP3 and
// inline requests.
//
// It has four doors:
//
//   - Parser and Request cut client requests out of input bytes (server side);
//   - Writer appends replies to a byte slice (server side);
//   - ReplyReader reads replies into Values (client side: tools and tests);
//   - AppendCommand encodes requests (client side, feed, AOF).
//
// The package does no I/O of its own (ReplyReader reads from an io.Reader it
// is given), takes no locks and starts nothing. Every type belongs to one
// goroutine at a time; callers need no lock for values they do not share.
//
// Invariants:
//
//	I1  The requests and errors found in a stream do not depend on how the
//	    stream was cut into reads.
//	I2  The parser never reads past len(in) and never writes to in.
//	I3  The parser allocates nothing in proportion to a length a peer merely
//	    announced: argument slots are reserved only when the bytes that could
//	    fill them have arrived, and argument bytes are never copied.
//	I4  A request costs time linear in its size, in however many pieces it
//	    arrives: each byte is looked at a small fixed number of times.
//	I5  In steady state neither Parser.Next nor any Writer method allocates.
//
// The package must not know commands: names, arity and permissions belong to
// package command.
//
// Error texts, limits and corner cases were read off Redis 7.0.15 by talking
// to it; testdata/protocol.txt keeps the transcript.
package resp
