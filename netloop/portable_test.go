//go:build !linux || portable

package netloop

// takesTurns: input arrives here when the goroutine that reads it gets a processor,
// which may be later than the turns of others.
const takesTurns = false
