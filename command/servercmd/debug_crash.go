package servercmd

import (
	"fmt"

	"kvorum/command"
	"kvorum/internal/invariants"
)

// Forms of DEBUG that end the server, to see that it dies as it should.

// debugAssert breaks an invariant.
func debugAssert(*command.Ctx) { invariants.Fail("debug: 1 == 2") }

// debugPanic is a mistake that no invariant names.
func debugPanic(c *command.Ctx) {
	const usecPerSec = 1e6
	panic(fmt.Sprintf("DEBUG PANIC called at Unix time %d", c.Host.NowUs()/usecPerSec))
}

// debugSegfault touches memory that is not there.
func debugSegfault(c *command.Ctx) { c.Host.Segfault() }
