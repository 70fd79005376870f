package servercmd

import (
	"fmt"
	"slices"
	"strings"

	"kvorum/command"
	"kvorum/internal/invariants"
)

// crashTools returns the forms of DEBUG that end the server, to see that it dies
// as it should.
func crashTools() []tool {
	return []tool{
		{"assert", "", "Breaks an invariant: the server writes a crash report and ends.", 0, 0, debugAssert},
		{"panic", "", "Makes the server panic: it writes a crash report and ends.", 0, 0, debugPanic},
		{"segfault", "", "Touches memory that is not there: the server writes a crash report and dies of SIGSEGV.", 0, 0, debugSegfault},
	}
}

// allTools returns all forms of DEBUG in the order in which its help lists them.
func allTools() []tool {
	all := append(tools(), crashTools()...)
	slices.SortStableFunc(all, func(a, b tool) int { return strings.Compare(a.name, b.name) })
	return all
}

// debugAssert breaks an invariant.
func debugAssert(*command.Ctx) { invariants.Fail("debug: 1 == 2") }

// debugPanic is a mistake that no invariant names.
func debugPanic(c *command.Ctx) {
	const usecPerSec = 1e6
	panic(fmt.Sprintf("DEBUG PANIC called at Unix time %d", c.Host.NowUs()/usecPerSec))
}

// debugSegfault touches memory that is not there.
func debugSegfault(c *command.Ctx) { c.Host.Segfault() }
