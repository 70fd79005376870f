// Package invariants reports that this program, not the world, is wrong.
//
// A broken invariant is never an error value: [Fail] panics with the numbers,
// and only the process edge recovers, to write the crash report. Write the
// condition as an if, so that the good path builds no arguments:
//
//	if off < s.prev {
//		invariants.Fail("repl: offset went back: %d < %d", off, s.prev)
//	}
//
// Cheap conditions are always checked; walks of a whole structure sit under
// if [Enabled]. Any goroutine may call Fail, under any lock.
package invariants

import "fmt"

// Fail panics with the formatted message. It never returns and must not be
// called for anything a peer, a disk or a user can cause.
//
//go:noinline
func Fail(format string, args ...any) {
	panic("invariant broken: " + fmt.Sprintf(format, args...))
}
