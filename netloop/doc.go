// Package netloop runs the event loops of a server: it accepts stream
// connections (TCP and Unix), hands their input to a Handler in batches and
// writes what the handler answers. It knows nothing of commands or protocols.
//
//	listener ─accept─► loop 0 ─► least loaded loop: Open
//	socket ─one read─► Serve(all unconsumed input) ─► Loop.Out ─one write─► socket
//	                      │ rest: kept on the Conn        │ rest: queued on the Conn
//	other goroutines ─Post─► loop                         └─ flushed when writable
//
// Two implementations share everything but the waiting and the system calls.
// Linux has one epoll set per loop, edge-triggered but for listeners, driven by
// one goroutine.
// Other systems, and the build tag "portable", use goroutines over package net,
// with the loop as a mutex-protected context. Both pass the same tests.
//
// Who may call what. Handler methods, functions given to Post and the hooks of
// Config that name a loop run "on the loop": never two at a time for one loop.
// Methods of Conn, and Loop.Each, may only be called there, for connections of
// that loop; Conn.Loop is the exception and may be called from anywhere, as may
// Loop.Post, Loop.Len and the methods of Server and Listener.
//
// Invariants.
//
//	N1  Callbacks never nest, the hooks Pending, Kept and Overflow excepted: Close,
//	    Resume and Send called inside a callback take effect after it returned.
//	N2  Closed runs exactly once for every connection whose Open returned true,
//	    and nothing else runs for that connection afterwards.
//	N3  Replies reach the socket in the order in which they were appended to
//	    Loop.Out or given to Send, whatever part of them had to be queued.
//	N4  A connection without unconsumed input and without queued output holds no
//	    buffer, but for one of the input buffers that its loop grants, grantsMax in
//	    all, until TrimInput finds its client idle.
//	N5  Kept input is bounded: a paused connection is not read (the portable
//	    twin reads at most readAheadMax ahead); a running one is closed when the
//	    rest that Serve did not consume exceeds Config.MaxInput.
//	N6  Memory for announced input (need) follows the bytes received: at most
//	    growFactor times as much, or bufferMin, or what is granted to needs of up to
//	    growLarge, so a lying length costs nothing.
//	N7  An event of a closed connection is never delivered to its successor in
//	    the same slot: events carry the generation of the connection.
//	N8  A loop with nothing to do sleeps in the kernel.
//	N9  Linux: however many connections begin or end at once, and however much
//	    output waits for one of them, a round treats hangupsMax, acceptsMax,
//	    arrivalsMax and flushMax of it before the others have their turn.
//
// It must not parse, look into handler state, log, or read the wall clock.
//
// Goroutines: one per loop, from Start on; the
// portable twin adds one per listener, one per connection that reads, and one
// per connection with output pending. All end with Shutdown.
package netloop
