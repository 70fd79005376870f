// Package config is the server's configuration: the table of every directive
// of Redis 7.2, the grammar of redis.conf and of the command line, and the
// values behind CONFIG GET, CONFIG SET and CONFIG REWRITE.
//
//	bytes of a file ─┐
//	bytes of stdin  ─┼─ CommandLine.Text ─ Load ─┐
//	--name value    ─┘                           ├─ Config ─ getters, Get, Rewrite
//	CONFIG SET pairs ─────────────────────── Set ┘     └──── hooks (OnChange)
//
// The package reads no file and changes no process: included files, the
// working directory and everything that a value means come in as functions of
// the caller. Texts of values and errors are those of Redis 7.2, byte for
// byte; testdata holds what real servers said.
//
// Who may call it, and under which lock. A Config is not safe for concurrent
// use and has no lock of its own. Its owner (the server) guards it with one
// reader-writer lock: Load, Set, OnChange, RunHooks and SetDir under the
// exclusive side, everything else under the shared side. Code that serves
// requests never comes here: a hook copies the values it needs to where they
// are hot (an atomic, a field of a loop).
//
// Invariants:
//
// I1: every value in a Config was accepted by the parser of its row, the
// defaults included, so a getter never fails on what it reads.
//
// I2: Set is all or nothing. After an error the values are those from before,
// and every hook that may have seen a new value has run again with the old.
//
// I3: a value is replaced, never changed in place, so a copy of the value
// array is a snapshot.
//
// I4: feeding the text of Get back through Set changes nothing, and loading
// the text of Rewrite gives the same values.
//
// What it must not do: open files, look at the clock, start goroutines, or
// know what a directive does beyond its text, its range and whether it has an
// effect at all.
//
// Same-level imports: none.
package config
